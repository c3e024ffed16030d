//! Undoing a change of address: by whom, how long, and what it ends.

use crate::app::{InboxMail, Person, TestApp, all, get, post, put};
use crate::change_email::{asks, proven, user};
use crate::codes::{Way, refused};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A thief changes the address; which mail undoes it.
async fn stolen(app: &TestApp, name: &str, is_done: bool) -> (Person, InboxMail) {
    let person = proven(app, name).await;
    let (mail, told) = asks(app, &person, &format!("thief-{name}@example.com")).await;
    if !is_done {
        return (person, told);
    }
    app.send(&post(&mail.path()).form(&[])).await.must(200);
    let newer = app.mail_to(&person.email).await;
    app.send(&get(&told.path())).await.must(404);
    (person, newer)
}

#[tokio::test]
async fn the_old_address_undoes_the_change_within_72_hours() {
    let app = TestApp::start().await;
    for (name, is_done) in [("ada", false), ("bob", true)] {
        let (person, told) = stolen(&app, name, is_done).await;
        let thief = format!("thief-{name}@example.com");
        app.mails_to(&thief).await;
        app.clock.advance(72 * HOUR - Duration::from_secs(1));
        let signed_in_as = if is_done { &thief } else { &person.email };
        let session = person.with(&app.login(signed_in_as, &person.password).await.must(200));
        app.send(&get(&told.path())).await.must(200);
        assert_eq!(session.me().await, 200, "looking at it changes nothing");
        app.send(&post(&told.path()).form(&[])).await.must(200);
        assert_eq!((session.me().await, person.me().await), (401, 401), "all sessions are over");
        session.refreshes().await.must(401);
        // Whoever did it may know the password, which is over; another can be set at once.
        for name in [&thief, &person.email] {
            assert_eq!(app.login(name, &person.password).await.status, 401);
        }
        let reset = app.mail_to(&person.email).await;
        app.send(&Way::Reset.give(&person.email, reset.code())).await.must(204);
        let again = app.login(&person.email, "an entirely new phrase").await.must(200);
        assert_eq!(user(&person.with(&again)).await, (person.email.clone(), json!(true), Value::Null));
        // An address that counted is told that it does no more, and can do nothing about it.
        let notices = app.mails_to(&thief).await;
        assert_eq!(notices.len(), usize::from(is_done), "{notices:?}");
        assert!(!notices.iter().any(|mail| mail.has_code() || mail.has_link()), "{notices:?}");
        app.send(&post(&told.path()).form(&[])).await.must(404);
        app.send(&get(&told.path())).await.must(404);
        app.mails_to(&person.email).await;
    }
    assert_eq!(app.noted("email_change_undone").await, 2);
}

#[tokio::test]
async fn after_72_hours_nothing_is_undone() {
    let app = TestApp::start().await;
    for (name, is_done) in [("ada", false), ("bob", true)] {
        let (person, told) = stolen(&app, name, is_done).await;
        app.clock.advance(72 * HOUR + Duration::from_secs(1));
        let before = app.rows("SELECT * FROM keyward_users ORDER BY id").await;
        app.send(&get(&told.path())).await.must(404);
        app.send(&post(&told.path()).form(&[])).await.must(404);
        assert_eq!(app.rows("SELECT * FROM keyward_users ORDER BY id").await, before);
        app.no_mail_to(&person.email).await;
    }
}

#[tokio::test]
async fn what_was_undone_cannot_be_proven_any_more() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let (mail, told) = asks(&app, &ada, "thief@example.com").await;
    app.send(&post(&told.path()).form(&[])).await.must(200);
    refused(&app, "the digits", &Way::Change.give("thief@example.com", mail.code())).await;
    app.send(&post(&mail.path()).form(&[])).await.must(404);
    Way::Change.ask(&app, "thief@example.com").await.must(202);
    app.no_mail_to("thief@example.com").await;
}

#[tokio::test]
async fn undoing_and_proving_at_once_leave_one_of_the_two() {
    let app = TestApp::start().await;
    for number in 0..8 {
        let person = proven(&app, &format!("person{number}")).await;
        let new = format!("new{number}@example.com");
        let (mail, told) = asks(&app, &person, &new).await;
        let statuses = all([mail.path(), told.path()].into_iter().map(|path| {
            let (sender, request) = (app.sender(), post(&path).form(&[]));
            async move { sender.send(&request).await.status }
        }))
        .await;
        let rows = app
            .rows(&format!("SELECT email, pending_email FROM keyward_users WHERE id = '{}'", person.id))
            .await;
        match statuses[..] {
            // Proven first, then undone; or undone before it could be proven.
            [200 | 404 | 422, 200] => assert_eq!(rows, [format!("{}|-", person.email)]),
            // Proven while it was undone: then the next mail undoes it.
            [200, 404 | 422] => {
                assert_eq!(rows, [format!("{new}|-")]);
                let told = app.mail_to(&person.email).await;
                app.send(&post(&told.path()).form(&[])).await.must(200);
            }
            _ => panic!("{statuses:?}: {rows:?}"),
        }
    }
}

