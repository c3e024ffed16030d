//! Mails that tell of what has happened to an account: to whom they go, and that nothing is told that did not happen.

use crate::app::{InboxMail, Person, TestApp, post};
use crate::change_email::proven;
use crate::codes::Way;
use serde_json::json;
use std::time::Duration;

#[track_caller]
fn assert_tells(mail: &InboxMail) {
    assert!(!mail.has_code() && !mail.has_link(), "there is nothing to be clicked: {mail:?}");
    assert!(!mail.subject().is_empty() && !mail.text().is_empty() && !mail.html().is_empty(), "{mail:?}");
    assert!(!mail.text().contains("keeps a long") && !mail.text().contains("phrase"), "{mail:?}");
}

#[tokio::test]
async fn a_new_password_is_told() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let body = json!({"current_password": ada.password, "password": "the second phrase of mine"});
    let ada = ada.with(&ada.post("/auth/password/change", body).await.must(200));
    assert_tells(&app.mail_to(&ada.email).await);
    ada.put("/users/me", json!({"password": "the third phrase of mine"})).await.must(200);
    assert_tells(&app.mail_to(&ada.email).await);
}

#[tokio::test]
async fn what_did_not_happen_is_not_told() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let change = |current: &str, new: &str| json!({"current_password": current, "password": new});
    ada.post("/auth/password/change", change("wrong", "the second phrase of mine")).await.must(403);
    ada.post("/auth/password/change", change(&ada.password, "short")).await.must(422);
    ada.put("/users/me", json!({"password": ada.password})).await.must(200);
    ada.put("/users/me", json!({"first_name": "Ada"})).await.must(200);
    app.login(&ada.email, "wrong").await.must(401);
    app.again(&ada).await.post("/auth/logout", json!({})).await.must(204);
    app.no_mail_to(&ada.email).await;
}

#[tokio::test]
async fn a_session_that_ended_because_its_token_was_used_twice_is_told_once() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let first = ada.with(&ada.refreshes().await.must(200));
    app.clock.advance(Duration::from_secs(11));
    first.refreshes().await.must(200);
    app.no_mail_to(&ada.email).await;
    app.clock.advance(Duration::from_secs(11));
    for _ in 0..3 {
        ada.refreshes().await.must(401);
    }
    assert_eq!(ada.me().await, 401);
    assert_tells(&app.mail_to(&ada.email).await);
    assert_eq!(app.noted("refresh_token_reused").await, 1);
}

#[tokio::test]
async fn a_reset_is_told() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let (address, code) = Way::Reset.begin(&app, &ada).await;
    app.send(&Way::Reset.give(&address, code)).await.must(204);
    assert_tells(&app.mail_to(&ada.email).await);
}

#[tokio::test]
async fn an_address_that_nobody_has_proven_is_not_flooded_by_whoever_claims_it() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    // Somebody registers another's address and changes the password again and again.
    let mut eve = app.signed_in("eve").await;
    for number in 0..10 {
        let new = format!("phrase number {number} of mine");
        let body = json!({"current_password": eve.password, "password": new});
        let reply = eve.post("/auth/password/change", body).await.must(200);
        eve = Person { password: new, ..eve.with(&reply) };
    }
    assert_eq!(app.mails_to(&eve.email).await.len(), 5, "as many as an address is sent in an hour");
    // Who has proven the address learns of each.
    let mut ada = proven(&app, "ada").await;
    for number in 0..8 {
        let new = format!("phrase number {number} of mine");
        let body = json!({"current_password": ada.password, "password": new});
        let reply = ada.post("/auth/password/change", body).await.must(200);
        ada = Person { password: new, ..ada.with(&reply) };
    }
    assert_eq!(app.mails_to(&ada.email).await.len(), 8);
}

#[tokio::test]
async fn a_mail_says_when_and_from_where_it_was_asked_for() {
    let app = TestApp::with(|setup| setup.behind("127.0.0.1")).await;
    let ada = proven(&app, "ada").await;
    let asked = post("/auth/password/forgot").json(json!({"email": ada.email}));
    app.send(&asked.header("x-forwarded-for", "203.0.113.77")).await.must(202);
    let mail = app.mail_to(&ada.email).await;
    assert!(mail.text().contains("203.0.113.77") && mail.html().contains("203.0.113.77"), "{mail:?}");
}

#[tokio::test]
async fn mails_speak_the_language_of_the_person_then_that_of_the_request() {
    let app = TestApp::start().await;
    let body = |name: &str, locale: &str| {
        let mut body = json!({"email": format!("{name}@example.com"), "username": name, "password": "a phrase of its own"});
        if !locale.is_empty() {
            body["locale"] = locale.into();
        }
        body
    };
    let mut subjects = Vec::new();
    for (name, locale, accepts) in [
        ("one", "", ""),
        ("two", "", "ar, en;q=0.5"),
        ("three", "ar-EG", "en"),
        ("four", "en-GB", "ar"),
        ("five", "", "tlh, x-nothing"),
        ("six", "", "\u{7f}"),
    ] {
        let request = post("/auth/register").json(body(name, locale));
        let request = if accepts.is_ascii() && accepts.len() > 1 {
            request.header("accept-language", accepts)
        } else {
            request
        };
        app.send(&request).await.must(201);
        let mail = app.mail_to(&format!("{name}@example.com")).await;
        let is_arabic = mail.subject().chars().any(|letter| ('\u{600}'..='\u{6ff}').contains(&letter));
        assert_eq!(is_arabic, mail.html().contains("dir=\"rtl\""), "{mail:?}");
        subjects.push(is_arabic);
    }
    assert_eq!(subjects, [false, true, true, false, false, false]);
}
