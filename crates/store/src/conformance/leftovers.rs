//! Leftovers: each is looked at by one at a time when it is due, and forgotten only as it was claimed. What they go along
//! with is in `along.rs`.

use super::sample::*;
use keyward_auth::records::{Leftover, Store};
use keyward_auth::values::{Format, Picture};

async fn put(store: &Store, leftover: Leftover) -> Leftover {
    store.leftovers.put(&leftover).await.unwrap();
    leftover
}

fn due(leftover: Leftover, at: u64) -> Leftover {
    Leftover { due_at: second(at), ..leftover }
}

fn sorted(mut leftovers: Vec<Leftover>) -> Vec<Leftover> {
    leftovers.sort_by_key(|leftover| leftover.picture.to_string());
    leftovers
}

pub async fn a_leftover_is_claimed_when_it_is_due(store: &Store) {
    for format in [Format::Jpeg, Format::Png] {
        let one = Leftover { picture: Picture::new([0xa7; 16], format), ..leftover(10) };
        put(store, one).await;
        assert_eq!(claim_leftovers(store, 9, 5000).await, []);
        assert_eq!(claim_leftovers(store, 10, 5000).await, [due(one, 5000)]);
    }
    assert_eq!(claim_leftovers(store, 5000, 6000).await.len(), 2);
}

pub async fn a_claim_holds_until_it_ends(store: &Store) {
    let one = put(store, leftover(1)).await;
    assert_eq!(claim_leftovers(store, 1, 60).await, [due(one, 60)]);
    assert_eq!(claim_leftovers(store, 59, 120).await, []);
    assert_eq!(claim_leftovers(store, 60, 120).await, [due(one, 120)]);
}

pub async fn leftovers_are_claimed_in_the_order_of_being_due(store: &Store) {
    // Not in the order of their names, nor in that in which they came.
    for (number, at) in [(1, 30), (2, 20), (3, 50), (4, 10), (5, 25), (6, 40)] {
        put(store, due(leftover(number), at)).await;
    }
    let claim = async |most, until| {
        let claimed = store.leftovers.claim(second(45), second(until), most).await.unwrap();
        claimed.into_iter().map(|leftover| leftover.picture).collect::<Vec<_>>()
    };
    assert_eq!(claim(0, 90).await, []);
    assert_eq!(claim(2, 90).await, [4, 2].map(picture));
    assert_eq!(claim(9, 80).await, [5, 1, 6].map(picture));
    // As long as a claim lasts, that is when it is due.
    let all = claim_leftovers(store, 100, 200).await;
    let mut pictures: Vec<Picture> = all.into_iter().map(|leftover| leftover.picture).collect();
    assert_eq!(pictures.remove(0), picture(3));
    assert!(pictures[..3].iter().all(|own| [5, 1, 6].map(picture).contains(own)), "{pictures:?}");
    assert!(pictures[3..].iter().all(|own| [4, 2].map(picture).contains(own)), "{pictures:?}");
}

pub async fn of_a_leftover_that_is_put_again_only_the_time_changes(store: &Store) {
    let one = put(store, leftover(10)).await;
    let other = put(store, leftover(11)).await;
    put(store, Leftover { user: user_id(99), ..due(one, 50) }).await;
    assert_eq!(claim_leftovers(store, 49, 60).await, [due(other, 60)], "later");
    assert_eq!(claim_leftovers(store, 50, 5000).await, [due(one, 5000)]);
    put(store, due(one, 20)).await;
    assert_eq!(claim_leftovers(store, 20, 70).await, [due(one, 70)], "sooner");
}

pub async fn one_of_many_claims_gets_a_leftover(store: &Store) {
    for round in 1..=20 {
        let leftovers = [1, 2, 3].map(|number| leftover(10 * round + number));
        for own in leftovers {
            put(store, own).await;
        }
        let results =
            race(store, RACERS, |store, _| async move { claim_leftovers(&store, 300, 9000 + round).await })
                .await;
        let expected = leftovers.map(|own| due(own, 9000 + round)).to_vec();
        assert_eq!(sorted(results.into_iter().flatten().collect()), sorted(expected));
    }
}

