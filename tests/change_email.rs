//! Another address: it waits until it is proven, the old one is told, and of two who want the same one the first to prove
//! it gets it.

use crate::app::{InboxMail, Person, TestApp, all, post, put};
use crate::codes::{Way, refused};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) async fn user(person: &Person) -> (String, Value, Value) {
    let user = person.get("/users/me").await.must(200).json();
    (
        user["email"].as_str().unwrap().to_owned(),
        user["email_verified"].clone(),
        user["pending_email"].clone(),
    )
}

/// Somebody whose address is proven and whose mails are read.
pub(crate) async fn proven(app: &TestApp, name: &str) -> Person {
    let person = app.signed_in(name).await;
    let code = app.code_for(&person.email).await;
    app.send(&Way::Verify.give(&person.email, code)).await.must(200);
    person
}

/// Asks for another address; the mail to it, and the one to the old address.
pub(crate) async fn asks(app: &TestApp, person: &Person, new: &str) -> (InboxMail, InboxMail) {
    person.put("/users/me", json!({"email": new})).await.must(200);
    (app.mail_to(new).await, app.mail_to(&person.email).await)
}

#[tokio::test]
async fn a_new_address_counts_when_it_is_proven() {
    let app = TestApp::start().await;
    for (name, by_link) in [("ada", false), ("bob", true)] {
        let person = proven(&app, name).await;
        let (new, old) = (format!("new-{name}@example.com"), person.email.clone());
        let reply = person.put("/users/me", json!({"email": new})).await.must(200);
        assert_eq!((reply.text("email"), reply.text("pending_email")), (old.clone(), new.clone()));
        let (mail, told) = (app.mail_to(&new).await, app.mail_to(&old).await);
        // The old address can undo it, and cannot prove the new one; it is not told all of it.
        assert!(!told.has_code() && told.has_link(), "{told:?}");
        assert!(
            !told.text().contains(&new) && told.text().contains("n***@example\u{2060}.\u{2060}com"),
            "{told:?}"
        );
        assert_eq!(app.login(&new, &person.password).await.status, 401);
        app.login(&old, &person.password).await.must(200);
        assert_eq!(user(&person).await, (old.clone(), json!(true), json!(new)));

        match by_link {
            true => app.send(&post(&mail.path()).form(&[])).await.must(200),
            false => app.send(&Way::Change.give(&new, mail.code())).await.must(200),
        };
        assert_eq!(user(&person).await, (new.clone(), json!(true), Value::Null));
        assert_eq!(
            app.login(&old, &person.password).await.status,
            401,
            "the old address is no name any more"
        );
        app.login(&new, &person.password).await.must(200);
        let undo = app.mail_to(&old).await;
        assert!(!undo.has_code() && undo.has_link(), "{undo:?}");
        app.no_mail_to(&new).await;
        // Somebody else may have it now.
        let taken = json!({"email": new, "password": "a phrase of its own"});
        app.anonymous().post("/auth/register", taken).await.must(409);
    }
    let events: Vec<String> = app.events().await;
    for kind in ["email_change_asked", "email_changed"] {
        assert_eq!(events.iter().filter(|event| *event == kind).count(), 2, "{events:?}");
    }
}

#[tokio::test]
async fn the_wish_of_now_replaces_the_one_of_before() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    let (first, _) = asks(&app, &ada, "first@example.com").await;
    let (second, _) = asks(&app, &ada, "second@example.com").await;
    refused(&app, "the first", &Way::Change.give("first@example.com", first.code())).await;
    app.send(&post(&first.path()).form(&[])).await.must(404);
    app.send(&Way::Change.give("second@example.com", second.code())).await.must(200);
    assert_eq!(user(&ada).await.0, "second@example.com");
}

#[tokio::test]
async fn the_same_address_once_more_changes_nothing() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    for same in ["ada@example.com", "ADA@example.com", " Ada@EXAMPLE.com "] {
        ada.put("/users/me", json!({"email": same})).await.must(200);
        app.no_mail_to(&ada.email).await;
        assert_eq!(user(&ada).await, (ada.email.clone(), json!(true), Value::Null));
    }
    asks(&app, &ada, "new@example.com").await;
    ada.put("/users/me", json!({"email": "NEW@example.com"})).await.must(200);
    app.no_mail_to("new@example.com").await;
    app.no_mail_to(&ada.email).await;
}

#[tokio::test]
async fn another_mail_to_an_address_that_waits_goes_to_who_waits_for_it() {
    let app = TestApp::start().await;
    let (ada, bob) = (proven(&app, "ada").await, proven(&app, "bob").await);
    let (first, _) = asks(&app, &ada, "new@example.com").await;
    app.clock.advance(Duration::from_secs(60));
    Way::Change.ask(&app, "new@example.com").await.must(202);
    let second = app.mail_to("new@example.com").await;
    app.send(&post(&first.path()).form(&[])).await.must(404);
    app.no_mail_to(&ada.email).await;

    app.clock.advance(Duration::from_secs(60));
    let (of_bob, _) = asks(&app, &bob, "new@example.com").await;
    Way::Change.ask(&app, "new@example.com").await.must(202);
    assert_eq!(app.mails_to("new@example.com").await.len(), 2, "one each");
    app.send(&post(&second.path()).form(&[])).await.must(404);
    app.send(&post(&of_bob.path()).form(&[])).await.must(404);
}

