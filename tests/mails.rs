//! Mails that came too late to be of use, mails that have to wait for their turn, what a store that fails does to codes and
//! mails, and for how long the outbox remembers.

use crate::app::{PUBLIC, TestApp, eventually, get, post, put};
use crate::codes::{Way, refused};
use crate::post::Post;
use crate::stores::Proxy;
use keyward_auth::outside::Clock;
use keyward_auth::records::{MailState, Topic};
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A service whose mail server is gone until the proxy is restored.
async fn cut_off() -> (TestApp, Post, Proxy) {
    let (proxy, url) = Post::through_proxy();
    proxy.vanish();
    (TestApp::with(|setup| setup.by_smtp(&url)).await, Post::new(), proxy)
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn who_is_deleted_or_disabled_before_the_mail_goes_out_gets_none() {
    let (app, post_office, proxy) = cut_off().await;
    let admin = app.admin().await;
    let register = async |name: &str| {
        let body =
            json!({"email": post_office.address(name), "username": name, "password": "a phrase of its own"});
        app.anonymous().post("/auth/register", body).await.must(201).text("id")
    };
    let (ada, bob) = (register("ada").await, register("bob").await);
    register("eve").await;
    admin.delete(&format!("/users/{ada}")).await.must(204);
    let left: Vec<String> = app.outbox().await.iter().map(|mail| mail.to.as_str().to_owned()).collect();
    assert!(!left.contains(&post_office.address("ada")), "nothing of a deleted person stays: {left:?}");
    admin.patch(&format!("/users/{bob}"), json!({"status": "disabled"})).await.must(200);
    proxy.restore();
    app.deliver_all().await;
    let taken = post_office.took(1).await;
    assert_eq!(taken[0].to(), [post_office.address("eve")]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn of_many_requests_that_waited_one_mail_with_a_code_goes_out() {
    let (app, post_office, proxy) = cut_off().await;
    let ada = post_office.address("ada");
    let body = json!({"email": ada, "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(60));
        Way::Verify.ask(&app, &ada).await.must(202);
        Way::Reset.ask(&app, &ada).await.must(202);
    }
    proxy.restore();
    app.deliver_all().await;
    let mails = post_office.mails();
    assert!((2..=9).contains(&mails.len()), "{mails:?}");
    // The newest of each kind works, however many of the older ones went out before it.
    let mut good = Vec::new();
    for mail in &mails {
        let path = mail.link().replace(PUBLIC, "");
        if app.send(&get(&path)).await.status == 200 {
            good.push(mail);
        }
    }
    let mut kinds: Vec<&str> = good.iter().map(|mail| mail.header("subject")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!((good.len(), kinds.len()), (2, 2), "{good:?}");
}

#[tokio::test]
async fn a_first_mail_is_put_off_and_never_left_out() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    // A stranger has used up what the address may be sent.
    for _ in 0..5 {
        Way::Verify.ask(&app, "ada@example.com").await.must(202);
    }
    app.posted().await;
    let ada = app.signed_in("ada").await;
    app.no_mail_to(&ada.email).await;
    let mails = app.outbox().await;
    let [mail] = &mails[..] else { panic!("{mails:#?}") };
    let wait = mail.due_at.since(app.clock.now());
    assert!(mail.topic == Topic::Verify && wait > Duration::ZERO && wait <= HOUR, "{mail:?}");
    app.clock.advance(wait);
    let code = app.code_for(&ada.email).await;
    app.send(&Way::Verify.give(&ada.email, code)).await.must(200);
}

#[tokio::test]
async fn the_outbox_forgets_what_was_sent_when_it_is_told_to() {
    let app = TestApp::with(|setup| setup.set("mail.keep", "10d")).await;
    app.signed_in("ada").await;
    app.posted().await;
    app.clock.advance(9 * DAY);
    app.signed_in("bob").await;
    app.posted().await;
    let kept = async || app.outbox().await.iter().map(|mail| mail.to.as_str().to_owned()).collect::<Vec<_>>();
    app.keyward.sweep("a test").await.unwrap();
    assert_eq!(kept().await, ["ada@example.com", "bob@example.com"]);
    app.clock.advance(DAY + HOUR);
    eventually("the sweep", async || {
        // Another server may have it at the moment.
        app.keyward.sweep("a test").await.unwrap();
        app.clock.advance(Duration::from_secs(60));
        kept().await == ["bob@example.com"]
    })
    .await;
}

#[tokio::test]
async fn a_code_that_was_taken_for_a_change_that_failed_is_given_back() {
    let app = TestApp::start().await;
    if !app.place().has_tables() {
        return;
    }
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
        let (address, code) = way.begin(&app, &person).await;
        let users = app.rows("SELECT * FROM keyward_users ORDER BY id").await;
        // The event cannot be kept, so the change is not made.
        app.place().hide("keyward_events").await;
        let reply = app.send(&way.give(&address, code.as_str())).await;
        app.place().show("keyward_events").await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{way:?}: {reply}");
        assert_eq!(app.rows("SELECT * FROM keyward_users ORDER BY id").await, users, "{way:?}");
        app.send(&way.give(&address, code.as_str())).await.must(way.done());
        refused(&app, "once only", &way.give(&address, code)).await;
    }
}

#[tokio::test]
async fn without_the_outbox_nothing_is_promised_and_nothing_is_changed() {
    let app = TestApp::start().await;
    if !app.place().has_tables() {
        return;
    }
    let ada = app.signed_in("ada").await;
    app.mails_to(&ada.email).await;
    let everything = app.everything().await;
    app.place().hide("keyward_mails").await;
    let mut replies = Vec::new();
    for request in [
        post("/auth/register").json(json!({"email": "new@example.com", "password": "a phrase of its own"})),
        post("/auth/password/forgot").json(json!({"email": ada.email})),
        post("/auth/password/forgot").json(json!({"email": "nobody@example.com"})),
        post("/auth/verify/resend").json(json!({"email": ada.email})),
        ada.by(put("/users/me").json(json!({"email": "new@example.com"}))),
        ada.by(put("/users/me").json(json!({"password": "another phrase of mine"}))),
    ] {
        replies.push(app.send(&request).await);
    }
    app.place().show("keyward_mails").await;
    for reply in replies {
        assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{reply}");
    }
    assert_eq!(app.everything().await, everything);
    // What failed was not counted, and what is asked for now is sent.
    Way::Reset.ask(&app, &ada.email).await.must(202);
    eventually("the worker is well again", async || {
        app.outbox().await.iter().all(|mail| mail.state == MailState::Sent)
    })
    .await;
    assert!(app.mail_to(&ada.email).await.has_code());
}

#[tokio::test]
async fn a_full_hashing_machine_uses_no_code_up() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (address, code) = Way::Reset.begin(&app, &ada).await;
    app.hasher.set_busy(true);
    for _ in 0..3 {
        let reply = app.send(&Way::Reset.give(&address, code.as_str())).await.must(503);
        assert_eq!(reply.code(), "busy");
    }
    app.hasher.set_busy(false);
    app.send(&Way::Reset.give(&address, code)).await.must(204);
}
