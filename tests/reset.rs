//! A new password instead of a forgotten one, by the digits or the link of a mail. Group R, but for what the links in
//! mails have to fear from requests: `mail_links` has that.

use crate::app::{Person, Request, TestApp, all, get, patch, post};
use crate::codes::{Way, refused};
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = "an entirely new phrase";

async fn forgot(app: &TestApp, email: &str) {
    app.anonymous().post("/auth/password/forgot", json!({"email": email})).await.must(202);
}

/// Of somebody new, signed in, whose first mail was read; the mail to set another password.
async fn forgetful(app: &TestApp, name: &str) -> (Person, crate::app::InboxMail) {
    let person = app.signed_in(name).await;
    app.mails_to(&person.email).await;
    forgot(app, &person.email).await;
    let mail = app.mail_to(&person.email).await;
    (person, mail)
}

fn by_token(token: &str, password: &str) -> Request {
    post("/auth/password/reset").json(json!({"token": token, "password": password}))
}

#[tokio::test]
async fn every_way_sets_the_password_and_signs_nobody_in() {
    let app = TestApp::start().await;
    for (name, way) in [("ada", "digits"), ("bob", "token"), ("eve", "page"), ("kim", "alias")] {
        let (person, mail) = forgetful(&app, name).await;
        let old = app.again(&person).await;
        let digits = json!({"email": person.email, "code": mail.code(), "password": NEW});
        let reply = match way {
            "digits" => app.send(&post("/auth/password/reset").json(digits)).await.must(204),
            "alias" => app.send(&post("/reset-password/").json(digits)).await.must(204),
            "token" => app.send(&by_token(&mail.token(), NEW)).await.must(204),
            _ => app.send(&post(&mail.path()).form(&[("password", NEW), ("repeat", NEW)])).await.must(200),
        };
        assert!(!String::from_utf8_lossy(&reply.body).contains("token"), "{reply}");
        app.login(&person.email, &person.password).await.must(401);
        assert_eq!((person.me().await, old.me().await), (401, 401), "{way}: all sessions are over");
        old.refreshes().await.must(401);
        let again = app.login(&person.email, NEW).await.must(200);
        // Whoever reads the mail of an address has proven it.
        let user = person.with(&again).get("/users/me").await.json();
        assert_eq!(user["email_verified"], true, "{way}");
        let notice = app.mail_to(&person.email).await;
        assert!(!notice.has_code() && !notice.has_link(), "{notice:?}");
    }
    for kind in ["password_reset_asked", "password_reset", "email_verified"] {
        assert_eq!(app.noted(kind).await, 4, "{kind}");
    }
}

#[tokio::test]
async fn c_03_a_mail_is_promised_to_everybody_and_sent_to_real_accounts() {
    let app = TestApp::start().await;
    let (ada, bob, eve) =
        (app.signed_in("ada").await, app.signed_in("bob").await, app.signed_in("eve").await);
    let admin = app.admin().await;
    admin.patch(&format!("/users/{}", bob.id), json!({"email_verified": true})).await.must(200);
    admin.patch(&format!("/users/{}", eve.id), json!({"status": "disabled"})).await.must(200);
    for email in [&ada.email, &bob.email, &eve.email] {
        app.mails_to(email).await;
    }
    let (users, sessions) = (app.rows("SELECT * FROM keyward_users ORDER BY id").await, app.sessions().await);
    for path in ["/auth/password/forgot", "/forgot-password", "/forgot-password/"] {
        let mut faces = Vec::new();
        // However the address is written, the mail goes to where its owner has said.
        for email in
            ["ADA@Example.com", &bob.email, &eve.email, "nobody@example.com", "Some.One@sub.example.org"]
        {
            let request = post(path).json(json!({"email": email}));
            let work = app.hasher.work();
            faces.push(app.send(&request.header("x-request-id", "one-and-the-same")).await.must(202).face());
            assert_eq!(app.hasher.work(), work);
        }
        assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
        assert!(!faces[0].2.contains('@'), "{faces:?}");
        assert!(app.mail_to(&ada.email).await.has_code() && app.mail_to(&bob.email).await.has_code());
        for email in [&eve.email, "nobody@example.com", "Some.One@sub.example.org"] {
            app.no_mail_to(email).await;
        }
    }
    assert_eq!(app.rows("SELECT * FROM keyward_users ORDER BY id").await, users);
    assert_eq!(app.sessions().await, sessions);
    assert_eq!(app.noted("password_reset_asked").await, 6, "of those who are somebody");
}

