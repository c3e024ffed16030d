//! `accounts.verification`: off, optional or required, and what each means at registration, at login and for another
//! address.

use crate::app::{TestApp, all, get, post, put};
use crate::codes::Way;
use serde_json::{Value, json};
use std::time::Duration;

async fn with(verification: &str) -> TestApp {
    TestApp::with(|setup| setup.set("accounts.verification", verification)).await
}

async fn register(app: &TestApp, name: &str) -> String {
    let body = json!({
        "email": format!("{name}@example.com"), "username": name, "password": format!("{name} keeps a long secret"),
    });
    app.anonymous().post("/auth/register", body).await.must(201).text("id")
}

#[tokio::test]
async fn off_a_new_address_counts_at_once_and_nobody_is_asked() {
    let app = with("off").await;
    let ada = app.signed_in("ada").await;
    app.no_mail_to(&ada.email).await;
    let reply = ada.put("/users/me", json!({"email": "new@example.com"})).await.must(200);
    assert_eq!(
        (reply.text("email"), reply.json()["pending_email"].clone()),
        ("new@example.com".into(), Value::Null)
    );
    assert_eq!(reply.json()["email_verified"], false);
    app.no_mail_to("new@example.com").await;
    // The old address is told all the same, and may undo it.
    let told = app.mail_to(&ada.email).await;
    assert!(told.has_link() && !told.has_code(), "{told:?}");
    app.send(&post(&told.path()).form(&[])).await.must(200);
    assert_eq!(app.login("new@example.com", &ada.password).await.status, 401);
    // Whoever forgets the password is helped.
    app.mails_to(&ada.email).await;
    let (address, code) = Way::Reset.begin(&app, &ada).await;
    app.send(&Way::Reset.give(&address, code)).await.must(204);
}

#[tokio::test]
async fn off_the_address_of_before_is_held_before_the_mail_that_undoes_it_is_out() {
    let app =
        TestApp::with(|setup| setup.set("accounts.verification", "off").by_smtp("smtp://127.0.0.1:1")).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    ada.put("/users/me", json!({"email": "new@example.com"})).await.must(200);
    let body = json!({"email": ada.email, "password": "a phrase of its own"});
    for want in
        [post("/auth/register").json(body), bob.by(put("/users/me").json(json!({"email": ada.email})))]
    {
        app.refused("held", &want, 409, "taken", "/email").await;
    }
    // Its own it is still.
    ada.put("/users/me", json!({"email": ada.email})).await.must(200);
}

/// Of many changes at once, also those that come to nothing must not void the link of the one that counts.
#[tokio::test]
async fn off_whatever_is_asked_for_at_once_the_address_of_before_can_undo_it() {
    let app = with("off").await;
    let other = app.second_node().await;
    for round in 0..12 {
        let ada = app.signed_in(&format!("ada{round}")).await;
        let senders = [app.sender(), other.sender()];
        // Of what is asked for at one moment nothing is newer.
        let clock = app.clock.clone();
        let time = tokio::spawn(async move {
            loop {
                clock.advance(Duration::from_micros(1));
                tokio::task::yield_now().await;
            }
        });
        let statuses = all((0..6).map(|number| {
            let new = json!({"email": format!("thief{round}x{number}@evil.test")});
            let (sender, request) = (senders[number % 2].clone(), ada.by(put("/users/me").json(new)));
            async move { sender.send(&request).await.status }
        }))
        .await;
        time.abort();
        assert!(statuses.contains(&200), "{statuses:?}");
        let told = app.mail_to(&ada.email).await;
        app.send(&post(&told.path()).form(&[])).await.must(200);
        let row = format!("SELECT email FROM keyward_users WHERE id = '{}'", ada.id);
        assert_eq!(app.rows(&row).await, std::slice::from_ref(&ada.email));
        app.mails_to(&ada.email).await;
    }
}

#[tokio::test]
async fn off_ten_addresses_in_an_hour_are_tried_on() {
    let app = TestApp::with(|setup| setup.set("accounts.verification", "off").limits_as_shipped()).await;
    let ada = app.signed_in("ada").await;
    for number in 0..10 {
        ada.put("/users/me", json!({"email": format!("stranger{number}@example.com")})).await.must(200);
    }
    let more = ada.by(put("/users/me").json(json!({"email": "stranger10@example.com"})));
    let reply = app.refused("one more", &more, 429, "rate_limited", "").await;
    assert_eq!(reply.header("retry-after"), "360");
    // What is no change is not counted.
    ada.put("/users/me", json!({"email": "stranger9@example.com", "first_name": "Ada"})).await.must(200);
}

