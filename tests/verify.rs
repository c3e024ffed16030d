//! Proving an address: the mail that registration causes, another one, and what its digits and its link do.

use crate::app::{TestApp, all, get, post, put};
use crate::codes::{Way, refused};
use serde_json::{Value, json};
use std::time::Duration;

async fn is_verified(app: &TestApp, name: &str) -> bool {
    let rows =
        app.rows(&format!("SELECT email_verified_at FROM keyward_users WHERE username = '{name}'")).await;
    rows[0] != "-"
}

#[tokio::test]
async fn whoever_registers_is_sent_a_code_and_a_link() {
    let app = TestApp::start().await;
    let body = json!({
        "email": "Ada@Example.COM", "username": "ada", "password": "ada keeps a long secret", "first_name": "Ada",
    });
    let user = app.anonymous().post("/auth/register", body).await.must(201).json();
    assert_eq!((&user["email_verified"], &user["pending_email"]), (&json!(false), &Value::Null));
    let mail = app.mail_to("Ada@example.com").await;
    assert!(mail.text().contains("Ada"), "{mail:?}");
    assert!(mail.link().starts_with(&format!("http://{}/link/kwl_", app.address)), "{mail:?}");
    // Signing in does not wait for it.
    app.login("ada@example.com", "ada keeps a long secret").await.must(200);
    assert!(!is_verified(&app, "ada").await);

    app.clock.advance(Duration::from_secs(60));
    let reply = app.send(&Way::Verify.give("ada@example.com", mail.code())).await.must(200);
    assert_eq!(
        (reply.text("id"), reply.json()["email_verified"].clone()),
        (user["id"].as_str().unwrap().into(), json!(true))
    );
    assert_eq!(app.events().await, ["registered", "signed_in", "email_verified"]);
    app.no_mail_to("Ada@example.com").await;
}

#[tokio::test]
async fn every_name_of_the_route_and_of_the_code_proves() {
    let app = TestApp::start().await;
    for (name, path, member) in [
        ("one", "/auth/verify", "code"),
        ("two", "/verify", "code"),
        ("three", "/verify/", "otp"),
        ("four", "/auth/verify", "otp"),
    ] {
        let person = app.signed_in(name).await;
        let code = app.code_for(&person.email).await;
        let body = json!({"email": person.email, member: code});
        let user = app.anonymous().post(path, body).await.must(200);
        assert_eq!(
            (user.text("username"), user.json()["email_verified"].clone()),
            (name.into(), json!(true))
        );
    }
}

#[tokio::test]
async fn the_link_proves_as_the_digits_do_and_either_is_enough() {
    let app = TestApp::start().await;
    for (name, first_by_link) in [("ada", true), ("bob", false)] {
        let person = app.signed_in(name).await;
        let mail = app.mail_to(&person.email).await;
        let (link, digits) = (post(&mail.path()).form(&[]), Way::Verify.give(&person.email, mail.code()));
        let page = app.send(&get(&mail.path())).await.must(200);
        assert!(String::from_utf8_lossy(&page.body).contains(&person.email), "{page}");
        assert!(!is_verified(&app, name).await);
        if first_by_link {
            app.send(&link).await.must(200);
            refused(&app, "the digits of a link that was used", &digits).await;
        } else {
            app.send(&digits).await.must(200);
        }
        assert!(is_verified(&app, name).await);
        app.send(&link).await.must(404);
        app.send(&get(&mail.path())).await.must(404);
    }
}

#[tokio::test]
async fn the_link_is_good_for_a_day_and_five_wrong_digits_do_not_end_it() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let (of_ada, of_bob) = (app.mail_to(&ada.email).await, app.mail_to(&bob.email).await);
    for number in 0..6 {
        let guess = crate::codes::wrong(&of_ada.code(), number);
        refused(&app, "wrong", &Way::Verify.give(&ada.email, guess)).await;
    }
    app.clock.advance(Duration::from_secs(24 * 3600 - 1));
    app.send(&get(&of_ada.path())).await.must(200);
    app.send(&post(&of_ada.path()).form(&[])).await.must(200);
    app.clock.advance(Duration::from_secs(2));
    app.send(&get(&of_bob.path())).await.must(404);
    app.send(&post(&of_bob.path()).form(&[])).await.must(404);
    assert!(is_verified(&app, "ada").await && !is_verified(&app, "bob").await);
}

#[tokio::test]
async fn another_mail_can_be_had_and_the_first_is_over_then() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let first = app.mail_to(&ada.email).await;
    app.clock.advance(Duration::from_secs(60));
    let body = json!({"email": ada.email});
    app.anonymous().post("/auth/verify/resend", body).await.must(202);
    let second = app.mail_to(&ada.email).await;
    assert_ne!(first.token(), second.token());
    app.send(&get(&first.path())).await.must(404);
    app.send(&post(&first.path()).form(&[])).await.must(404);
    if first.code() != second.code() {
        refused(&app, "the first", &Way::Verify.give(&ada.email, first.code())).await;
    }
    app.send(&Way::Verify.give(&ada.email, second.code())).await.must(200);
}

