//! Sweeping: what has expired is removed, by stores in which nothing expires by itself.

use super::sample::*;
use keyward_auth::records::{Code, Session, Store};
use keyward_auth::values::SessionId;

async fn opened(store: &Store, session: Session) -> Session {
    store.sessions.insert(&session, 100, &[]).await.unwrap();
    session
}

async fn is_there(store: &Store, id: SessionId) -> bool {
    store.sessions.by_id(id).await.unwrap().is_some()
}

pub async fn a_sweep_takes_exactly_what_has_expired(store: &Store) {
    let ada = kept(store, user(1)).await;
    let ends = [(1, 99, 500), (2, 100, 500), (3, 101, 500), (4, 500, 100), (5, 500, 101)];
    for (number, idle, end) in ends {
        opened(store, Session { idle_at: second(idle), ends_at: second(end), ..session(number, &ada) }).await;
    }
    assert_eq!(store.sessions.sweep(second(100), 100).await, Ok(3));
    assert_eq!(store.sessions.sweep(second(100), 100).await, Ok(0));
    let mut left = Vec::new();
    for number in 1..=5 {
        left.push(is_there(store, session_id(number)).await);
    }
    assert_eq!(left, [false, false, true, false, true]);
}

pub async fn a_sweep_keeps_to_its_bound(store: &Store) {
    let ada = kept(store, user(1)).await;
    for number in 1..=7 {
        opened(store, session(number, &ada)).await;
    }
    assert_eq!(store.sessions.sweep(second(2000), 5).await, Ok(5));
    assert_eq!(store.sessions.sweep(second(2000), 5).await, Ok(2));
    assert_eq!(store.sessions.sweep(second(2000), 0).await, Ok(0));
}

pub async fn a_sweep_goes_by_the_end_after_the_last_rotation(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    store.sessions.rotate(one.id, 1, second(900), second(1900)).await.unwrap();
    assert_eq!(store.sessions.sweep(second(1500), 9).await, Ok(0));
    // Used again and again, it still ends when it must.
    store.sessions.rotate(one.id, 2, second(1800), second(9000)).await.unwrap();
    assert_eq!(store.sessions.sweep(second(4999), 9).await, Ok(0));
    assert_eq!(store.sessions.sweep(second(5000), 9).await, Ok(1));
}

pub async fn a_sweep_takes_exactly_the_codes_that_have_expired(store: &Store) {
    let ends = [(1, 99), (2, 100), (3, 101)];
    for (number, end) in ends {
        let place = place(u8::try_from(number).unwrap());
        let one = Code { place, expires_at: second(end), ..code(1, Some(user_id(1))) };
        assert_eq!(store.codes.issue(&one).await, Ok(true));
    }
    let nobodys = Code { expires_at: second(1), ..code(1, None) };
    assert_eq!(store.codes.issue(&nobodys).await, Ok(true));
    assert_eq!(store.codes.sweep(second(100), 100).await, Ok(3));
    assert_eq!(store.codes.sweep(second(100), 100).await, Ok(0));
    assert_eq!(store.codes.read(place(2), user_id(1)).await, Ok(None));
    assert!(store.codes.read(place(3), user_id(1)).await.unwrap().is_some());
}

pub async fn a_sweep_of_codes_keeps_to_its_bound(store: &Store) {
    for number in 1..=7 {
        assert_eq!(store.codes.issue(&code(1, Some(user_id(number)))).await, Ok(true));
    }
    assert_eq!(store.codes.sweep(second(9000), 5).await, Ok(5));
    assert_eq!(store.codes.sweep(second(9000), 5).await, Ok(2));
    assert_eq!(store.codes.sweep(second(9000), 0).await, Ok(0));
}

pub async fn a_code_that_is_issued_anew_is_not_swept(store: &Store) {
    let ada = user_id(1);
    for round in 1..=60 {
        let (over, new) = (code(2 * round, Some(ada)), code(2 * round + 1, Some(ada)));
        let new = Code { expires_at: second(90_000), ..new };
        store.codes.issue(&over).await.unwrap();
        // One issues it in the midst of others who sweep.
        race(store, RACERS, |store, number| {
            let new = new.clone();
            async move {
                match number {
                    3 => drop(store.codes.issue(&new).await.unwrap()),
                    _ => drop(store.codes.sweep(second(80_000), 9).await.unwrap()),
                }
            }
        })
        .await;
        assert_eq!(store.codes.read(place(1), ada).await, Ok(Some(new.clone())));
        assert_eq!(store.codes.consume(&new, second(1)).await, Ok(true));
    }
}