#[tokio::test]
async fn r_02_a_token_is_good_once_and_of_twenty_at_once_one_wins() {
    let app = TestApp::start().await;
    let other = app.second_node().await;
    let (ada, mail) = forgetful(&app, "ada").await;
    let senders = [app.sender(), other.sender()];
    let phrase = |number: usize| format!("phrase number {number} of twenty");
    let statuses = all((0..20).map(|number| {
        let (sender, request) = (senders[number % 2].clone(), by_token(&mail.token(), &phrase(number)));
        async move { sender.send(&request).await.status }
    }))
    .await;
    let winners: Vec<usize> = (0..20).filter(|number| statuses[*number] == 204).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 422].contains(status)), "{statuses:?}");
    for number in 0..20 {
        let status = app.login(&ada.email, &phrase(number)).await.status;
        assert_eq!(status, if number == winners[0] { 200 } else { 401 }, "{number}");
    }
    refused(&app, "used", &by_token(&mail.token(), NEW)).await;
    refused(&app, "its digits", &Way::Reset.give(&ada.email, mail.code())).await;
    assert_eq!(app.noted("password_reset").await, 1);
}

#[tokio::test]
async fn r_02_digits_and_link_at_once_win_once() {
    let app = TestApp::start().await;
    for number in 0..5 {
        let (person, mail) = forgetful(&app, &format!("person{number}")).await;
        let requests = [
            by_token(&mail.token(), "the phrase of the link"),
            post("/auth/password/reset").json(
                json!({"email": person.email, "code": mail.code(), "password": "the phrase of the digits"}),
            ),
        ];
        let statuses = all(requests.into_iter().map(|request| {
            let sender = app.sender();
            async move { sender.send(&request).await.status }
        }))
        .await;
        let expected = match statuses[..] {
            [204, 422] => "the phrase of the link",
            [422, 204] => "the phrase of the digits",
            _ => panic!("{statuses:?}"),
        };
        app.login(&person.email, expected).await.must(200);
    }
}

#[tokio::test]
async fn r_03_the_second_mail_ends_the_first() {
    let app = TestApp::start().await;
    let (ada, first) = forgetful(&app, "ada").await;
    app.clock.advance(Duration::from_secs(30));
    forgot(&app, &ada.email).await;
    let second = app.mail_to(&ada.email).await;
    refused(&app, "the first link", &by_token(&first.token(), NEW)).await;
    app.send(&get(&first.path())).await.must(404);
    if first.code() != second.code() {
        refused(&app, "the first digits", &Way::Reset.give(&ada.email, first.code())).await;
    }
    app.send(&by_token(&second.token(), NEW)).await.must(204);
}

