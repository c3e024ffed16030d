//! One-time codes as they lie in Redis: lines that an operator can read, bounded, gone by themselves; and what becomes of
//! them when Redis is gone, full, emptied or holds something else.

use crate::server::*;
use keyward_auth::outside::Random;
use keyward_auth::records::{Code, CodePlace, Purpose};
use keyward_auth::values::{Email, UserId};
use std::time::Duration;

const KEY: &str = "kw:o:{01010101010101010101010101010101}";
const MOST: u32 = 5;

struct Other(u8);

impl Random for Other {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn other(number: u8) -> UserId {
    UserId::new(NOW, &Other(100 + number))
}

fn ttl(server: &Server, key: &str) -> i64 {
    redis::from_redis_value(server.tell(&["PTTL", key])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_line_says_what_a_code_is_made_of_and_no_more() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let before = Some(Email::parse("ada@example.com").unwrap());
    let undo = Code { purpose: Purpose::Undo, email: before, digits_until: None, ..code(1, Some(ada.id)) };
    store.codes.issue(&undo).await.unwrap();
    let line: String = redis::from_redis_value(server.tell(&["HGET", KEY, &ada.id.to_string()])).unwrap();
    let (asked_at, expires_at) = (undo.asked_at.as_micros(), undo.expires_at.as_micros());
    assert_eq!(line, format!("0 {} {asked_at} undo 0 - {expires_at} ada@example.com", undo.id));
    store.codes.issue(&code(2, None)).await.unwrap();
    store.codes.try_at(PLACE, MOST, NOW).await.unwrap();
    let line: String = redis::from_redis_value(server.tell(&["HGET", KEY, "nobody"])).unwrap();
    assert!(line.starts_with(&format!("1 {} ", code(2, None).id)) && line.ends_with(" -"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_place_goes_by_itself_a_minute_after_its_last_code() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = code(1, Some(ada.id));
    let spans = |least: i64| least - 30_000..=least;
    store.codes.issue(&one).await.unwrap();
    assert!(spans(3_660_000).contains(&ttl(&server, KEY)), "{}", ttl(&server, KEY));
    // One that ends sooner does not shorten the life of others, and one that ends later makes it longer.
    let brief = Code { expires_at: NOW + Duration::from_secs(20), ..code(2, Some(other(2))) };
    store.codes.issue(&brief).await.unwrap();
    assert!(spans(3_660_000).contains(&ttl(&server, KEY)), "{}", ttl(&server, KEY));
    let long = code(3, None);
    let long = Code { expires_at: long.asked_at + Duration::from_secs(7200), ..long };
    store.codes.issue(&long).await.unwrap();
    assert!(spans(7_260_000).contains(&ttl(&server, KEY)), "{}", ttl(&server, KEY));
    // A try prolongs nothing.
    store.codes.try_at(PLACE, MOST, NOW).await.unwrap();
    assert!(spans(7_260_000).contains(&ttl(&server, KEY)), "{}", ttl(&server, KEY));
    // A mail that was sent a day after it was asked for.
    let late = Code { asked_at: NOW, expires_at: NOW + Duration::from_secs(90_000), ..code(4, Some(ada.id)) };
    store.codes.issue(&Code { place: CodePlace([2; 16]), ..late }).await.unwrap();
    let key = format!("kw:o:{{{}}}", "02".repeat(16));
    assert!(spans(90_060_000).contains(&ttl(&server, &key)), "{}", ttl(&server, &key));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_is_used_or_forgotten_leaves_no_key() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let (ours, nobodys) = (code(1, Some(ada.id)), code(2, None));
    for one in [&ours, &nobodys] {
        store.codes.issue(one).await.unwrap();
    }
    assert_eq!(store.codes.consume(&nobodys, NOW).await, Ok(true));
    assert_eq!(server.keys("kw:o:*"), [KEY]);
    store.codes.forget(&[PLACE, CodePlace([9; 16])], ada.id).await.unwrap();
    assert_eq!(server.keys("kw:o:*"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn of_many_who_wait_for_one_address_the_oldest_gives_way() {
    let server = Server::start(&[]);
    let (store, _ada, _folder) = beside(&server).await;
    for number in 1..=16 {
        store.codes.issue(&code(number, Some(other(number)))).await.unwrap();
    }
    // Not one more, but one again.
    store.codes.issue(&Code { epoch: 2, ..code(17, Some(other(16))) }).await.unwrap();
    assert!(store.codes.read(PLACE, other(1)).await.unwrap().is_some());
    for (number, gone) in [(20, 1), (21, 2)] {
        store.codes.issue(&code(number, Some(other(number)))).await.unwrap();
        assert_eq!(store.codes.read(PLACE, other(gone)).await, Ok(None));
        assert!(store.codes.read(PLACE, other(gone + 1)).await.unwrap().is_some());
    }
    // Though it is the oldest itself, it is what somebody waits for now.
    store.codes.issue(&code(0, None)).await.unwrap();
    assert_eq!(store.codes.read(PLACE, other(3)).await, Ok(None));
    let tried = store.codes.try_at(PLACE, MOST, NOW).await.unwrap();
    assert!(tried.len() == 16 && tried.iter().any(|code| code.user.is_none()), "{tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_is_no_code_is_named_and_not_shown() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = code(1, Some(ada.id));
    let (id, asked_at, until) = (one.id, one.asked_at.as_micros(), one.expires_at.as_micros());
    // Not as a line begins: it is no code to anybody.
    for line in ["", "canary", "0", "0 canary", &format!("-1 {id} {asked_at} reset 0 {until} {until} -")] {
        server.tell(&["HSET", KEY, &ada.id.to_string(), line]);
        assert_eq!(store.codes.try_at(PLACE, MOST, NOW).await, Ok(vec![]), "{line}");
        assert_eq!(store.codes.consume(&one, NOW).await, Ok(false), "{line}");
        let message = store.codes.read(PLACE, ada.id).await.unwrap_err().to_string();
        assert!(message.contains(&"01".repeat(16)) && !message.contains("canary"), "{message}");
        // It keeps nobody from another.
        assert_eq!(store.codes.issue(&one).await, Ok(true), "{line}");
        assert_eq!(store.codes.read(PLACE, ada.id).await, Ok(Some(one.clone())));
    }
    // As a line begins, and no code all the same.
    let huge = "9".repeat(400);
    for (field, line) in [
        (ada.id.to_string(), format!("0 {id} {asked_at} canary 0 {until} {until} -")),
        (ada.id.to_string(), format!("0 canary {asked_at} reset 0 {until} {until} -")),
        (ada.id.to_string(), format!("0 {id} {asked_at} reset 0 {huge} {until} -")),
        ("canary".to_owned(), format!("0 {id} {asked_at} reset 0 {until} {until} -")),
    ] {
        server.tell(&["DEL", KEY]);
        server.tell(&["HSET", KEY, &field, &line]);
        let message = store.codes.try_at(PLACE, MOST, NOW).await.unwrap_err().to_string();
        assert!(message.contains(&"01".repeat(16)) && !message.contains("canary"), "{message}");
    }
    server.tell(&["DEL", KEY]);
    server.tell(&["SET", KEY, "canary"]);
    assert!(is_backend(&store.codes.try_at(PLACE, MOST, NOW).await));
    assert!(is_backend(&store.codes.read(PLACE, ada.id).await));
    assert!(is_backend(&store.codes.consume(&one, NOW).await));
    assert!(is_backend(&store.codes.issue(&one).await));
    assert!(is_backend(&store.codes.forget(&[PLACE], ada.id).await));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn while_redis_is_gone_no_code_is_good() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (store, ada, _folder) = beside(&server).await;
    let one = code(1, Some(ada.id));
    store.codes.issue(&one).await.unwrap();
    assert_eq!(store.codes.try_at(PLACE, MOST, NOW).await.unwrap().len(), 1);
    server.kill();
    assert!(is_backend(&store.codes.try_at(PLACE, MOST, NOW).await));
    assert!(is_backend(&store.codes.read(PLACE, ada.id).await));
    assert!(is_backend(&store.codes.consume(&one, NOW).await));
    assert!(is_backend(&store.codes.issue(&code(2, Some(ada.id))).await));
    server.start_again();
    until(SOON, async || store.codes.read(PLACE, ada.id).await.is_ok()).await;
    // The tries of before are counted still.
    assert_eq!(store.codes.try_at(PLACE, MOST, NOW).await, Ok(vec![Code { tries: 2, ..one.clone() }]));
    assert_eq!(store.codes.consume(&one, NOW).await, Ok(true));

    store.codes.issue(&one).await.unwrap();
    server.tell(&["FLUSHALL"]);
    server.tell(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.codes.consume(&one, NOW).await, Ok(false));
    assert_eq!(store.codes.try_at(PLACE, MOST, NOW).await, Ok(vec![]));
    assert_eq!(store.codes.issue(&one).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_full_redis_gives_no_try_that_it_cannot_count() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (store, ada, _folder) = beside(&server).await;
    let one = code(1, Some(ada.id));
    store.codes.issue(&one).await.unwrap();
    server.tell(&["CONFIG", "SET", "maxmemory", "1mb"]);
    for _ in 0..2 * MOST {
        assert!(is_backend(&store.codes.try_at(PLACE, MOST, NOW).await));
    }
    assert!(is_backend(&store.codes.issue(&code(2, Some(ada.id))).await));
    assert_eq!(store.codes.read(PLACE, ada.id).await, Ok(Some(one.clone())));
    // To use a code needs no memory.
    assert_eq!(store.codes.consume(&one, NOW).await, Ok(true));
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(store.codes.issue(&one).await, Ok(true));
}