pub async fn racers_who_take_a_few_at_a_time_get_each_once(store: &Store) {
    let mut expected = Vec::new();
    for number in 1..=60 {
        expected.push(due(put(store, leftover(number)).await, 9000));
    }
    let results = race(store, RACERS, |store, _| async move {
        let mut own = Vec::new();
        for _ in 0..5 {
            let some = store.leftovers.claim(second(100), second(9000), 3).await.unwrap();
            assert!(some.len() <= 3, "{}", some.len());
            own.extend(some);
        }
        own
    })
    .await;
    let mut claimed: Vec<Leftover> = results.into_iter().flatten().collect();
    claimed.extend(claim_leftovers(store, 100, 9000).await);
    assert_eq!(sorted(claimed), sorted(expected));
}

pub async fn a_leftover_is_removed_only_as_it_is_due(store: &Store) {
    let (one, other) = (put(store, leftover(1)).await, put(store, leftover(2)).await);
    for at in [0, 2, 60] {
        assert_eq!(store.leftovers.remove(&due(one, at)).await, Ok(false), "{at}");
    }
    assert_eq!(claim_leftovers(store, 1, 60).await, [due(one, 60)]);
    assert_eq!(store.leftovers.remove(&one).await, Ok(false), "as before the claim");
    assert_eq!(store.leftovers.remove(&due(one, 60)).await, Ok(true));
    assert_eq!(store.leftovers.remove(&due(one, 60)).await, Ok(false), "gone");
    assert_eq!(claim_leftovers(store, 9000, 9001).await, [due(other, 9001)]);
}

pub async fn a_claim_that_ran_out_removes_nothing(store: &Store) {
    put(store, leftover(1)).await;
    let late = claim_leftovers(store, 1, 60).await.remove(0);
    let next = claim_leftovers(store, 60, 120).await.remove(0);
    assert_eq!(store.leftovers.remove(&late).await, Ok(false));
    assert_eq!(claim_leftovers(store, 119, 200).await, []);
    assert_eq!(store.leftovers.remove(&next).await, Ok(true));
    assert_eq!(claim_leftovers(store, 9000, 9001).await, []);
}

pub async fn what_is_put_while_it_is_claimed_stays(store: &Store) {
    let one = put(store, leftover(1)).await;
    let claimed = claim_leftovers(store, 1, 60).await.remove(0);
    put(store, due(one, 30)).await;
    assert_eq!(store.leftovers.remove(&claimed).await, Ok(false));
    assert_eq!(claim_leftovers(store, 30, 90).await, [due(one, 90)]);
}

pub async fn one_of_many_removals_wins(store: &Store) {
    let one = put(store, leftover(1)).await;
    let results = race(store, RACERS, |store, _| async move { store.leftovers.remove(&one).await }).await;
    let won = results.iter().filter(|result| **result == Ok(true)).count();
    let lost = results.iter().filter(|result| **result == Ok(false)).count();
    assert_eq!((won, lost), (1, results.len() - 1), "{results:?}");
}

pub async fn of_a_removal_and_another_putting_the_leftover_stays(store: &Store) {
    for round in 1..=30 {
        let one = put(store, leftover(round)).await;
        race(store, 2, |store, number| async move {
            match number {
                0 => drop(store.leftovers.remove(&one).await.unwrap()),
                _ => store.leftovers.put(&due(one, 500)).await.unwrap(),
            }
        })
        .await;
        assert_eq!(claim_leftovers(store, 499, 9000).await, []);
        let left = claim_leftovers(store, 500, 9000).await.remove(0);
        assert_eq!(left, due(one, 9000));
        assert_eq!(store.leftovers.remove(&left).await, Ok(true));
    }
}