#[tokio::test]
async fn r_04_a_token_is_good_for_its_own_person_alone() {
    let app = TestApp::start().await;
    let (ada, of_ada) = forgetful(&app, "ada").await;
    let (bob, of_bob) = forgetful(&app, "bob").await;
    let before = app.rows("SELECT * FROM keyward_users ORDER BY id").await;
    for body in [
        json!({"token": of_ada.token(), "email": bob.email, "password": NEW}),
        json!({"token": of_ada.token(), "email": bob.email, "code": of_bob.code(), "password": NEW}),
        json!({"token": of_ada.token(), "id": bob.id, "password": NEW}),
        json!({"token": of_ada.token(), "user": "bob", "password": NEW}),
    ] {
        app.send(&post("/auth/password/reset").json(body)).await.must(422);
    }
    // Two that were put together of halves.
    let (a, b) = (of_ada.token(), of_bob.token());
    for cut in [10, 40, 60, 70, 80] {
        refused(&app, "halves", &by_token(&format!("{}{}", &a[..cut], &b[cut..]), NEW)).await;
    }
    assert_eq!(app.rows("SELECT * FROM keyward_users ORDER BY id").await, before);
    assert_eq!((ada.me().await, bob.me().await), (200, 200));
}

#[tokio::test]
async fn r_05_without_a_token_nothing_is_set() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for (name, body, pointer) in [
        ("nothing to prove", json!({"password": NEW}), ""),
        ("an address alone", json!({"email": ada.email, "password": NEW}), ""),
        ("a code alone", json!({"code": "123456", "password": NEW}), ""),
        ("null", json!({"token": null, "password": NEW}), ""),
        ("a list", json!({"token": [], "password": NEW}), "/token"),
        ("an object", json!({"token": {"$ne": ""}, "password": NEW}), "/token"),
        ("a number", json!({"token": 1, "password": NEW}), "/token"),
        ("true", json!({"token": true, "password": NEW}), "/token"),
        ("no password", json!({"token": "kwl_x"}), "/password"),
    ] {
        let before = app.everything().await;
        let reply = app.send(&post("/auth/password/reset").json(body)).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid"), "{name}: {reply}");
        assert!(pointer.is_empty() || reply.pointers() == [pointer], "{name}: {reply}");
        assert_eq!(app.everything().await, before, "{name}");
    }
    // Before anybody asked for one.
    for token in
        ["x", "kwl_", "null", "undefined", "0", " ", &"A".repeat(92), &format!("kwl_{}", "A".repeat(88))]
    {
        refused(&app, token, &by_token(token, NEW)).await;
    }
    let reply = app.send(&by_token("", NEW)).await;
    assert_eq!(reply.status, 422, "{reply}");
    for digits in ["000000", "123456"] {
        refused(&app, digits, &Way::Reset.give(&ada.email, digits)).await;
    }
    app.login(&ada.email, &ada.password).await.must(200);
}

#[tokio::test]
async fn r_05_the_token_of_who_is_gone_or_of_another_purpose_sets_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let (bob, of_bob) = forgetful(&app, "bob").await;
    let (eve, of_eve) = forgetful(&app, "eve").await;
    admin.delete(&format!("/users/{}", bob.id)).await.must(204);
    admin.patch(&format!("/users/{}", eve.id), json!({"status": "disabled"})).await.must(200);
    let ada = app.signed_in("ada").await;
    let verify = app.mail_to(&ada.email).await;
    ada.put("/users/me", json!({"email": "new@example.com"})).await.must(200);
    let (change, undo) = (app.mail_to("new@example.com").await, app.mail_to(&ada.email).await);
    let before = app.rows("SELECT * FROM keyward_users ORDER BY id").await;
    for (name, token) in [
        ("of a deleted user", of_bob.token()),
        ("of a disabled user", of_eve.token()),
        ("of a verification", verify.token()),
        ("of a change", change.token()),
        ("of an undoing", undo.token()),
        ("a session's", ada.refresh.clone()),
        ("an access token", ada.access.clone()),
    ] {
        refused(&app, name, &by_token(&token, NEW)).await;
    }
    refused(&app, "digits of a deleted user", &Way::Reset.give(&bob.email, of_bob.code())).await;
    refused(&app, "digits of a disabled user", &Way::Reset.give(&eve.email, of_eve.code())).await;
    assert_eq!(app.rows("SELECT * FROM keyward_users ORDER BY id").await, before);
    assert_eq!(ada.me().await, 200);
    // A new account of the same address has nothing to do with the old one's mail.
    let again = app.signed_in("bob").await;
    refused(&app, "of the first of two", &by_token(&of_bob.token(), NEW)).await;
    refused(&app, "of the first of two", &Way::Reset.give(&again.email, of_bob.code())).await;
    assert_eq!(again.me().await, 200);
}