#[tokio::test]
async fn an_address_that_can_be_taken_back_is_nobody_elses() {
    let app = TestApp::start().await;
    let ((ada, told), bob) = (stolen(&app, "ada", true).await, proven(&app, "bob").await);
    let admin = app.admin().await;
    let body = json!({"email": ada.email, "username": "second", "password": "a phrase of its own"});
    let wants = [
        post("/auth/register").json(body.clone()),
        bob.by(put("/users/me").json(json!({"email": ada.email}))),
    ];
    for want in &wants {
        app.refused("held", want, 409, "taken", "/email").await;
    }
    app.no_mail_to(&ada.email).await;
    app.send(&post(&told.path()).form(&[])).await.must(200);
    app.mails_to(&ada.email).await;
    Way::Reset.begin(&app, &ada).await;

    // An administrator may give it away; then the link finds it taken.
    for (name, is_new) in [("kim", true), ("lee", false)] {
        let (person, told) = stolen(&app, name, true).await;
        let reply = if is_new {
            let body = json!({"email": person.email, "password": "a phrase of its own"});
            admin.post("/users", body).await.must(201)
        } else {
            admin.patch(&format!("/users/{}", bob.id), json!({"email": person.email})).await.must(200)
        };
        assert_eq!(reply.text("email"), person.email);
        app.send(&post(&told.path()).form(&[])).await.must(409);
    }

    // Once that is over anybody may have it.
    let (eve, _) = stolen(&app, "eve", true).await;
    app.clock.advance(72 * HOUR + Duration::from_secs(1));
    let body = json!({"email": eve.email, "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
    app.login(&eve.email, "a phrase of its own").await.must(200);
}

/// A thief moves the account to one address and on to another: the mails that undo it, the person's and the thief's.
async fn moved_twice(app: &TestApp, name: &str) -> (Person, InboxMail, InboxMail) {
    let person = proven(app, name).await;
    let (first, second) = (format!("first-{name}@evil.test"), format!("second-{name}@evil.test"));
    let (mail, _) = asks(app, &person, &first).await;
    app.send(&post(&mail.path()).form(&[])).await.must(200);
    let of_person = app.mail_to(&person.email).await;
    app.clock.advance(Duration::from_secs(60));
    person.put("/users/me", json!({"email": second})).await.must(200);
    let mail = app.mail_to(&second).await;
    app.mails_to(&first).await;
    app.send(&post(&mail.path()).form(&[])).await.must(200);
    let of_thief = app.mail_to(&first).await;
    (person, of_person, of_thief)
}

#[tokio::test]
async fn an_address_of_in_between_undoes_nothing_once_the_one_of_before_has() {
    let app = TestApp::start().await;
    for (name, thief_is_first) in [("ada", false), ("bob", true)] {
        let (person, of_person, of_thief) = moved_twice(&app, name).await;
        if thief_is_first {
            app.send(&post(&of_thief.path()).form(&[])).await.must(200);
        }
        app.clock.advance(Duration::from_secs(60));
        app.send(&post(&of_person.path()).form(&[])).await.must(200);
        let reset = app.mail_to(&person.email).await;
        app.send(&Way::Reset.give(&person.email, reset.code())).await.must(204);
        let row = format!("SELECT email, pending_email FROM keyward_users WHERE id = '{}'", person.id);
        for _ in 0..2 {
            app.send(&get(&of_thief.path())).await.must(404);
            app.send(&post(&of_thief.path()).form(&[])).await.must(404);
        }
        assert_eq!(app.rows(&row).await, [format!("{}|-", person.email)], "{name}");

        // What the person does from here on can be undone as ever, and still the thief's link cannot.
        app.clock.advance(Duration::from_secs(60));
        app.mails_to(&person.email).await;
        let again = person.with(&app.login(&person.email, "an entirely new phrase").await.must(200));
        let new = format!("new-{name}@example.com");
        let (mail, _) = asks(&app, &again, &new).await;
        app.send(&post(&mail.path()).form(&[])).await.must(200);
        let told = app.mail_to(&person.email).await;
        app.send(&post(&of_thief.path()).form(&[])).await.must(404);
        app.clock.advance(Duration::from_secs(60));
        app.send(&post(&told.path()).form(&[])).await.must(200);
        app.send(&post(&of_thief.path()).form(&[])).await.must(404);
        assert_eq!(app.rows(&row).await, [format!("{}|-", person.email)], "{name}");
    }
}
