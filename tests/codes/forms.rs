//! What is no code, and how a code and its address may be written.

use super::{NEW, Way, wrong};
use crate::app::{Request, TestApp, post, put};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn o_07_what_is_no_code_is_refused_and_counts_for_nothing() {
    let app = TestApp::start().await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let (address, code) = way.begin(&app, &app.signed_in(name).await).await;
        let number: u64 = code.parse().unwrap();
        let wide: String =
            code.bytes().map(|digit| char::from_u32(0xff10 + u32::from(digit - b'0')).unwrap()).collect();
        for (name, given) in [
            ("a number", json!(number)),
            ("nothing", Value::Null),
            ("a list", json!([code])),
            ("an object", json!({"$ne": ""})),
            ("empty", json!("")),
            ("spaces around", json!(format!(" {code} "))),
            ("a space within", json!(format!("{} {}", &code[..3], &code[3..]))),
            ("a line break", json!(format!("{code}\n"))),
            ("a zero more", json!(format!("0{code}"))),
            ("a digit more", json!(format!("{code}0"))),
            ("a digit less", json!(code[..5])),
            ("a sign", json!(format!("+{code}"))),
            ("full-width digits", json!(wide)),
            ("letters", json!("abcdef")),
            ("as a real number", json!(format!("{code}.0"))),
            ("NUL", json!(format!("{code}\0"))),
            ("thousands of digits", json!("1".repeat(60_000))),
        ] {
            let before = app.rows("SELECT id, version, password FROM keyward_users").await;
            let reply = app.send(&way.give(&address, given)).await;
            assert!([400, 422].contains(&reply.status), "{way:?}, {name}: {reply}");
            let after = app.rows("SELECT id, version, password FROM keyward_users").await;
            assert_eq!(after, before, "{way:?}, {name}");
        }
        app.send(&way.give(&address, code)).await.must(way.done());
    }
    let ada = app.signed_in("kim").await;
    for (name, body) in [
        ("no code", json!({"email": ada.email})),
        ("no address", json!({"code": "123456"})),
        ("nothing", json!({})),
        ("two codes", json!({"email": ada.email, "code": "123456", "otp": "123457"})),
        ("one too many", json!({"email": ada.email, "code": "123456", "token": "x"})),
    ] {
        let reply = app.anonymous().post("/auth/verify", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid"), "{name}: {reply}");
    }
}

#[tokio::test]
async fn o_07_zeros_in_front_belong_to_a_code() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for _ in 0..300 {
        let (address, code) = Way::Verify.begin(&app, &ada).await;
        let Some(short) = code.strip_prefix('0') else { continue };
        app.send(&Way::Verify.give(&address, short)).await.must(422);
        app.send(&Way::Verify.give(&address, code.as_str())).await.must(200);
        return;
    }
    panic!("none of 300 codes begins with a zero");
}

#[tokio::test]
async fn a_code_is_known_by_every_spelling_of_its_address() {
    let app = TestApp::start().await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let (address, code) = way.begin(&app, &app.signed_in(name).await).await;
        let spelled = format!(" {}", address.to_uppercase());
        app.send(&way.give(&spelled, code)).await.must(way.done());
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_code_the_refusal_is_the_same() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    for way in [Way::Verify, Way::Reset] {
        let mut faces = Vec::new();
        let mut note = async |name: &str, request: Request| {
            let reply = app.send(&request.header("x-request-id", "one-and-the-same")).await;
            assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_code"), "{name}: {reply}");
            faces.push((name.to_owned(), reply.face()));
        };
        let (address, code) = way.begin(&app, &ada).await;
        note("wrong", way.give(&address, wrong(&code, 0))).await;
        note("nobody's", way.give("nobody@example.com", code.as_str())).await;
        note("no code asked for", way.give("admin@example.com", code.as_str())).await;
        let (of_bob, other) = way.begin(&app, &bob).await;
        for number in 0..5 {
            note("wrong again", way.give(&of_bob, wrong(&other, number))).await;
        }
        note("exhausted", way.give(&of_bob, other)).await;
        app.send(&way.give(&address, code.as_str())).await.must(way.done());
        note("used", way.give(&address, code)).await;
        let (address, code) = Way::Reset.begin(&app, &ada).await;
        app.clock.advance(Duration::from_secs(601));
        note("expired", way.give(&address, code)).await;
        assert!(faces.iter().all(|(_, face)| *face == faces[0].1), "{faces:#?}");
        app.clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_address_is_told() {
    let app = TestApp::start().await;
    for (name, address) in [
        ("nothing", json!(null)),
        ("empty", json!("")),
        ("no @", json!("ada")),
        ("two @", json!("a@b@example.com")),
        ("another type", json!(7)),
        ("a list", json!(["ada@example.com"])),
        ("a second line", json!("ada@example.com\r\nBcc: eve@evil.test")),
        ("a line break within", json!("ada\n@example.com")),
        ("NUL", json!("ada\0@example.com")),
        ("too long", json!(format!("{}@example.com", "a".repeat(300)))),
        ("a long part", json!(format!("{}@example.com", "a".repeat(65)))),
        ("a list of two", json!("ada@example.com, eve@evil.test")),
        ("a name before it", json!("Ada <ada@example.com>")),
    ] {
        for (path, mut body) in [
            ("/auth/verify/resend", json!({})),
            ("/auth/password/forgot", json!({})),
            ("/auth/verify", json!({"code": "123456"})),
            ("/auth/password/reset", json!({"code": "123456", "password": NEW})),
        ] {
            body["email"] = address.clone();
            let request = post(path).json(body);
            let reply = app.refused(&format!("{path}, {name}"), &request, 422, "invalid", "/email").await;
            assert!(!String::from_utf8_lossy(&reply.body).contains("evil"), "{reply}");
        }
    }
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn an_address_of_another_script_is_its_ascii_form() {
    let app = TestApp::start().await;
    let body = json!({"email": "ada@bücher.example", "password": "ada keeps a long secret"});
    app.anonymous().post("/auth/register", body).await.must(201);
    let code = app.code_for("ada@xn--bcher-kva.example").await;
    app.send(&Way::Verify.give("ada@BÜCHER.example", code)).await.must(200);
    Way::Reset.ask(&app, "ada@bücher.example").await.must(202);
    let code = app.code_for("ada@xn--bcher-kva.example").await;
    app.send(&Way::Reset.give("ada@xn--bcher-kva.example", code)).await.must(204);
    app.login("ada@bücher.example", NEW).await.must(200);
}

#[tokio::test]
async fn who_waits_for_a_change_is_not_changed_by_an_old_put() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (address, code) = Way::Change.begin(&app, &ada).await;
    // What GET gives may be sent back as it is.
    let user = ada.get("/users/me").await.must(200).json();
    let back = app.send(&ada.by(put("/users/me").json(user))).await.must(200);
    assert_eq!(back.text("pending_email"), address);
    app.send(&Way::Change.give(&address, code)).await.must(200);
}