#[tokio::test]
async fn r_06_afterwards_everything_of_before_is_over() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let verify = app.mail_to(&ada.email).await;
    ada.put("/users/me", json!({"email": "thief@example.com"})).await.must(200);
    let change = app.mail_to("thief@example.com").await;
    app.mails_to(&ada.email).await;
    let others = [app.again(&ada).await, app.again(&ada).await];
    forgot(&app, &ada.email).await;
    let reset = app.mail_to(&ada.email).await;
    app.send(&by_token(&reset.token(), NEW)).await.must(204);

    assert_eq!(app.sessions().await.len(), 0);
    for person in others.iter().chain([&ada]) {
        assert_eq!(person.me().await, 401);
        person.refreshes().await.must(401);
    }
    refused(&app, "the token", &by_token(&reset.token(), NEW)).await;
    refused(&app, "its digits", &Way::Reset.give(&ada.email, reset.code())).await;
    // Whoever had the password may have asked for another address.
    refused(&app, "a change of address", &Way::Change.give("thief@example.com", change.code())).await;
    for over in [&verify, &change] {
        app.send(&post(&over.path()).form(&[])).await.must(404);
    }
    let again = app.login(&ada.email, NEW).await.must(200);
    let user = ada.with(&again).get("/users/me").await.json();
    assert_eq!((&user["pending_email"], &user["email"]), (&Value::Null, &json!(ada.email)));
    let notice = app.mail_to(&ada.email).await;
    assert!(!notice.has_code() && !notice.has_link(), "{notice:?}");
}

#[tokio::test]
async fn a_password_that_changes_meanwhile_ends_the_mail() {
    let app = TestApp::start().await;
    let (ada, mail) = forgetful(&app, "ada").await;
    let body = json!({"current_password": ada.password, "password": "the third of its kind"});
    ada.post("/auth/password/change", body).await.must(200);
    refused(&app, "the link of before", &by_token(&mail.token(), NEW)).await;
    refused(&app, "the digits of before", &Way::Reset.give(&ada.email, mail.code())).await;
    let (bob, mail) = forgetful(&app, "bob").await;
    bob.post("/auth/logout", json!({"everywhere": true})).await.must(204);
    refused(&app, "after signing out everywhere", &by_token(&mail.token(), NEW)).await;
}

#[tokio::test]
async fn the_link_is_good_for_an_hour() {
    let app = TestApp::start().await;
    let (ada, mail) = forgetful(&app, "ada").await;
    app.clock.advance(Duration::from_secs(3599));
    app.send(&get(&mail.path())).await.must(200);
    app.clock.advance(Duration::from_secs(2));
    refused(&app, "late", &by_token(&mail.token(), NEW)).await;
    app.send(&get(&mail.path())).await.must(404);
    forgot(&app, &ada.email).await;
    let mail = app.mail_to(&ada.email).await;
    app.clock.advance(Duration::from_secs(3599));
    app.send(&by_token(&mail.token(), NEW)).await.must(204);
}