#[tokio::test]
async fn c_05_another_mail_is_promised_to_everybody_and_sent_to_who_waits_for_it() {
    let app = TestApp::start().await;
    let (ada, bob, eve) =
        (app.signed_in("ada").await, app.signed_in("bob").await, app.signed_in("eve").await);
    let admin = app.admin().await;
    admin.patch(&format!("/users/{}", bob.id), json!({"email_verified": true})).await.must(200);
    admin.patch(&format!("/users/{}", eve.id), json!({"status": "disabled"})).await.must(200);
    for email in [&ada.email, &bob.email, &eve.email] {
        app.mails_to(email).await;
    }
    let before = app.everything().await;
    let mut faces = Vec::new();
    for email in
        ["aDa@example.com", &bob.email, &eve.email, "nobody@example.com", "Nobody.Else@sub.example.org"]
    {
        let request = post("/auth/verify/resend").json(json!({"email": email}));
        faces.push(app.send(&request.header("x-request-id", "one-and-the-same")).await.must(202).face());
    }
    assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
    assert!(!faces[0].2.contains('@'), "{faces:?}");
    let code = app.code_for(&ada.email).await;
    for email in [&bob.email, &eve.email, "nobody@example.com", "Nobody.Else@sub.example.org"] {
        app.no_mail_to(email).await;
    }
    assert_eq!(app.everything().await, before, "nothing else happened");
    // Of those that led nowhere nothing stays.
    let left: Vec<String> = app.outbox().await.iter().map(|mail| mail.to.as_str().to_owned()).collect();
    assert_eq!(left.iter().filter(|to| to.to_lowercase().starts_with("nobody")).count(), 0, "{left:?}");
    app.send(&Way::Verify.give(&ada.email, code)).await.must(200);
}

#[tokio::test]
async fn c_05_trying_a_code_looks_alike_for_everybody() {
    let app = TestApp::start().await;
    let (ada, bob, eve) =
        (app.signed_in("ada").await, app.signed_in("bob").await, app.signed_in("eve").await);
    let code = app.code_for(&ada.email).await;
    app.send(&Way::Verify.give(&bob.email, app.code_for(&bob.email).await)).await.must(200);
    app.admin().await.patch(&format!("/users/{}", eve.id), json!({"status": "disabled"})).await.must(200);
    let asked = [&ada.email, &bob.email, &eve.email, "nobody@example.com"];
    for ask in [false, true] {
        if ask {
            for email in asked {
                Way::Verify.ask(&app, email).await.must(202);
            }
            app.posted().await;
        }
        let mut faces = Vec::new();
        for number in 0..7 {
            for email in asked {
                let guess = crate::codes::wrong(&code, number);
                let request = Way::Verify.give(email, guess).header("x-request-id", "one-and-the-same");
                let work = app.events().await.len();
                faces.push(app.send(&request).await.must(422).face());
                assert_eq!(app.events().await.len(), work + 1, "{email}: one event, whoever it is");
            }
        }
        assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
    }
}

#[tokio::test]
async fn who_is_disabled_or_deleted_meanwhile_proves_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (name, is_deleted) in [("ada", false), ("bob", true)] {
        let person = app.signed_in(name).await;
        let mail = app.mail_to(&person.email).await;
        let path = format!("/users/{}", person.id);
        match is_deleted {
            true => admin.delete(&path).await.must(204),
            false => admin.patch(&path, json!({"status": "disabled"})).await.must(200),
        };
        refused(&app, name, &Way::Verify.give(&person.email, mail.code())).await;
        app.send(&get(&mail.path())).await.must(404);
        app.send(&post(&mail.path()).form(&[])).await.must(404);
    }
}

#[tokio::test]
async fn an_address_that_is_another_meanwhile_is_not_proven_by_the_old_mail() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let mail = app.mail_to(&ada.email).await;
    admin.patch(&format!("/users/{}", ada.id), json!({"email": "other@example.com"})).await.must(200);
    refused(&app, "the old mail", &Way::Verify.give(&ada.email, mail.code())).await;
    refused(&app, "the new address", &Way::Verify.give("other@example.com", mail.code())).await;
    app.send(&post(&mail.path()).form(&[])).await.must(404);
    assert!(!is_verified(&app, "ada").await);
    // The new address got a mail of its own.
    let code = app.code_for("other@example.com").await;
    app.send(&Way::Verify.give("other@example.com", code)).await.must(200);
}

#[tokio::test]
async fn proof_and_an_edit_at_once_both_count() {
    let app = TestApp::start().await;
    for number in 0..5 {
        let person = app.signed_in(&format!("person{number}")).await;
        let code = app.code_for(&person.email).await;
        let edit = person.by(put("/users/me").json(json!({"first_name": "Edited"})));
        let requests = [edit, Way::Verify.give(&person.email, code)];
        let replies = all(requests.into_iter().map(|request| {
            let sender = app.sender();
            async move { sender.send(&request).await.status }
        }))
        .await;
        assert_eq!(replies, [200, 200]);
        let user = person.get("/users/me").await.must(200).json();
        assert_eq!((&user["first_name"], &user["email_verified"]), (&json!("Edited"), &json!(true)));
    }
}

#[tokio::test]
async fn a_user_whom_somebody_made_is_asked_to_prove_the_address_too() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let made = |name: &str, verified: bool| {
        json!({"email": format!("{name}@example.com"), "username": name, "password": "a phrase of its own",
            "email_verified": verified})
    };
    admin.post("/users", made("ada", false)).await.must(201);
    admin.post("/users", made("bob", true)).await.must(201);
    let code = app.code_for("ada@example.com").await;
    app.send(&Way::Verify.give("ada@example.com", code)).await.must(200);
    app.no_mail_to("bob@example.com").await;
}
