//! Sessions: born for somebody, moved on by one racer, ended for good.

use super::sample::*;
use keyward_auth::records::{Along, EventKind, Session, Store, StoreError};
use keyward_auth::values::SessionId;

async fn opened(store: &Store, session: Session) -> Session {
    store.sessions.insert(&session, 100, &[]).await.unwrap();
    session
}

async fn is_there(store: &Store, id: SessionId) -> bool {
    store.sessions.by_id(id).await.unwrap().is_some()
}

pub async fn a_session_comes_back_as_it_was_kept(store: &Store) {
    let ada = kept(store, user(1)).await;
    let full = opened(store, session(1, &ada)).await;
    let bare =
        opened(store, Session { address: None, agent: None, epoch: 3, generation: 9, ..session(2, &ada) })
            .await;
    assert_eq!(store.sessions.by_id(full.id).await, Ok(Some(full)));
    assert_eq!(store.sessions.by_id(bare.id).await, Ok(Some(bare)));
    assert_eq!(store.sessions.by_id(session_id(3)).await, Ok(None));
}

pub async fn a_session_and_a_user_are_read_side_by_side(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    let own = opened(store, session(1, &ada)).await;
    assert_eq!(store.sessions.with_user(own.id, ada.id).await, Ok(Some((own.clone(), ada.clone()))));
    // Not this user's: the caller sees it by the session's own `user`.
    assert_eq!(store.sessions.with_user(own.id, bob.id).await, Ok(Some((own.clone(), bob))));
    assert_eq!(store.sessions.with_user(session_id(2), ada.id).await, Ok(None));
    assert_eq!(store.sessions.with_user(own.id, user(3).id).await, Ok(None));
}

pub async fn a_session_of_nobody_is_refused(store: &Store) {
    let ada = kept(store, user(1)).await;
    store.users.delete(&ada, Along::default()).await.unwrap();
    let events = [event(1, EventKind::SignedIn, ada.id)];
    let refused = store.sessions.insert(&session(1, &ada), 100, &events).await;
    assert_eq!(refused, Err(StoreError::Stale));
    assert!(!is_there(store, session_id(1)).await);
    assert_eq!(events_of(store, &ada).await, 0);
}

pub async fn the_oldest_sessions_end_beyond_the_cap(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    opened(store, session(50, &bob)).await;
    // The same moment for some, so that the id decides.
    for number in 1..=6 {
        let one = Session { created_at: second(number / 3), ..session(number, &ada) };
        store.sessions.insert(&one, 3, &[]).await.unwrap();
    }
    let left = store.sessions.of_user(ada.id, second(10)).await.unwrap();
    let left: Vec<SessionId> = left.into_iter().map(|session| session.id).collect();
    assert_eq!(left, [session_id(6), session_id(5), session_id(4)]);
    assert!(is_there(store, session_id(50)).await);
}

pub async fn racing_sign_ins_keep_to_the_cap(store: &Store) {
    let ada = kept(store, user(1)).await;
    let results = race(store, RACERS, |store, number| {
        let own = session(number, &ada);
        async move { store.sessions.insert(&own, 5, &[]).await }
    })
    .await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(store.sessions.of_user(ada.id, second(1)).await.unwrap().len(), 5);
}

pub async fn a_rotation_moves_on_by_one(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    let rotated = store.sessions.rotate(one.id, 1, second(20), second(1020)).await.unwrap().unwrap();
    let expected = Session {
        generation: 2,
        rotated_at: second(20),
        last_used_at: second(20),
        idle_at: second(1020),
        ..one.clone()
    };
    assert_eq!(rotated, expected);
    assert_eq!(store.sessions.by_id(one.id).await, Ok(Some(expected)));
}

pub async fn one_of_many_rotations_wins(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    for generation in 1..=5 {
        let results = race(store, RACERS, |store, _| async move {
            store.sessions.rotate(one.id, generation, second(20), second(1020)).await.unwrap()
        })
        .await;
        assert_eq!(results.iter().flatten().count(), 1);
        let now = store.sessions.by_id(one.id).await.unwrap().unwrap();
        assert_eq!(now.generation, generation + 1);
    }
}

pub async fn an_expired_session_does_not_rotate(store: &Store) {
    let ada = kept(store, user(1)).await;
    let idle = opened(store, session(1, &ada)).await;
    let over = opened(store, Session { idle_at: second(9000), ..session(2, &ada) }).await;
    assert_eq!(store.sessions.rotate(idle.id, 1, second(1000), second(2000)).await, Ok(None));
    assert_eq!(store.sessions.rotate(over.id, 1, second(5000), second(9000)).await, Ok(None));
    assert_eq!(store.sessions.by_id(idle.id).await, Ok(Some(idle.clone())));
    assert!(store.sessions.rotate(idle.id, 1, second(999), second(2000)).await.unwrap().is_some());
    assert!(store.sessions.rotate(over.id, 1, second(4999), second(9000)).await.unwrap().is_some());
}