#[tokio::test]
async fn of_two_who_wait_for_one_address_the_first_to_prove_it_gets_it() {
    let app = TestApp::start().await;
    for (number, by_link) in [false, true].into_iter().enumerate() {
        let (ada, bob) =
            (proven(&app, &format!("ada{number}")).await, proven(&app, &format!("bob{number}")).await);
        let new = format!("both{number}@example.com");
        let ((of_ada, _), (of_bob, _)) = (asks(&app, &ada, &new).await, asks(&app, &bob, &new).await);
        // Each code is its person's, though both are of one address.
        app.send(&Way::Change.give(&new, of_bob.code())).await.must(200);
        assert_eq!(user(&bob).await, (new.clone(), json!(true), Value::Null));
        assert_eq!(user(&ada).await.0, ada.email);
        let reply = match by_link {
            true => app.send(&post(&of_ada.path()).form(&[])).await,
            false => app.send(&Way::Change.give(&new, of_ada.code())).await,
        };
        assert_eq!((reply.status, reply.code().as_str()), (409, "taken"), "{reply}");
        assert_eq!(user(&ada).await.0, ada.email);
        app.login(&ada.email, &ada.password).await.must(200);
    }
}

#[tokio::test]
async fn many_who_prove_one_address_at_once_are_one() {
    let app = TestApp::start().await;
    let new = "wanted@example.com";
    let mut people = Vec::new();
    for number in 0..6 {
        let person = proven(&app, &format!("person{number}")).await;
        let (mail, _) = asks(&app, &person, new).await;
        people.push((person, mail.path()));
    }
    let statuses = all(people.iter().map(|(_, path)| {
        let (sender, request) = (app.sender(), post(path).form(&[]));
        async move { sender.send(&request).await.status }
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
    let mut owners = 0;
    for ((person, _), status) in people.iter().zip(statuses) {
        let is_owner = user(person).await.0 == new;
        assert_eq!(is_owner, status == 200);
        owners += usize::from(is_owner);
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn an_address_that_is_somebodys_is_refused_at_once() {
    let app = TestApp::start().await;
    let (ada, bob) = (proven(&app, "ada").await, proven(&app, "bob").await);
    let request = ada.by(put("/users/me").json(json!({"email": "BOB@example.com"})));
    app.refused("taken", &request, 409, "taken", "/email").await;
    app.no_mail_to(&bob.email).await;
    // Somebody registers it while it waits.
    let (mail, _) = asks(&app, &ada, "new@example.com").await;
    let body = json!({"email": "new@example.com", "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
    app.mails_to("new@example.com").await;
    let reply = app.send(&Way::Change.give("new@example.com", mail.code())).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "taken"), "{reply}");
    app.login("new@example.com", "a phrase of its own").await.must(200);
}

#[tokio::test]
async fn a_change_of_address_needs_proof_that_it_is_ones_own_wish() {
    let app = TestApp::start().await;
    let ada = proven(&app, "ada").await;
    app.clock.advance(Duration::from_secs(601));
    let asked = json!({"email": "new@example.com"});
    let request = ada.by(put("/users/me").json(asked));
    app.refused("an old session", &request, 403, "reauthentication_required", "").await;
    app.no_mail_to("new@example.com").await;
    app.no_mail_to(&ada.email).await;
    let asked = json!({"email": "new@example.com", "current_password": ada.password});
    ada.put("/users/me", asked).await.must(200);
    assert!(app.mail_to("new@example.com").await.has_code());
}

#[tokio::test]
async fn an_administrator_puts_another_address_in_place_and_the_old_one_is_told() {
    let app = TestApp::start().await;
    let (ada, admin) = (proven(&app, "ada").await, app.admin().await);
    app.mails_to(&ada.email).await;
    let path = format!("/users/{}", ada.id);
    admin.patch(&path, json!({"email": "new@example.com"})).await.must(200);
    assert_eq!(user(&ada).await, ("new@example.com".into(), json!(false), Value::Null));
    let told = app.mail_to(&ada.email).await;
    assert!(
        !told.has_code() && !told.has_link(),
        "who may do that need not be undone by a mailbox: {told:?}"
    );
    let code = app.code_for("new@example.com").await;
    app.send(&Way::Verify.give("new@example.com", code)).await.must(200);

    admin.patch(&path, json!({"email": "third@example.com", "email_verified": true})).await.must(200);
    assert!(!app.mail_to("new@example.com").await.has_link());
    app.no_mail_to("third@example.com").await;
}

#[tokio::test]
async fn whoever_is_without_an_address_takes_one_as_others_take_another() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let body = json!({"username": "nomail", "password": "nomail keeps a long secret"});
    let id = admin.post("/users", body).await.must(201).text("id");
    let login = json!({"username": "nomail", "password": "nomail keeps a long secret"});
    let tokens = app.anonymous().post("/auth/login", login).await.must(200);
    let person = Person { id, email: String::new(), ..admin.with(&tokens) };
    person.put("/users/me", json!({"email": "first@example.com"})).await.must(200);
    let mail = app.mail_to("first@example.com").await;
    app.send(&Way::Change.give("first@example.com", mail.code())).await.must(200);
    assert_eq!(user(&person).await, ("first@example.com".into(), json!(true), Value::Null));
}

#[tokio::test]
async fn new_addresses_are_counted_as_all_that_are_written_to() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    let ada = proven(&app, "ada").await;
    for _ in 0..5 {
        Way::Verify.ask(&app, "flooded@example.com").await.must(202);
    }
    let reply = ada.put("/users/me", json!({"email": "flooded@example.com"})).await.must(429);
    assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    app.no_mail_to("flooded@example.com").await;
    assert_eq!(user(&ada).await.2, Value::Null);
}
