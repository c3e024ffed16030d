//! One-time codes: the newest is good, for so many tries and for one use, whoever races for them.

use super::sample::*;
use keyward_auth::records::{Code, Purpose, Store};
use keyward_auth::values::{Email, MailId};

/// How often digits may be tried here.
const MOST: u32 = 5;
/// A moment at which the digits of samples are good.
const NOW: u64 = 100;

async fn issued(store: &Store, code: Code) -> Code {
    assert_eq!(store.codes.issue(&code).await, Ok(true));
    code
}

/// A try at place 1: the codes that it is a try at, by their ids.
async fn tried(store: &Store, now: u64) -> Vec<Code> {
    let mut codes = store.codes.try_at(place(1), MOST, second(now)).await.unwrap();
    codes.sort_by_key(|code| code.id);
    codes
}

async fn tried_ids(store: &Store, now: u64) -> Vec<MailId> {
    tried(store, now).await.into_iter().map(|code| code.id).collect()
}

pub async fn a_code_comes_back_as_it_was_kept(store: &Store) {
    let ada = user_id(1);
    let bare = code(1, Some(ada));
    let full = Code {
        email: Some(Email::parse("Before+Then@example.com").unwrap()),
        epoch: 7,
        tries: 2,
        digits_until: None,
        expires_at: second(9_000_000),
        ..code(2, Some(ada))
    };
    for (number, purpose) in (10..).zip(Purpose::ALL) {
        for (code, at) in [(&bare, place(number)), (&full, place(100 + number))] {
            let code = issued(store, Code { purpose, place: at, ..code.clone() }).await;
            assert_eq!(store.codes.read(at, ada).await, Ok(Some(code)));
        }
    }
    assert_eq!(store.codes.read(place(1), ada).await, Ok(None));
    assert_eq!(store.codes.read(place(10), user_id(2)).await, Ok(None));
}

pub async fn an_expired_code_is_read_all_the_same(store: &Store) {
    let ada = user_id(1);
    let over = issued(store, Code { digits_until: None, expires_at: second(2), ..code(1, Some(ada)) }).await;
    assert_eq!(store.codes.read(place(1), ada).await, Ok(Some(over)));
}

pub async fn an_older_code_replaces_no_newer_one(store: &Store) {
    let ada = Some(user_id(1));
    let newer = issued(store, code(2, ada)).await;
    let older = Code { expires_at: second(9999), ..code(1, ada) };
    assert_eq!(store.codes.issue(&older).await, Ok(false));
    assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(newer)));
}

pub async fn a_newer_code_replaces_the_older(store: &Store) {
    let ada = Some(user_id(1));
    let older = issued(store, code(1, ada)).await;
    for _ in 0..MOST {
        tried(store, NOW).await;
    }
    assert_eq!(tried(store, NOW).await, []);
    let newer = issued(store, Code { epoch: 3, expires_at: second(700), ..code(2, ada) }).await;
    assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(newer.clone())));
    assert_eq!(store.codes.consume(&older, second(NOW)).await, Ok(false));
    assert_eq!(tried(store, NOW).await, [Code { tries: 1, ..newer.clone() }]);
    assert_eq!(store.codes.consume(&newer, second(NOW)).await, Ok(true));
}

pub async fn the_same_code_again_keeps_its_tries(store: &Store) {
    let first = issued(store, code(1, Some(user_id(1)))).await;
    for tries in 1..=3 {
        assert_eq!(tried(store, NOW).await, [Code { tries, ..first.clone() }]);
    }
    let again = Code { digits_until: Some(second(900)), expires_at: second(9000), ..first };
    assert_eq!(store.codes.issue(&again).await, Ok(true));
    assert_eq!(tried(store, 899).await, [Code { tries: 4, ..again.clone() }]);
    assert_eq!(tried(store, 899).await, [Code { tries: 5, ..again.clone() }]);
    assert_eq!(store.codes.issue(&again).await, Ok(true));
    assert_eq!(tried(store, 899).await, []);
}