pub async fn what_is_gone_or_moved_on_does_not_rotate(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    for generation in [0, 2] {
        assert_eq!(store.sessions.rotate(one.id, generation, second(20), second(1020)).await, Ok(None));
    }
    store.sessions.end(one.id, ada.id, Along::default()).await.unwrap();
    assert_eq!(store.sessions.rotate(one.id, 1, second(20), second(1020)).await, Ok(None));
}

pub async fn ending_tells_whether_there_was_one(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    let end = async |number| {
        store
            .sessions
            .end(one.id, ada.id, Along::events(&[event(number, EventKind::SignedOut, ada.id)]))
            .await
    };
    assert_eq!(end(1).await, Ok(true));
    assert_eq!(end(2).await, Ok(false));
    assert_eq!(events_of(store, &ada).await, 1);
    assert!(!is_there(store, one.id).await);
}

pub async fn only_its_user_ends_a_session(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    let one = opened(store, session(1, &ada)).await;
    let events = [event(1, EventKind::SessionEnded, bob.id)];
    assert_eq!(store.sessions.end(one.id, bob.id, Along::events(&events)).await, Ok(false));
    assert!(is_there(store, one.id).await);
    assert_eq!(events_of(store, &bob).await, 0);
}

pub async fn one_of_many_endings_wins(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    let results = race(store, RACERS, |store, number| {
        let events = [event(number, EventKind::RefreshTokenReused, ada.id)];
        let user = ada.id;
        async move { store.sessions.end(one.id, user, Along::events(&events)).await.unwrap() }
    })
    .await;
    assert_eq!(results.into_iter().filter(|ended| *ended).count(), 1);
    assert_eq!(events_of(store, &ada).await, 1);
}

pub async fn a_rotation_racing_an_end_does_not_revive(store: &Store) {
    let ada = kept(store, user(1)).await;
    let user = ada.id;
    for round in 1..=20 {
        let one = opened(store, session(round, &ada)).await;
        let results = race(store, 4, |store, number| async move {
            if number == 0 {
                store.sessions.end(one.id, user, Along::default()).await.unwrap()
            } else {
                store.sessions.rotate(one.id, 1, second(30), second(1030)).await.unwrap().is_some()
            }
        })
        .await;
        assert!(results[0]);
        assert!(!is_there(store, one.id).await);
    }
}

pub async fn a_users_sessions_are_listed_newest_first(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    opened(store, session(9, &bob)).await;
    for number in [3, 1, 2] {
        opened(store, session(number, &ada)).await;
    }
    opened(store, Session { idle_at: second(99), ..session(4, &ada) }).await;
    opened(store, Session { ends_at: second(100), ..session(5, &ada) }).await;
    let list = store.sessions.of_user(ada.id, second(100)).await.unwrap();
    assert_eq!(list, [session(3, &ada), session(2, &ada), session(1, &ada)]);
}

pub async fn forgetting_spares_the_kept_and_the_new(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    for (number, epoch) in [(1, 0), (2, 1), (3, 2), (4, 0)] {
        opened(store, Session { epoch, ..session(number, &ada) }).await;
    }
    opened(store, session(5, &bob)).await;
    store.sessions.forget(ada.id, 2, Some(session_id(4))).await.unwrap();
    let mut left = Vec::new();
    for number in 1..=5 {
        left.push(is_there(store, session_id(number)).await);
    }
    assert_eq!(left, [false, false, true, true, true]);
    store.sessions.forget(ada.id, 2, None).await.unwrap();
    assert!(!is_there(store, session_id(4)).await);
}

pub async fn a_rotated_session_outlives_its_old_end(store: &Store) {
    let ada = kept(store, user(1)).await;
    let one = opened(store, session(1, &ada)).await;
    let now = async |seconds| store.sessions.of_user(ada.id, second(seconds)).await.unwrap().len();
    assert!(store.sessions.rotate(one.id, 1, second(900), second(1900)).await.unwrap().is_some());
    assert_eq!((now(1500).await, now(1900).await), (1, 0));
    // Used again and again, it still ends when it must.
    assert!(store.sessions.rotate(one.id, 2, second(1800), second(9000)).await.unwrap().is_some());
    assert_eq!((now(4999).await, now(5000).await), (1, 0));
    assert_eq!(store.sessions.rotate(one.id, 3, second(5000), second(9000)).await, Ok(None));
}