#[tokio::test]
async fn r_09_whoever_tries_many_tokens_has_to_wait() {
    let app = TestApp::with(|setup| setup.limits_as_shipped().set("limits.passwords", "1000000")).await;
    let (_, mail) = forgetful(&app, "ada").await;
    let right = mail.token();
    let guesses = (0..400_u32).map(|number| {
        let begin = if number % 2 == 0 { 4 } else { 4 + 44 };
        let guess: String = right[..begin]
            .chars()
            .chain((begin..right.len()).map(|at| {
                char::from(b'A' + u8::try_from((u64::from(number) * 7 + at as u64 * 13) % 26).unwrap())
            }))
            .collect();
        let (sender, path) = (app.sender(), format!("/link/{guess}"));
        async move {
            let request = match number % 3 {
                0 => by_token(&guess, NEW),
                1 => get(&path),
                _ => post(&path).form(&[("password", NEW)]),
            };
            sender.send(&request).await.status
        }
    });
    let statuses = all(guesses).await;
    let let_through = statuses.iter().filter(|status| **status != 429).count();
    assert_eq!(let_through, 200, "wrong secrets from one address in an hour");
    assert!(statuses.iter().all(|status| [404, 422, 429].contains(status)));
    app.send(&by_token(&right, NEW)).await.must(429);
    app.clock.advance(Duration::from_secs(60));
    app.send(&by_token(&right, NEW)).await.must(204);
}

#[tokio::test]
async fn r_10_a_weak_password_is_refused_and_the_mail_stays_good() {
    let app = TestApp::start().await;
    let (ada, mail) = forgetful(&app, "ada").await;
    let digits = |password: &str| {
        post("/auth/password/reset")
            .json(json!({"email": ada.email, "code": mail.code(), "password": password}))
    };
    for weak in ["zxcv7", "password", "ada@example.com", "12345678", &"x".repeat(300)] {
        for _ in 0..2 {
            app.refused("digits", &digits(weak), 422, "invalid", "/password").await;
            app.refused("token", &by_token(&mail.token(), weak), 422, "invalid", "/password").await;
        }
        let page =
            post(&mail.path()).header("accept", "text/html").form(&[("password", weak), ("repeat", weak)]);
        let page = app.send(&page).await.must(422);
        let html = String::from_utf8_lossy(&page.body).into_owned();
        assert!(html.contains("role=\"alert\""), "{html}");
        // The address is named on the page, and the inputs are.
        assert_eq!(html.contains(weak), ["password", "ada@example.com"].contains(&weak), "{html}");
    }
    // Ten of these would have used five tries up.
    app.send(&digits(NEW)).await.must(204);
}

#[tokio::test]
async fn an_administrator_has_a_mail_sent_and_learns_no_code() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    app.mails_to(&ada.email).await;
    let path = format!("/users/{}/password-reset", ada.id);
    app.send(&post(&path)).await.must(401);
    ada.send(post(&path)).await.must(403);
    app.no_mail_to(&ada.email).await;
    let reply = admin.send(post(&path)).await.must(202);
    let mail = app.mail_to(&ada.email).await;
    let said = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(!said.contains(&mail.code()) && !said.contains("kwl_"), "{said}");
    assert_eq!(ada.me().await, 200, "nothing has changed yet");
    app.send(&by_token(&mail.token(), NEW)).await.must(204);
    app.login(&ada.email, NEW).await.must(200);

    admin.send(post("/users/ada/password-reset")).await.must(202);
    app.send(&Way::Reset.give(&ada.email, {
        let mails = app.mails_to(&ada.email).await;
        mails.iter().rfind(|mail| mail.has_code()).unwrap().code()
    }))
    .await
    .must(204);
    admin.send(post("/users/nobody/password-reset")).await.must(404);
    admin.send(post("/users/0190b5b2-5f3e-7000-8000-000000000000/password-reset")).await.must(404);
    let nameless = json!({"username": "nomail", "password": "a phrase of its own"});
    admin.post("/users", nameless).await.must(201);
    let reply = admin.send(post("/users/nomail/password-reset")).await;
    assert!([409, 422].contains(&reply.status), "{reply}");
    admin.send(patch("/users/ada").json(json!({"status": "disabled"}))).await.must(200);
    let reply = admin.send(post("/users/ada/password-reset")).await;
    assert!([409, 422].contains(&reply.status), "{reply}");
    assert_eq!(app.noted("password_reset_asked").await, 2);
}