pub async fn a_code_is_newer_by_when_it_was_asked_for(store: &Store) {
    let ada = Some(user_id(1));
    let one = issued(store, Code { asked_at: second(50), ..code(5, ada) }).await;
    // Its mail was made later, for somebody who had asked before.
    assert_eq!(store.codes.issue(&Code { asked_at: second(49), ..code(6, ada) }).await, Ok(false));
    assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(one)));
    for next in [Code { asked_at: second(50), ..code(7, ada) }, Code { asked_at: second(51), ..code(4, ada) }]
    {
        assert_eq!(store.codes.issue(&next).await, Ok(true));
        assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(next)));
    }
}

pub async fn of_racing_codes_the_newest_stays(store: &Store) {
    for round in 0..5 {
        let ada = user_id(round);
        race(store, RACERS, |store, number| async move {
            store.codes.issue(&code(1 + number, Some(ada))).await.unwrap()
        })
        .await;
        assert_eq!(store.codes.read(place(1), ada).await, Ok(Some(code(RACERS, Some(ada)))));
    }
}

pub async fn digits_are_tried_so_often_and_no_more(store: &Store) {
    let one = issued(store, code(1, Some(user_id(1)))).await;
    for tries in 1..=MOST {
        assert_eq!(tried(store, NOW).await, [Code { tries, ..one.clone() }]);
    }
    assert_eq!(tried(store, NOW).await, []);
    let kept = store.codes.read(place(1), user_id(1)).await.unwrap().unwrap();
    assert_eq!(kept, Code { tries: MOST, ..one.clone() });
    // Wrong digits do not end the link.
    assert_eq!(store.codes.consume(&kept, second(NOW)).await, Ok(true));
}

pub async fn two_hundred_racers_get_no_more_tries_than_there_are(store: &Store) {
    let owners = [Some(user_id(1)), Some(user_id(2)), None];
    for (number, owner) in (1..).zip(owners) {
        issued(store, code(number, owner)).await;
    }
    let results = race(store, 200, |store, _| async move { tried(&store, NOW).await }).await;
    for owner in owners {
        let mut tries: Vec<u32> =
            results.iter().flatten().filter(|code| code.user == owner).map(|code| code.tries).collect();
        tries.sort_unstable();
        assert_eq!(tries, [1, 2, 3, 4, 5], "{owner:?}");
    }
}

pub async fn expired_digits_get_no_try(store: &Store) {
    issued(store, code(1, Some(user_id(1)))).await;
    assert_eq!(tried_ids(store, 600).await, []);
    assert_eq!(tried_ids(store, 601).await, []);
    let kept = store.codes.read(place(1), user_id(1)).await.unwrap().unwrap();
    assert_eq!(kept.tries, 0, "what is not tried is not counted");
    assert_eq!(tried_ids(store, 599).await, [mail_id(1)]);
}

pub async fn a_link_alone_gets_no_try(store: &Store) {
    let link = issued(store, Code { digits_until: None, ..code(1, Some(user_id(1))) }).await;
    assert_eq!(tried_ids(store, NOW).await, []);
    assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(link)));
}

pub async fn nobodys_code_is_tried_like_any(store: &Store) {
    let nobodys = issued(store, code(1, None)).await;
    for tries in 1..=MOST {
        assert_eq!(tried(store, NOW).await, [Code { tries, ..nobodys.clone() }]);
    }
    assert_eq!(tried(store, NOW).await, []);
    assert_eq!(store.codes.issue(&code(0, None)).await, Ok(false));
    let newer = issued(store, code(2, None)).await;
    assert_eq!(tried(store, NOW).await, [Code { tries: 1, ..newer.clone() }]);
    assert_eq!(store.codes.consume(&newer, second(NOW)).await, Ok(true));
    assert_eq!(tried(store, NOW).await, []);
}

