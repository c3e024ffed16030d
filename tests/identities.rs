//! When two names are one, and which names nobody can have.

use crate::app::{TestApp, post};
use serde_json::json;

async fn registers(app: &TestApp, email: &str, username: Option<&str>) -> (u16, Vec<String>) {
    let body = json!({"email": email, "username": username, "password": "a long enough one"});
    let reply = app.send(&post("/auth/register").json(body)).await;
    (reply.status, if reply.status == 201 { Vec::new() } else { reply.pointers() })
}

#[tokio::test]
async fn i_01_letter_case_makes_no_other_person() {
    let app = TestApp::start().await;
    assert_eq!(registers(&app, "A@Example.com", Some("Alice")).await.0, 201);
    for (email, username, pointer) in [
        ("a@EXAMPLE.com", "other", "/email"),
        ("a@example.com", "other", "/email"),
        ("b@example.com", "ALICE", "/username"),
        ("b@example.com", "alice", "/username"),
        ("b@example.com", "a1ice", "/username"),
        ("b@example.com", "A1ICE", "/username"),
    ] {
        let refused = (409, vec![pointer.to_owned()]);
        assert_eq!(registers(&app, email, Some(username)).await, refused, "{email} {username}");
    }
    assert_eq!(app.count("keyward_users").await, 1);
    for name in ["a@example.com", "A@EXAMPLE.COM", "alice", "ALICE"] {
        let body = json!({"login": name, "password": "a long enough one"});
        app.anonymous().post("/auth/login", body).await.must(200);
    }
}

#[tokio::test]
async fn i_02_no_username_looks_like_another_or_like_ours() {
    let app = TestApp::start().await;
    for username in [
        "\u{430}dmin",
        "\u{ff21}dmin",
        "adm\u{200b}in",
        "\u{202e}nimda",
        "ade\u{301}le",
        "ada.lovelace ",
        " ada",
        "ada\0x",
        "ad\tam",
        "me",
        "admin",
        "ADMIN",
        "root",
        "r00t",
        "adm1n",
        "1ada",
        "-ada",
        "ada-",
        "ada.",
        "sec.urity",
        "ad",
        "ada/lovelace",
        "ada%20x",
        "ada@x.test",
        "a\u{5e74}b",
        "",
    ] {
        let (status, pointers) = registers(&app, "x@example.com", Some(username)).await;
        assert_eq!(status, 422, "{username:?} {pointers:?}");
        app.execute("DELETE FROM keyward_users").await;
    }
    let long = "a".repeat(33);
    assert_eq!(registers(&app, "x@example.com", Some(&long)).await.0, 422);
    assert_eq!(registers(&app, "x@example.com", Some(&long[1..])).await.0, 201);
}

#[tokio::test]
async fn i_03_dots_and_plus_make_other_people() {
    let app = TestApp::start().await;
    for email in ["a+b@x.test", "a@x.test", "a.b@gmail.com", "ab@gmail.com"] {
        assert_eq!(registers(&app, email, None).await.0, 201, "{email}");
    }
}

#[tokio::test]
async fn i_04_a_domain_has_one_form() {
    let app = TestApp::start().await;
    assert_eq!(registers(&app, "user@b\u{fc}cher.test", None).await.0, 201);
    assert_eq!(app.rows("SELECT email FROM keyward_users").await, ["user@xn--bcher-kva.test"]);
    for same in ["user@xn--bcher-kva.test", "USER@B\u{dc}CHER.test", "user@bu\u{308}cher.test"] {
        assert_eq!(registers(&app, same, None).await, (409, vec!["/email".to_owned()]), "{same}");
        app.login(same, "a long enough one").await.must(200);
    }
}

#[tokio::test]
async fn i_05_an_address_is_one_address() {
    let app = TestApp::start().await;
    let (long_local, long) = (format!("{}@x.test", "a".repeat(65)), format!("a@{}test", "bcd.".repeat(64)));
    for email in [
        "a@b@x.test",
        "\"a b\"@x.test",
        "a(comment)@x.test",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@b",
        "a@x.test.",
        "a@x.test,b@x.test",
        "a@x.test;b@x.test",
        "a@x.test\r\nBcc: b@x.test",
        "<a@x.test>",
        "Ada <a@x.test>",
        ".a@x.test",
        "a..b@x.test",
        "@x.test",
        "a@",
        "a",
        "a\0@x.test",
        "a@x .test",
        "a@-x.test",
        &long_local,
        &long,
    ] {
        let request = post("/auth/register").json(json!({"email": email, "password": "a long enough one"}));
        app.refused(email, &request, 422, "invalid", "/email").await;
    }
    let widest = format!("{}@x.test", "a".repeat(64));
    for email in ["o'brien@x.test", "a/b=c?d@x.test", "1@2.test", &widest] {
        assert_eq!(registers(&app, email, None).await.0, 201, "{email}");
    }
}
