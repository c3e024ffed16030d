//! The outbox against a mail server that is slow, refuses, cuts and is gone: no request waits for it, nothing is lost,
//! nothing comes twice that need not, and what cannot be sent is given up with its reason.

use crate::app::{Person, TestApp, all, eventually, post};
use crate::codes::Way;
use crate::post::{Post, Taken};
use crate::stores::Proxy;
use keyward_auth::flows::By;
use keyward_auth::outside::Clock;
use keyward_auth::records::{Mail, MailState};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

async fn started() -> (TestApp, Post) {
    (TestApp::with(|setup| setup.by_smtp(&Post::url())).await, Post::new())
}

/// Before the mail server stands a network that can be gone.
async fn behind_a_proxy() -> (TestApp, Post, Proxy) {
    let (proxy, url) = Post::through_proxy();
    (TestApp::with(|setup| setup.by_smtp(&url)).await, Post::new(), proxy)
}

async fn register(app: &TestApp, email: &str) {
    let body = json!({"email": email, "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
}

/// The only mail of the outbox, once it was tried so often and what came of that is kept.
async fn after_tries(app: &TestApp, tries: u32) -> Mail {
    eventually("it was tried", async || {
        app.outbox().await.iter().all(|mail| mail.attempts == tries && !app.is_being_sent(mail))
    })
    .await;
    let mut mails = app.outbox().await;
    assert_eq!(mails.len(), 1, "{mails:#?}");
    mails.remove(0)
}

/// Moves the clock to when the mail is due again.
fn until_due(app: &TestApp, mail: &Mail) {
    app.clock.advance(mail.due_at.since(app.clock.now()));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn no_request_waits_for_a_mail_server() {
    let (app, post_office) = started().await;
    post_office.behave(json!({"hold": true, "times": 1000}));
    let begun = Instant::now();
    let ada = post_office.address("ada");
    register(&app, &ada).await;
    post_office.was_asked(1).await;
    for _ in 0..10 {
        Way::Verify.ask(&app, &ada).await.must(202);
        Way::Reset.ask(&app, &ada).await.must(202);
    }
    let person = app.login(&ada, "a phrase of its own").await.must(200);
    let person =
        Person { email: ada.clone(), password: "a phrase of its own".into(), ..nobody(&app).with(&person) };
    let change = json!({"current_password": person.password, "password": "another phrase of mine"});
    person.post("/auth/password/change", change).await.must(200);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(post_office.mails().is_empty());
    post_office.behave(json!({}));
    eventually("all arrives", async || {
        app.outbox().await.iter().all(|mail| mail.state == MailState::Sent) && post_office.mails().len() > 2
    })
    .await;
}

fn nobody(app: &TestApp) -> Person {
    Person {
        wire: app.sender(),
        id: String::new(),
        email: String::new(),
        password: String::new(),
        access: String::new(),
        refresh: String::new(),
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_mail_server_that_does_not_answer_is_left_after_the_timeout() {
    let post_office = Post::new();
    let app = TestApp::with(|setup| setup.by_smtp(&Post::url()).set("mail.timeout", "4s")).await;
    post_office.behave(json!({"hold": true, "times": 1}));
    let ada = post_office.address("ada");
    register(&app, &ada).await;
    eventually("it has all of the mail", async || post_office.held() == 1).await;
    let mail = after_tries(&app, 1).await;
    assert_eq!(mail.state, MailState::Waiting);
    assert!(post_office.mails().is_empty());
    until_due(&app, &mail);
    let taken = post_office.took(1).await;
    app.send(&Way::Verify.give(&ada, taken[0].code())).await.must(200);
    assert_eq!(after_tries(&app, 2).await.state, MailState::Sent);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn what_is_refused_for_now_is_tried_again_later_and_later() {
    let (app, post_office) = started().await;
    post_office.behave(json!({"rcpt": "450 4.2.1 The mailbox is busy", "times": 4}));
    register(&app, &post_office.address("ada")).await;
    let mut waits = Vec::new();
    for tries in 1..=4 {
        let mail = after_tries(&app, tries).await;
        assert_eq!(mail.state, MailState::Waiting);
        let reason = mail.reason.clone().unwrap();
        assert!(reason.contains("450") && reason.contains("The mailbox is busy"), "{reason}");
        waits.push(mail.due_at.since(app.clock.now()).as_secs());
        // Not before its time.
        app.clock.advance(mail.due_at.since(app.clock.now()) - Duration::from_secs(1));
        app.deliver().await;
        assert_eq!(post_office.named().len(), tries as usize);
        app.clock.advance(Duration::from_secs(1));
    }
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]) && waits[0] <= 10 && waits[3] <= 300, "{waits:?}");
    post_office.took(1).await;
    let mail = after_tries(&app, 5).await;
    assert_eq!((mail.state, post_office.named().len()), (MailState::Sent, 5));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn what_is_refused_for_good_is_given_up_with_its_reason() {
    for (how, code, words) in [
        (json!({"rcpt": "550 5.1.1 Nobody of that name here"}), "550", "Nobody of that name here"),
        (json!({"data": "554 5.7.1 We take it for spam"}), "554", "We take it for spam"),
    ] {
        let (app, post_office) = started().await;
        post_office.behave(how);
        let (ada, bob) = (post_office.address("ada"), post_office.address("bob"));
        register(&app, &ada).await;
        let mail = after_tries(&app, 1).await;
        assert_eq!(mail.state, MailState::Dead);
        let reason = mail.reason.clone().unwrap();
        assert!(reason.contains(code) && reason.contains(words), "{reason}");
        for _ in 0..30 {
            app.clock.advance(Duration::from_secs(3600));
            app.deliver().await;
        }
        assert_eq!(post_office.named().len(), 1, "never tried again");
        // Others are not held up by it, and it can be had again by whoever runs the service.
        post_office.behave(json!({}));
        register(&app, &bob).await;
        post_office.took(1).await;
        app.keyward.retry_mail(By::Operator, mail.id).await.unwrap();
        let taken = post_office.took(2).await;
        assert_eq!(taken[1].to(), [ada.as_str()]);
        app.send(&Way::Verify.give(&ada, taken[1].code())).await.must(200);
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn greylisting_is_waited_for() {
    let (app, post_office) = started().await;
    post_office.behave(json!({"greylist": true}));
    let people: Vec<String> = (0..4).map(|number| post_office.address(&format!("person{number}"))).collect();
    for person in &people {
        register(&app, person).await;
    }
    eventually("each was tried", async || {
        app.outbox().await.iter().all(|mail| mail.attempts == 1 && mail.reason.is_some())
    })
    .await;
    assert!(post_office.mails().is_empty());
    app.clock.advance(Duration::from_secs(60));
    let taken = post_office.took(4).await;
    let mut to: Vec<&str> = taken.iter().flat_map(Taken::to).collect();
    to.sort_unstable();
    assert_eq!(to, people);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_cut_connection_loses_nothing_and_repeats_only_what_it_must() {
    for (place, copies) in [("data", 1), ("dot", 1), ("unsaid", 2), ("said", 1)] {
        let (app, post_office) = started().await;
        post_office.behave(json!({"cut": place, "times": 1}));
        let ada = post_office.address("ada");
        register(&app, &ada).await;
        if place != "said" {
            let mail = after_tries(&app, 1).await;
            assert_eq!(mail.state, MailState::Waiting, "{place}: {mail:?}");
            until_due(&app, &mail);
        }
        let taken = post_office.took(copies).await;
        // Two copies are one mail to whoever looks at them.
        let ids: Vec<&str> = taken.iter().map(|mail| mail.header("message-id")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{place}: {ids:?}");
        assert!(
            taken.iter().all(|mail| mail.code() == taken[0].code() && mail.link() == taken[0].link()),
            "{place}"
        );
        app.send(&Way::Verify.give(&ada, taken[0].code())).await.must(200);
        eventually("it is settled", async || {
            app.outbox().await.iter().all(|mail| mail.state == MailState::Sent)
        })
        .await;
        // The connection is a new one for whoever comes next.
        register(&app, &post_office.address("bob")).await;
        post_office.took(copies + 1).await;
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_mail_server_that_is_gone_for_an_hour_costs_nobody_a_code() {
    let (app, post_office, proxy) = behind_a_proxy().await;
    // A connection is there already.
    register(&app, &post_office.address("first")).await;
    post_office.took(1).await;
    // The answer has come back, too.
    app.posted().await;
    proxy.vanish();
    let people: Vec<String> = (0..5).map(|number| post_office.address(&format!("person{number}"))).collect();
    for person in &people {
        register(&app, person).await;
    }
    for _ in 0..60 {
        app.deliver().await;
        app.posted().await;
        app.clock.advance(Duration::from_secs(60));
    }
    let waiting: Vec<Mail> =
        app.outbox().await.into_iter().filter(|mail| mail.state == MailState::Waiting).collect();
    assert_eq!(waiting.len(), 5);
    for mail in &waiting {
        assert!(mail.attempts > 3 && !mail.reason.as_ref().unwrap().is_empty(), "{mail:?}");
    }
    assert_eq!(post_office.mails().len(), 1);

    proxy.restore();
    app.deliver_all().await;
    let taken = post_office.took(6).await;
    let codes: BTreeMap<&str, String> = taken[1..].iter().map(|mail| (mail.to()[0], mail.code())).collect();
    assert_eq!(codes.len(), 5, "each once");
    // They are as fresh as if nothing had been.
    app.clock.advance(Duration::from_secs(9 * 60));
    for (person, code) in codes {
        app.send(&Way::Verify.give(person, code)).await.must(200);
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn after_a_day_a_mail_is_given_up_and_can_be_had_again() {
    let (app, post_office, proxy) = behind_a_proxy().await;
    proxy.vanish();
    let ada = post_office.address("ada");
    register(&app, &ada).await;
    for _ in 0..23 {
        app.deliver().await;
        app.posted().await;
        app.clock.advance(Duration::from_secs(3600));
    }
    let waits = |mail: &Mail| mail.state == MailState::Waiting;
    assert!(app.outbox().await.iter().all(waits));
    app.clock.advance(Duration::from_secs(3601));
    eventually("it is given up", async || {
        app.deliver().await;
        !app.outbox().await.iter().any(waits)
    })
    .await;
    let mail = app.outbox().await.remove(0);
    assert_eq!(mail.state, MailState::Dead);
    assert!(mail.reason.as_ref().unwrap().contains("day"), "{mail:?}");
    proxy.restore();
    app.keyward.retry_mail(By::Operator, mail.id).await.unwrap();
    eventually("it is sent", async || {
        app.deliver().await;
        post_office.mails().len() == 1
    })
    .await;
    app.send(&Way::Verify.give(&ada, post_office.mails()[0].code())).await.must(200);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn two_servers_send_each_mail_once() {
    let (one, post_office) = started().await;
    let other = one.second_node().await;
    let third = one.second_node().await;
    let senders = [one.sender(), other.sender(), third.sender()];
    all((0..60).map(|number| {
        let (sender, email) = (senders[number % 3].clone(), post_office.address(&format!("person{number}")));
        let body = json!({"email": email, "password": "a phrase of its own"});
        async move { sender.send(&post("/auth/register").json(body)).await.must(201) }
    }))
    .await;
    eventually("all is sent", async || {
        one.outbox().await.iter().all(|mail| mail.state == MailState::Sent && mail.attempts == 1)
    })
    .await;
    let taken = post_office.took(60).await;
    let mut to: Vec<&str> = taken.iter().flat_map(Taken::to).collect();
    to.sort_unstable();
    to.dedup();
    assert_eq!(to.len(), 60, "each once");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_wrong_password_for_the_mail_server_gives_no_mail_up_and_is_shown_to_nobody() {
    let url = Post::url().replace("keyward:", "keyward:not-the-password-");
    let app = TestApp::with(|setup| setup.by_smtp(&url)).await;
    let post_office = Post::new();
    register(&app, &post_office.address("ada")).await;
    let mail = after_tries(&app, 1).await;
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    let reason = mail.reason.unwrap();
    assert!(reason.contains("535") && !reason.contains("not-the-password"), "{reason}");
    assert!(post_office.mails().is_empty() && post_office.named().is_empty());
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_mail_that_is_being_sent_when_the_service_stops_comes_to_its_end() {
    let (app, post_office) = started().await;
    post_office.behave(json!({"hold": true, "times": 1}));
    register(&app, &post_office.address("ada")).await;
    eventually("it has all of the mail", async || post_office.held() == 1).await;
    let other = app.second_node().await;
    let (address, stopping) = (app.address, tokio::spawn(app.stop()));
    eventually("it listens no more", async || TcpStream::connect(address).await.is_err()).await;
    assert!(post_office.mails().is_empty());
    post_office.behave(json!({}));
    post_office.took(1).await;
    stopping.await.unwrap();
    eventually("it is settled", async || {
        other.outbox().await.iter().all(|mail| mail.state == MailState::Sent && mail.attempts == 1)
    })
    .await;
    post_office.took(1).await;
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn a_mail_whose_change_came_to_nothing_is_not_there() {
    let (app, post_office) = started().await;
    let ada = post_office.address("ada");
    register(&app, &ada).await;
    let body = json!({"email": ada, "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(409);
    let statuses = all((0..20).map(|_| {
        let (sender, email) = (app.sender(), post_office.address("bob"));
        let body = json!({"email": email, "password": "a phrase of its own"});
        async move { sender.send(&post("/auth/register").json(body)).await.status }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
    post_office.took(2).await;
    app.posted().await;
    assert_eq!(app.outbox().await.len(), 2);
    post_office.took(2).await;
}
