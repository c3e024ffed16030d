//! What ends all of a user's sessions stands in the main store: whatever happens to Redis, nobody gets in again. And
//! what a single sign-out is worth, which Redis alone keeps.

use crate::server::*;
use keyward_auth::records::{Along, Change, Session, Store, User};

/// A user with a session that was ended through the epoch, and one that was opened since.
async fn ended(store: &Store, ada: &User) -> (Session, Session) {
    let old = session(1, ada);
    store.sessions.insert(&old, 9, &[]).await.unwrap();
    assert!(gets_in(store, &old).await);
    let change = Change { end_sessions: Some(None), ..Change::default() };
    let ada = store.users.change(ada.id, &change, NOW, Along::default()).await.unwrap();
    assert!(!gets_in(store, &old).await);
    let new = session(2, &ada);
    store.sessions.insert(&new, 9, &[]).await.unwrap();
    assert!(gets_in(store, &new).await);
    (old, new)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn nobody_gets_in_while_redis_is_gone_or_slow_or_when_it_is_back() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (store, ada, _folder) = beside(&server).await;
    let (old, new) = ended(&store, &ada).await;
    server.kill();
    for _ in 0..5 {
        assert!(!gets_in(&store, &old).await && !gets_in(&store, &new).await);
    }
    server.start_again();
    until(SOON, async || gets_in(&store, &new).await).await;
    assert!(!gets_in(&store, &old).await);
    server.freeze();
    for _ in 0..3 {
        assert!(!gets_in(&store, &old).await);
    }
    server.thaw();
    until(SOON, async || gets_in(&store, &new).await).await;
    assert!(!gets_in(&store, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn an_emptied_redis_ends_sessions_and_loses_nothing_else() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let (old, new) = ended(&store, &ada).await;
    server.tell(&["FLUSHALL"]);
    server.tell(&["SCRIPT", "FLUSH"]);
    assert!(!gets_in(&store, &old).await && !gets_in(&store, &new).await);
    assert_eq!(store.sessions.by_id(new.id).await, Ok(None));
    assert_eq!(store.sessions.rotate(new.id, 1, NOW, new.idle_at).await, Ok(None));
    assert_eq!(store.sessions.of_user(ada.id, NOW).await, Ok(vec![]));
    assert_eq!(store.sessions.end(new.id, ada.id, Along::default()).await, Ok(false));
    // Signing in works at once.
    let ada = store.users.by_id(ada.id).await.unwrap().unwrap();
    store.sessions.insert(&session(3, &ada), 9, &[]).await.unwrap();
    assert!(gets_in(&store, &session(3, &ada)).await);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_redis_rolled_back_lets_nobody_in_again() {
    let mut server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let old = session(1, &ada);
    store.sessions.insert(&old, 9, &[]).await.unwrap();
    server.tell(&["SAVE"]);
    let change = Change { end_sessions: Some(None), ..Change::default() };
    let changed = store.users.change(ada.id, &change, NOW, Along::default()).await.unwrap();
    store.sessions.forget(ada.id, changed.epoch, None).await.unwrap();
    assert_eq!(store.sessions.by_id(old.id).await, Ok(None));

    server.kill();
    server.start_again();
    // It is there again, and good for nothing.
    until(SOON, async || store.sessions.by_id(old.id).await == Ok(Some(old.clone()))).await;
    assert!(!gets_in(&store, &old).await);
    store.sessions.forget(ada.id, changed.epoch, None).await.unwrap();
    assert_eq!(store.sessions.by_id(old.id).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_single_sign_out_is_as_durable_as_redis() {
    for (options, survives) in
        [(&["--appendonly", "yes", "--appendfsync", "always"][..], true), (&["--appendonly", "no"], false)]
    {
        let mut server = Server::start(options);
        let (store, ada, _folder) = beside(&server).await;
        let one = session(1, &ada);
        store.sessions.insert(&one, 9, &[]).await.unwrap();
        if !survives {
            server.tell(&["SAVE"]);
        }
        assert_eq!(store.sessions.end(one.id, ada.id, Along::default()).await, Ok(true));
        assert!(!gets_in(&store, &one).await);
        server.kill();
        server.start_again();
        until(SOON, async || store.sessions.by_id(one.id).await.is_ok()).await;
        assert_eq!(!gets_in(&store, &one).await, survives, "{options:?}");
    }
}
