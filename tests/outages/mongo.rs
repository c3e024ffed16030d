//! MongoDB gone, silent, slow, killed, frozen, or one that takes nothing more: 503 in time, nothing wrong, nothing lost, and
//! back without a restart.

use super::database::outage;
use super::*;
use crate::app::{TestClock, get, post};
use crate::codes::Way;
use crate::stores::{Kind, OwnMongo, Place};
use keyward_auth::values::UserId;
use serde_json::json;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn f_02_a_mongodb_that_is_gone_is_a_503_and_comes_back() {
    database::gone(Kind::Mongo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn f_02_what_was_on_its_way_to_mongodb_when_the_line_broke_is_not_claimed() {
    database::broken(Kind::Mongo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn f_02_a_mongodb_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_not() {
    database::slow(Kind::Mongo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn f_02_a_mongodb_that_is_killed_or_frozen_under_load_loses_nothing_that_was_acknowledged() {
    let mongo = OwnMongo::start();
    let place = Place::on_mongo(&mongo.url()).await;
    let mongo = RefCell::new(mongo);
    let app = TestApp::on(place, |setup| setup).await;
    let load = Load::on(&app).await;
    for _ in 0..2 {
        mongo.borrow_mut().kill();
        load.all_refused().await;
        mongo.borrow_mut().go_on();
        load.all_served().await;
    }
    outage(&app, &load, async || mongo.borrow().freeze(), async || mongo.borrow().thaw()).await;
    load.end(&app, ANSWER).await;
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn f_07_readiness_says_that_the_clocks_are_apart_from_mongodb() {
    let place = Place::empty(Kind::Mongo, PathBuf::new()).await;
    let app = TestApp::on(place, |setup| setup.set("store.clock_skew", "30s")).await;
    for (seconds, status) in [(0, 200), (20, 200), (-20, 200), (40, 503), (-40, 503), (300, 503)] {
        let now = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let node = app.second_node_at(TestClock::at((now + seconds) * 1_000_000)).await;
        let reply = node.send(&get("/health/ready")).await.must(status);
        if status == 503 {
            assert!(reply.text("detail").contains("clocks of mongodb"), "{seconds}: {reply}");
        }
    }
}

async fn on_mongo() -> TestApp {
    TestApp::on(Place::empty(Kind::Mongo, PathBuf::new()).await, |setup| setup).await
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_change_is_never_without_its_event() {
    let app = on_mongo().await;
    let (ada, bob, admin) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    app.place().hide("keyward_events").await;
    ada.put("/users/me", json!({"username": "ada2"})).await.must(200);
    bob.post("/auth/logout", json!({})).await.must(204);
    assert_eq!(bob.me().await, 401);
    admin.patch(&format!("/users/{}", ada.id), json!({"status": "disabled"})).await.must(200);
    admin.delete(&format!("/users/{}", bob.id)).await.must(204);
    app.anonymous().get(&format!("/users/{}", bob.id)).await.must(401);
    admin.get(&format!("/users/{}", bob.id)).await.must(404);
    // What there is no change for has nowhere to wait.
    let wrong = post("/auth/login").json(json!({"email": admin.email, "password": "not the password"}));
    assert_eq!(app.send(&wrong).await.must(503).code(), "store_unavailable");
    let sorted = async || {
        let mut events = app.events_with("id, kind, actor, user_id").await;
        events.sort();
        events
    };
    let waiting = sorted().await;
    app.place().show("keyward_events").await;

    // Whoever looks finds what waited, once each.
    for _ in 0..2 {
        for (person, expected) in [
            (&ada, ["registered", "signed_in", "user_disabled", "username_changed"]),
            (&bob, ["registered", "signed_in", "signed_out", "user_deleted"]),
        ] {
            let user: UserId = person.id.parse().unwrap();
            let events = app.keyward.store.audit.of_user(user, 100).await.unwrap();
            let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
            kinds.sort_unstable();
            assert_eq!(kinds, expected, "{}", person.email);
        }
        assert_eq!(sorted().await, waiting);
    }
    assert_eq!(app.count("keyward_users").await, 2);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_change_is_never_without_its_mails() {
    let app = on_mongo().await;
    let ada = app.signed_in("ada").await;
    app.mails_to(&ada.email).await;
    app.place().hide("keyward_mails").await;
    let new = json!({"email": "new@example.com", "password": "a phrase of its own"});
    app.send(&post("/auth/register").json(new)).await.must(201);
    ada.put("/users/me", json!({"email": "elsewhere@example.com"})).await.must(200);
    // What there is no change for is not promised.
    for way in [Way::Reset, Way::Verify] {
        assert_eq!(way.ask(&app, &ada.email).await.must(503).code(), "store_unavailable");
    }
    app.no_mail_to("new@example.com").await;
    app.place().show("keyward_mails").await;
    assert!(app.mail_to("new@example.com").await.has_code());
    assert!(app.mail_to("elsewhere@example.com").await.has_code());
    app.no_mail_to("new@example.com").await;
    Way::Reset.ask(&app, &ada.email).await.must(202);
}
