//! Invitations: an account that somebody else has made, whose password its owner sets by the link of a mail.

use crate::app::{InboxMail, Person, TestApp, all, get, post};
use crate::codes::refused;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const FIRST: &str = "the first of its kind";

fn invited(name: &str) -> Value {
    json!({"email": format!("{name}@example.com"), "username": name, "roles": ["user"]})
}

async fn invite(app: &TestApp, admin: &Person, name: &str) -> (String, InboxMail) {
    let user = admin.post("/users", invited(name)).await.must(201);
    (user.text("id"), app.mail_to(&format!("{name}@example.com")).await)
}

fn by_token(mail: &InboxMail, password: &str) -> crate::app::Request {
    post("/auth/password/reset").json(json!({"token": mail.token(), "password": password}))
}

#[tokio::test]
async fn who_is_invited_sets_a_password_and_the_address_is_proven() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    for (name, by_page) in [("ada", false), ("bob", true)] {
        let (id, mail) = invite(&app, &admin, name).await;
        let email = format!("{name}@example.com");
        assert!(!mail.has_code(), "a link alone: {mail:?}");
        for guess in ["", "null", FIRST, "password"] {
            let status = app.login(&email, guess).await.status;
            assert!([401, 422].contains(&status), "{guess}: {status}");
        }
        assert_eq!(admin.get(&format!("/users/{id}")).await.json()["email_verified"], false);
        app.clock.advance(Duration::from_secs(3600));
        let page = app.send(&get(&mail.path())).await.must(200);
        assert!(String::from_utf8_lossy(&page.body).contains(&email), "{page}");
        match by_page {
            true => {
                app.send(&post(&mail.path()).form(&[("password", FIRST), ("repeat", FIRST)])).await.must(200)
            }
            false => app.send(&by_token(&mail, FIRST)).await.must(204),
        };
        admin = app.again(&admin).await;
        assert_eq!(admin.get(&format!("/users/{id}")).await.json()["email_verified"], true);
        app.login(&email, FIRST).await.must(200);
        // Who sets the first password need not be told.
        app.no_mail_to(&email).await;
        refused(&app, "twice", &by_token(&mail, "another phrase of mine")).await;
        app.send(&get(&mail.path())).await.must(404);
    }
    assert_eq!(app.noted("user_invited").await, 2);
    assert_eq!(app.noted("password_changed").await, 2);
}

#[tokio::test]
async fn an_invitation_is_good_for_seven_days() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (_, of_ada) = invite(&app, &admin, "ada").await;
    let (_, of_bob) = invite(&app, &admin, "bob").await;
    app.clock.advance(7 * DAY - Duration::from_secs(1));
    app.send(&by_token(&of_ada, FIRST)).await.must(204);
    app.clock.advance(Duration::from_secs(2));
    refused(&app, "late", &by_token(&of_bob, FIRST)).await;
    app.send(&get(&of_bob.path())).await.must(404);
    // Who came too late asks for another mail like anybody who has forgotten.
    app.anonymous().post("/auth/password/forgot", json!({"email": "bob@example.com"})).await.must(202);
    let mail = app.mail_to("bob@example.com").await;
    app.send(&by_token(&mail, FIRST)).await.must(204);
    app.login("bob@example.com", FIRST).await.must(200);
}

#[tokio::test]
async fn of_twenty_first_passwords_at_once_one_is_set() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (_, mail) = invite(&app, &admin, "ada").await;
    let phrase = |number: usize| format!("phrase number {number} of twenty");
    let statuses = all((0..20).map(|number| {
        let (sender, request) = (app.sender(), by_token(&mail, &phrase(number)));
        async move { sender.send(&request).await.status }
    }))
    .await;
    let winners: Vec<usize> = (0..20).filter(|number| statuses[*number] == 204).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    app.login("ada@example.com", &phrase(winners[0])).await.must(200);
}

#[tokio::test]
async fn a_weak_first_password_is_refused_and_the_invitation_stays_good() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (_, mail) = invite(&app, &admin, "ada").await;
    for weak in ["short", "ada@example.com", "password"] {
        app.refused(weak, &by_token(&mail, weak), 422, "invalid", "/password").await;
    }
    app.send(&by_token(&mail, FIRST)).await.must(204);
}

#[tokio::test]
async fn without_an_address_there_must_be_a_password() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.signed_in("ada").await);
    let request = admin.by(post("/users").json(json!({"username": "nomail"})));
    let reply = app.refused("nowhere to send it", &request, 422, "invalid", "/email").await;
    assert!(reply.json()["detail"].is_string());
    // Whoever may not make users invites nobody.
    let request = ada.by(post("/users").json(invited("eve")));
    app.refused("not permitted", &request, 403, "forbidden", "").await;
    app.no_mail_to("eve@example.com").await;
    // At registration a password is needed, whatever an administrator may leave out.
    let body = json!({"email": "kim@example.com"});
    app.refused("registration", &post("/auth/register").json(body), 422, "invalid", "/password").await;
}

#[tokio::test]
async fn who_is_deleted_disabled_or_has_a_password_is_not_invited_any_more() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (id, mail) = invite(&app, &admin, "ada").await;
    admin.delete(&format!("/users/{id}")).await.must(204);
    refused(&app, "deleted", &by_token(&mail, FIRST)).await;
    let (id, mail) = invite(&app, &admin, "bob").await;
    admin.patch(&format!("/users/{id}"), json!({"status": "disabled"})).await.must(200);
    refused(&app, "disabled", &by_token(&mail, FIRST)).await;
    let (_, mail) = invite(&app, &admin, "eve").await;
    admin.send(post("/users/eve/password-reset")).await.must(202);
    let reset = app.mail_to("eve@example.com").await;
    app.send(&by_token(&reset, FIRST)).await.must(204);
    refused(&app, "has a password", &by_token(&mail, "another phrase of mine")).await;
    app.login("eve@example.com", FIRST).await.must(200);
}
