//! What lies in Redis: fields that an operator can read, and nothing that stays for ever.

use crate::server::*;
use keyward_auth::records::{Along, Bucket, CounterKey, Rate, Session};
use std::time::Duration;

fn ttl(server: &Server, key: &str) -> i64 {
    redis::from_redis_value(server.tell(&["PTTL", key])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn every_key_goes_by_itself_and_no_sooner_than_what_it_holds() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    let (key, list) = (format!("kw:s:{{{}}}", one.id), format!("kw:u:{{{}}}", ada.id));
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    // A minute is added to the 1,000 and 5,000 seconds; a test may take half of that.
    assert!((1_030_000..=1_060_000).contains(&ttl(&server, &key)), "{}", ttl(&server, &key));
    assert!((5_030_000..=5_060_000).contains(&ttl(&server, &list)), "{}", ttl(&server, &list));

    let later = NOW + Duration::from_secs(900);
    store.sessions.rotate(one.id, 1, later, later + Duration::from_secs(2000)).await.unwrap().unwrap();
    assert!((2_030_000..=2_060_000).contains(&ttl(&server, &key)), "{}", ttl(&server, &key));
    // No longer than the session can live.
    store.sessions.rotate(one.id, 2, later, later + Duration::from_secs(90_000)).await.unwrap().unwrap();
    assert!((4_130_000..=4_160_000).contains(&ttl(&server, &key)), "{}", ttl(&server, &key));
    // A session that ends sooner does not shorten the list of others.
    let brief = Session { ends_at: NOW + Duration::from_secs(10), ..session(2, &ada) };
    store.sessions.insert(&brief, 9, &[]).await.unwrap();
    assert!(ttl(&server, &list) > 5_000_000);

    let rate = Rate { most: 3, window: Duration::from_secs(30) };
    store.counters.take(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    store.counters.take(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    let counter = format!("kw:c:{{{}}}", "01".repeat(16));
    assert!((10_000..=20_000).contains(&ttl(&server, &counter)), "{}", ttl(&server, &counter));
    store.counters.give_back(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    assert!((1..=10_000).contains(&ttl(&server, &counter)), "{}", ttl(&server, &counter));
    store.counters.give_back(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    assert_eq!(server.keys("kw:c:*"), Vec::<String>::new());
    for key in server.keys("*") {
        assert!(ttl(&server, &key) > 0, "{key} stays for ever");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_ends_leaves_no_key() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    for number in 1..=9 {
        store.sessions.insert(&session(number, &ada), 3, &[]).await.unwrap();
    }
    assert_eq!(server.keys("kw:s:*").len(), 3);
    store.sessions.end(session(9, &ada).id, ada.id, Along::default()).await.unwrap();
    assert_eq!(server.keys("kw:s:*").len(), 2);
    store.sessions.forget(ada.id, 1, None).await.unwrap();
    assert_eq!(server.keys("kw:[su]:*"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_listed_session_that_is_over_leaves_the_list() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    for number in 1..=3 {
        store.sessions.insert(&session(number, &ada), 9, &[]).await.unwrap();
    }
    server.tell(&["DEL", &format!("kw:s:{{{}}}", session(2, &ada).id)]);
    let left = [session(3, &ada), session(1, &ada)];
    assert_eq!(store.sessions.of_user(ada.id, NOW).await, Ok(left.to_vec()));
    let list = format!("kw:u:{{{}}}", ada.id);
    assert_eq!(server.tell(&["ZCARD", &list]), redis::Value::Int(2));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_cannot_be_read_is_named_and_not_shown() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    let key = format!("kw:s:{{{}}}", one.id);
    server.tell(&["HSET", &key, "idle_at", "tomorrow"]);
    let message = store.sessions.by_id(one.id).await.unwrap_err().to_string();
    assert!(message.contains("idle_at") && message.contains(&one.id.to_string()), "{message}");
    assert!(!message.contains("tomorrow"), "{message}");
    assert!(is_backend(&store.sessions.with_user(one.id, ada.id).await));
    assert!(is_backend(&store.sessions.rotate(one.id, 1, NOW, one.idle_at).await));
    server.tell(&["DEL", &key]);
    server.tell(&["SET", &key, "x"]);
    assert!(is_backend(&store.sessions.by_id(one.id).await));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn sessions_that_are_over_push_out_none_that_live() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    for number in 1..=4 {
        store.sessions.insert(&session(number, &ada), 9, &[]).await.unwrap();
    }
    // As Redis does when nobody used them for long.
    for number in [2, 3, 4] {
        server.tell(&["DEL", &format!("kw:s:{{{}}}", session(number, &ada).id)]);
    }
    store.sessions.insert(&session(5, &ada), 2, &[]).await.unwrap();
    let left = store.sessions.of_user(ada.id, NOW).await.unwrap();
    let left: Vec<_> = left.iter().map(|session| session.id).collect();
    assert_eq!(left, [session(5, &ada).id, session(1, &ada).id]);
    assert_eq!(redis::from_redis_value(server.tell(&["ZCARD", &format!("kw:u:{{{}}}", ada.id)])), Ok(2));
}
