//! Registration that hides whether an address has an account already (`accounts.conceal`), and registration that does not.

use crate::app::{TestApp, post, put};
use crate::codes::Way;
use serde_json::{Value, json};

async fn concealing() -> TestApp {
    TestApp::with(|setup| setup.set("accounts.conceal", "yes").behind("127.0.0.1")).await
}

fn body(email: &str, username: &str) -> Value {
    let mut body = json!({"email": email, "password": "a phrase of its own"});
    if !username.is_empty() {
        body["username"] = username.into();
    }
    body
}

#[tokio::test]
async fn c_04_openly_a_taken_name_is_told_by_its_field_and_nothing_else() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.mails_to(&ada.email).await;
    for (name, email, username, pointers) in [
        ("the address", "ADA@example.com", "other", &["/email"][..]),
        ("the username", "other@example.com", "Ada", &["/username"]),
    ] {
        let reply = app.send(&post("/auth/register").json(body(email, username))).await.must(409);
        assert_eq!(
            (reply.code().as_str(), reply.pointers()),
            ("taken", pointers.iter().map(|p| (*p).to_owned()).collect()),
            "{name}"
        );
        assert!(!String::from_utf8_lossy(&reply.body).contains(&ada.id), "{reply}");
    }
    app.send(&post("/auth/register").json(body(&ada.email, "ada"))).await.must(409);
    app.no_mail_to(&ada.email).await;
}

#[tokio::test]
async fn c_04_concealed_a_taken_address_looks_like_a_new_one_and_its_owner_is_told() {
    let app = concealing().await;
    // Each from somewhere else, so that nothing of one is in the reply to another.
    let mut number = 0;
    let mut send = async |email: &str| {
        number += 1;
        let request = post("/auth/register").json(body(email, ""));
        let request = request.header("x-forwarded-for", &format!("10.{number}.0.1"));
        app.send(&request.header("x-request-id", "one-and-the-same")).await.must(202)
    };
    let made = send("ada@example.com").await;
    let code = app.code_for("ada@example.com").await;
    app.send(&Way::Verify.give("ada@example.com", code)).await.must(200);
    let id = app.rows("SELECT id FROM keyward_users").await.remove(0);

    let work = app.hasher.work();
    let again = send("ADA@example.com").await;
    let hashed = app.hasher.work() - work;
    let other = send("bob@example.com").await;
    assert_eq!(app.hasher.work() - work - hashed, hashed, "the same work");
    assert_eq!(made.face(), again.face());
    assert_eq!(made.face(), other.face());
    let said = String::from_utf8_lossy(&again.body).into_owned();
    assert!(!said.contains(&id) && !said.contains('@') && again.header("location").is_empty(), "{again}");
    assert!(again.header("etag").is_empty(), "{again}");

    let told = app.mail_to("ada@example.com").await;
    assert!(!told.has_code(), "{told:?}");
    assert!(app.mail_to("bob@example.com").await.has_code());
    assert_eq!(app.count("keyward_users").await, 2);
    // The password of the second registration opens nothing.
    app.login("ada@example.com", "a phrase of its own").await.must(200);
}

#[tokio::test]
async fn c_04_concealed_a_taken_username_is_told_all_the_same() {
    let app = concealing().await;
    app.send(&post("/auth/register").json(body("ada@example.com", "ada"))).await.must(202);
    app.mails_to("ada@example.com").await;
    for email in ["new@example.com", "ada@example.com"] {
        let reply = app.send(&post("/auth/register").json(body(email, "ADA"))).await.must(409);
        assert_eq!(reply.pointers(), ["/username"], "whether the address is taken or not: {reply}");
    }
    app.no_mail_to("ada@example.com").await;
    app.no_mail_to("new@example.com").await;
}

#[tokio::test]
async fn concealed_a_change_to_a_taken_address_looks_like_any_other_and_its_owner_is_told() {
    let app = TestApp::with(|setup| setup.set("accounts.conceal", "yes")).await;
    for name in ["ada", "bob"] {
        app.send(&post("/auth/register").json(json!({
            "email": format!("{name}@example.com"), "username": name, "password": format!("{name} keeps a long secret"),
        })))
        .await
        .must(202);
        let code = app.code_for(&format!("{name}@example.com")).await;
        app.send(&Way::Verify.give(&format!("{name}@example.com"), code)).await.must(200);
    }
    let eve = app.sign_in("ada", "").await;
    let ask = async |email: &str| {
        let reply = app.send(&eve.by(put("/users/me").json(json!({"email": email})))).await.must(200);
        assert_eq!((reply.text("pending_email"), reply.text("email")), (email.to_owned(), eve.email.clone()));
    };
    ask("bob@example.com").await;
    let told = app.mail_to("bob@example.com").await;
    assert!(!told.has_code() && !told.has_link(), "whoever reads it proves nothing for others: {told:?}");
    assert!(!told.text().contains("ada"), "nor learns who it was: {told:?}");
    app.mails_to(&eve.email).await;
    ask("free@example.com").await;
    assert!(app.mail_to("free@example.com").await.has_code());
}

#[tokio::test]
async fn concealed_and_required_nobody_learns_by_signing_in_whether_an_address_had_an_account() {
    let app =
        TestApp::with(|setup| setup.set("accounts.conceal", "yes").set("accounts.verification", "required"))
            .await;
    let register = post("/auth/register").json(body("ada@example.com", ""));
    app.send(&register).await.must(202);
    let login = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        post("/auth/login").json(body).header("x-request-id", "one-and-the-same")
    };
    let mut faces = Vec::new();
    for (email, password) in [
        ("ada@example.com", "a phrase of its own"),
        ("ada@example.com", "not the password"),
        ("nobody@example.com", "a phrase of its own"),
    ] {
        faces.push(app.send(&login(email, password)).await.must(401).face());
    }
    assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
    let code = app.code_for("ada@example.com").await;
    app.send(&Way::Verify.give("ada@example.com", code)).await.must(200);
    app.login("ada@example.com", "a phrase of its own").await.must(200);
}

#[tokio::test]
async fn strangers_do_not_flood_an_owner_by_registering_the_address() {
    let app = TestApp::with(|setup| setup.set("accounts.conceal", "yes").limits_as_shipped()).await;
    for _ in 0..20 {
        app.send(&post("/auth/register").json(body("ada@example.com", ""))).await.must(202);
    }
    assert_eq!(app.mails_to("ada@example.com").await.len(), 5);
    assert_eq!(app.count("keyward_users").await, 1);
}