pub async fn codes_of_two_users_in_one_place_do_not_disturb_each_other(store: &Store) {
    let (ada, bob) = (Some(user_id(1)), Some(user_id(2)));
    let older = issued(store, code(1, ada)).await;
    assert_eq!(tried_ids(store, NOW).await, [older.id]);
    // Newer, and another's.
    let other = issued(store, code(2, bob)).await;
    assert_eq!(
        tried(store, NOW).await,
        [Code { tries: 2, ..older.clone() }, Code { tries: 1, ..other.clone() }]
    );
    for _ in 3..=MOST {
        tried(store, NOW).await;
    }
    assert_eq!(tried_ids(store, NOW).await, [other.id]);
    assert_eq!(store.codes.consume(&Code { user: bob, ..older.clone() }, second(NOW)).await, Ok(false));
    assert_eq!(store.codes.consume(&other, second(NOW)).await, Ok(true));
    let left = store.codes.read(place(1), user_id(1)).await.unwrap();
    assert_eq!(left, Some(Code { tries: MOST, ..older }));
}

pub async fn places_do_not_mix(store: &Store) {
    let mut near = place(1);
    near.0[15] = 2;
    let ada = user_id(1);
    let here = issued(store, code(1, Some(ada))).await;
    let there = issued(store, Code { place: near, ..code(2, Some(ada)) }).await;
    assert_eq!(tried_ids(store, NOW).await, [here.id]);
    assert_eq!(store.codes.read(near, ada).await, Ok(Some(there.clone())));
    assert_eq!(store.codes.consume(&Code { place: near, ..here.clone() }, second(NOW)).await, Ok(false));
    assert_eq!(store.codes.consume(&here, second(NOW)).await, Ok(true));
    assert_eq!(store.codes.read(near, ada).await, Ok(Some(there)));
    assert_eq!(store.codes.try_at(place(0), MOST, second(NOW)).await, Ok(vec![]));
}

pub async fn all_codes_of_a_place_are_seen(store: &Store) {
    let [ada, bob, nobody] = [Some(user_id(1)), Some(user_id(2)), None].map(|owner| code(1, owner));
    for one in [&ada, &bob, &nobody] {
        issued(store, one.clone()).await;
    }
    issued(store, Code { place: place(2), ..ada.clone() }).await;
    let mut there = store.codes.at(place(1)).await.unwrap();
    there.sort_by_key(|code| code.user);
    assert_eq!(there, [nobody, ada, bob]);
    assert_eq!(store.codes.at(place(3)).await, Ok(Vec::new()));
}

pub async fn one_of_many_racers_consumes_a_code(store: &Store) {
    for round in 1..=5 {
        let one = issued(store, code(round, Some(user_id(1)))).await;
        let results = race(store, RACERS, |store, _| {
            let one = one.clone();
            async move { store.codes.consume(&one, second(NOW)).await.unwrap() }
        })
        .await;
        assert_eq!(results.into_iter().filter(|consumed| *consumed).count(), 1);
        assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(None));
    }
}

pub async fn an_expired_code_is_not_consumed(store: &Store) {
    let one = issued(store, code(1, Some(user_id(1)))).await;
    assert_eq!(store.codes.consume(&one, second(3600)).await, Ok(false));
    assert_eq!(store.codes.read(place(1), user_id(1)).await, Ok(Some(one.clone())));
    assert_eq!(store.codes.consume(&one, second(3599)).await, Ok(true));
}

/// Tries that others made meanwhile, or new times, make it no other code.
pub async fn a_code_is_consumed_however_often_it_was_tried(store: &Store) {
    let one = issued(store, code(1, Some(user_id(1)))).await;
    tried(store, NOW).await;
    issued(store, Code { expires_at: second(9000), ..one.clone() }).await;
    assert_eq!(store.codes.consume(&one, second(8999)).await, Ok(true));
}

pub async fn forgetting_takes_a_users_codes_in_these_places(store: &Store) {
    let (ada, bob) = (user_id(1), user_id(2));
    for number in 1..=3 {
        for owner in [Some(ada), Some(bob), None] {
            issued(store, Code { place: place(number), ..code(1, owner) }).await;
        }
    }
    store.codes.forget(&[], ada).await.unwrap();
    store.codes.forget(&[place(1), place(3), place(9)], ada).await.unwrap();
    for (number, left) in [(1, false), (2, true), (3, false)] {
        assert_eq!(store.codes.read(place(number), ada).await.unwrap().is_some(), left, "{number}");
        assert!(store.codes.read(place(number), bob).await.unwrap().is_some());
    }
    assert_eq!(tried(store, NOW).await.len(), 2, "another's and nobody's");
}
