//! When Redis breaks: prompt failures, nothing mixed up, and all is well again by itself soon after.

use crate::log::Lines;
use crate::server::*;
use keyward_auth::records::{Along, Bucket, CounterKey, EventKind, Rate, StoreError, Taken};
use std::time::{Duration, Instant};

const AT_ONCE: Duration = Duration::from_millis(100);
const RATE: Rate = Rate { most: 3, window: Duration::from_secs(3600) };

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_killed_server_fails_at_once_and_is_found_again() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    for _ in 0..3 {
        server.kill();
        let (found, took) = timed(store.sessions.by_id(one.id)).await;
        assert!(is_backend(&found) && took < SOON, "{found:?} {took:?}");
        until(SOON, async || timed(store.sessions.by_id(one.id)).await.1 < AT_ONCE).await;
        for part in &store.parts {
            assert_eq!(part.check().await.is_ok(), part.name() == "sqlite");
        }
        server.start_again();
        // Nobody asks meanwhile: it is found again by itself.
        until(SOON, async || server.clients() == 1).await;
        until(SOON, async || gets_in(&store, &one).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_frozen_server_is_waited_for_no_longer_than_the_timeout() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    server.freeze();
    for _ in 0..3 {
        let (found, took) = timed(store.sessions.with_user(one.id, ada.id)).await;
        assert!(is_backend(&found) && took < SOON, "{found:?} {took:?}");
    }
    until(SOON, async || timed(store.sessions.by_id(one.id)).await.1 < AT_ONCE).await;
    let (checked, took) = timed(store.parts[1].check()).await;
    assert!(is_backend(&checked) && took < SOON, "{checked:?} {took:?}");
    server.thaw();
    until(SOON, async || gets_in(&store, &one).await).await;
    assert!(store.parts[1].check().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn late_answers_reach_nobody_else() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    for number in 1..=40 {
        store.sessions.insert(&session(number, &ada), 99, &[]).await.unwrap();
    }
    for round in 0..4 {
        let (mut tasks, mut frozen) = (Vec::new(), Instant::now());
        for number in (1..=40).cycle().take(400) {
            let (store, one) = (store.clone(), session(number, &ada));
            tasks.push(tokio::spawn(async move { (store.sessions.by_id(one.id).await, one) }));
            if tasks.len() == 100 {
                frozen = Instant::now();
                server.freeze();
            }
        }
        if round % 2 == 0 {
            // Shorter than the timeout: slow, and all are answered.
            tokio::time::sleep(TIMEOUT / 5).await;
        } else {
            tokio::time::sleep(TIMEOUT * 3).await;
        }
        server.thaw();
        let is_short = frozen.elapsed() < TIMEOUT / 2;
        let mut answered = 0;
        for task in tasks {
            let (found, one) = task.await.unwrap();
            match found {
                Ok(found) => {
                    assert_eq!(found, Some(one));
                    answered += 1;
                }
                Err(error) => assert!(matches!(error, StoreError::Backend(_)), "{error:?}"),
            }
        }
        assert!(answered == 400 || !is_short, "{answered}");
        assert!(answered < 400 || round % 2 == 0, "{answered}");
        until(SOON, async || gets_in(&store, &session(1, &ada)).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_full_server_still_knows_who_is_signed_in() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (store, ada, _folder) = beside(&server).await;
    let (one, two) = (session(1, &ada), session(2, &ada));
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    server.tell(&["CONFIG", "SET", "maxmemory", "1mb"]);

    let events = [event(1, EventKind::SignedIn, &ada)];
    assert!(is_backend(&store.sessions.insert(&two, 9, &events).await));
    // Certainly not done, so there is neither an event nor an intent.
    assert_eq!(store.audit.of_user(ada.id, 9).await, Ok(vec![]));
    assert!(is_backend(&store.parts[1].check().await));
    assert!(gets_in(&store, &one).await);
    for _ in 0..3 {
        let taken = store.counters.take(&[Bucket { key: CounterKey([1; 16]), rate: RATE }], NOW).await;
        assert!(matches!(taken.as_deref(), Ok([Taken::Yes { .. }])), "{taken:?}");
    }
    assert!(matches!(
        store.counters.take(&[Bucket { key: CounterKey([1; 16]), rate: RATE }], NOW).await.as_deref(),
        Ok([Taken::No { .. }])
    ));
    // Signing out needs no memory.
    assert_eq!(store.sessions.end(one.id, ada.id, Along::default()).await, Ok(true));

    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    store.sessions.insert(&two, 9, &events).await.unwrap();
    assert_eq!(store.audit.of_user(ada.id, 9).await, Ok(events.to_vec()));
    assert!(store.parts[1].check().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_demoted_server_is_left_until_it_is_a_primary_again() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let (store, ada, _folder) = beside(&server).await;
    let (one, two) = (session(1, &ada), session(2, &ada));
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    server.tell(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]);
    assert!(is_backend(&store.sessions.insert(&two, 9, &[]).await));
    // What a replica says of sessions may be old: it is not asked.
    until(SOON, async || is_backend(&store.sessions.by_id(one.id).await)).await;
    assert!(is_backend(&store.parts[1].check().await));
    server.tell(&["REPLICAOF", "NO", "ONE"]);
    until(SOON, async || store.sessions.insert(&two, 9, &[]).await.is_ok()).await;
    assert!(gets_in(&store, &two).await);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_demotion_in_silence_is_noticed() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    server.tell(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]);
    // Only reads, none of which is refused there.
    until(SOON, async || is_backend(&store.sessions.by_id(one.id).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_cut_connection_is_made_anew() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    for _ in 0..5 {
        server.tell(&["CLIENT", "KILL", "TYPE", "normal"]);
        until(SOON, async || gets_in(&store, &one).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_became_of_a_change_that_was_not_answered_is_not_claimed() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let events = [event(1, EventKind::SignedIn, &ada)];
    server.freeze();
    let (done, took) = timed(store.sessions.insert(&session(1, &ada), 9, &events)).await;
    assert!(is_backend(&done) && took < SOON, "{done:?} {took:?}");
    let kept = store.audit.of_user(ada.id, 9).await.unwrap();
    assert!(kept.len() == 1 && kept[0].is_intent, "{kept:?}");
    // Known to be gone: nothing is sent, so it is known that nothing was done.
    until(SOON, async || timed(store.sessions.by_id(session(1, &ada).id)).await.1 < AT_ONCE).await;
    let events = [event(2, EventKind::SignedIn, &ada)];
    assert!(is_backend(&store.sessions.insert(&session(2, &ada), 9, &events).await));
    assert_eq!(store.audit.of_user(ada.id, 9).await.unwrap().len(), 1);
    server.thaw();
}

/// On one thread, to which the log belongs.
#[tokio::test]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn counters_go_on_in_the_process_and_say_so_once() {
    let lines = Lines::default();
    let _log = lines.listen("redis::counters");
    let said = || (lines.starting_with("WARN"), lines.starting_with("INFO"));
    let mut server = Server::start(&[]);
    let (store, _ada, _folder) = beside(&server).await;
    let take = async |number| {
        store.counters.take(&[Bucket { key: CounterKey([number; 16]), rate: RATE }], NOW).await.unwrap()[0]
    };
    assert!(matches!(take(1).await, Taken::Yes { left: 2, .. }));
    assert_eq!(said(), (0, 0));
    for outage in 1..=2 {
        server.kill();
        let number = u8::try_from(10 + outage).unwrap();
        for left in [2, 1, 0] {
            let (taken, took) = timed(take(number)).await;
            assert!(matches!(taken, Taken::Yes { left: rest, .. } if rest == left), "{taken:?}");
            assert!(took < SOON, "{took:?}");
        }
        assert!(matches!(take(number).await, Taken::No { .. }));
        store.counters.give_back(&[Bucket { key: CounterKey([number; 16]), rate: RATE }], NOW).await.unwrap();
        assert!(matches!(take(number).await, Taken::Yes { left: 0, .. }));
        assert_eq!(said(), (outage, outage - 1));
        server.start_again();
        until(SOON, async || {
            take(99).await;
            !server.keys("kw:c:*").is_empty()
        })
        .await;
        // Once nothing has failed for a while.
        until(SOON, async || {
            take(100).await;
            said() == (outage, outage)
        })
        .await;
    }
}