#[tokio::test]
async fn optional_login_works_before_the_address_is_proven() {
    for app in [with("optional").await, TestApp::start().await] {
        register(&app, "ada").await;
        let reply = app.login("ada@example.com", "ada keeps a long secret").await.must(200);
        assert!(!reply.text("access_token").is_empty());
        assert!(app.mail_to("ada@example.com").await.has_code());
    }
}

#[tokio::test]
async fn o_09_required_nobody_signs_in_before_the_address_is_proven() {
    let app = with("required").await;
    let id = register(&app, "ada").await;
    let code = app.code_for("ada@example.com").await;
    for login in [
        post("/auth/login").json(json!({"email": "ada@example.com", "password": "ada keeps a long secret"})),
        post("/login").json(json!({"username": "ada", "password": "ada keeps a long secret"})),
        post("/auth/login").form(&[("username", "ada"), ("password", "ada keeps a long secret")]),
        post("/login/").form(&[("username", "ada@example.com"), ("password", "ada keeps a long secret")]),
    ] {
        app.refused_and_noted("right", &login, 403, "email_not_verified", "sign_in_failed").await;
        let reply = app.send(&login).await.must(403);
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!said.contains("token") && !said.contains(&id), "{said}");
    }
    assert_eq!(app.sessions().await.len(), 0);
    // Only who knows the password learns of it.
    let face = async |email: &str| {
        let body = json!({"email": email, "password": "wrong"});
        let request = post("/auth/login").json(body).header("x-request-id", "one-and-the-same");
        app.send(&request).await.must(401).face()
    };
    assert_eq!(face("ada@example.com").await, face("nobody@example.com").await);
    app.send(&Way::Verify.give("ada@example.com", code)).await.must(200);
    app.sign_in("ada", &id).await;
}

#[tokio::test]
async fn required_a_reset_proves_the_address_and_an_invitation_does() {
    let app = with("required").await;
    register(&app, "ada").await;
    app.mails_to("ada@example.com").await;
    Way::Reset.ask(&app, "ada@example.com").await.must(202);
    let code = app.code_for("ada@example.com").await;
    app.send(&Way::Reset.give("ada@example.com", code)).await.must(204);
    app.login("ada@example.com", "an entirely new phrase").await.must(200);
}

#[tokio::test]
async fn required_whoever_has_no_address_has_nothing_to_prove() {
    let app = with("required").await;
    let setup = format!("/setup/{}", app.keyward.setup.expose());
    let form = [("email", "root@example.com"), ("password", "root keeps a long secret")];
    app.send(&post(&setup).form(&form)).await.must(200);
    // Else nobody could let the first administrator in.
    let admin = app.sign_in("root", "").await;
    let made = json!({"username": "nomail", "password": "a phrase of its own"});
    admin.post("/users", made).await.must(201);
    let login = json!({"username": "nomail", "password": "a phrase of its own"});
    app.anonymous().post("/auth/login", login).await.must(200);
    let made = json!({"email": "kim@example.com", "password": "a phrase of its own", "email_verified": true});
    admin.post("/users", made).await.must(201);
    app.login("kim@example.com", "a phrase of its own").await.must(200);
}

#[tokio::test]
async fn required_a_session_lives_on_while_another_address_waits() {
    let app = with("required").await;
    let id = register(&app, "ada").await;
    app.send(&Way::Verify.give("ada@example.com", app.code_for("ada@example.com").await)).await.must(200);
    let ada = app.sign_in("ada", &id).await;
    app.send(&ada.by(put("/users/me").json(json!({"email": "new@example.com"})))).await.must(200);
    app.again(&ada).await;
    app.send(&Way::Change.give("new@example.com", app.code_for("new@example.com").await)).await.must(200);
    app.login("new@example.com", &ada.password).await.must(200);
    assert_eq!(app.send(&ada.by(get("/users/me"))).await.must(200).json()["email_verified"], true);
}
