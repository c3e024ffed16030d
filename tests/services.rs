//! What other programs ask: introspection (RFC 7662), and the check of reverse proxies.

use crate::app::{TestApp, get, post};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::time::Duration;

const SECRET: &str = "9c1f7be04d2a86e35f60b7c8d91e4a2f";

async fn with_a_caller() -> TestApp {
    TestApp::with(|setup| setup.set("introspection.callers", &format!("billing:{SECRET}"))).await
}

fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{secret}")))
}

#[tokio::test]
async fn a_service_asks_about_a_token() {
    let app = with_a_caller().await;
    let ada = app.signed_in("ada").await;
    let ask = |token: &str| {
        post("/auth/introspect").header("authorization", &basic("billing", SECRET)).form(&[("token", token)])
    };
    let mut reply = app.send(&ask(&ada.access)).await;
    reply.body =
        String::from_utf8(reply.body).unwrap().replace(&app.address.to_string(), "[address]").into_bytes();
    insta::assert_snapshot!(reply.shown(), @r#"
    200
    {
      "active": true,
      "aud": "keyward",
      "client_id": "keyward",
      "exp": 1795256100,
      "iat": 1795255200,
      "iss": "http://[address]",
      "roles": [
        "user"
      ],
      "sid": "[id]",
      "sub": "[id]",
      "token_type": "Bearer",
      "username": "ada"
    }
    "#);

    for nothing in [ada.refresh.as_str(), "x", &ada.access[1..], &format!("{}=", ada.access)] {
        let reply = app.send(&ask(nothing)).await.must(200);
        assert_eq!(reply.json(), json!({"active": false}), "nothing else is said");
    }
    let other = app.again(&ada).await;
    other.send(post("/auth/logout")).await.must(204);
    assert_eq!(app.send(&ask(&other.access)).await.must(200).json(), json!({"active": false}));
    app.clock.advance(Duration::from_secs(900));
    assert_eq!(app.send(&ask(&ada.access)).await.must(200).json(), json!({"active": false}));
}

#[tokio::test]
async fn an_administrator_may_ask_and_a_user_may_not() {
    let app = with_a_caller().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let path = "/auth/introspect";
    let reply = admin.send(post(path).form(&[("token", &ada.access)])).await.must(200);
    assert_eq!((reply.json()["active"].clone(), reply.text("sub")), (json!(true), ada.id.clone()));
    let form = [("token", ada.access.as_str())];
    app.refused("about oneself", &ada.by(post(path).form(&form)), 403, "forbidden", "").await;
    app.refused("nobody", &post(path).form(&form), 401, "unauthenticated", "").await;
    app.refused("no token", &admin.by(post(path).form(&[])), 422, "invalid", "/token").await;
    app.refused("JSON", &admin.by(post(path).json(json!({"token": "x"}))), 415, "unsupported_media_type", "")
        .await;
    for (name, secret) in [
        ("billing", "x"),
        ("billing", ""),
        ("", SECRET),
        ("Billing", SECRET),
        ("billing", &SECRET[1..]),
        ("ada", &ada.password),
    ] {
        let asked = post(path).header("authorization", &basic(name, secret)).form(&form);
        let reply = app.refused(name, &asked, 401, "invalid_credentials", "").await;
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"keyward\"");
        assert_eq!(reply.text("error"), "invalid_client");
    }
    // The secret of a service opens nothing else.
    let asked = get("/users").header("authorization", &basic("billing", SECRET));
    app.refused("another route", &asked, 401, "unauthenticated", "").await;
}

#[tokio::test]
async fn a_proxy_learns_who_it_is() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    ada.put("/users/me", json!({"first_name": "Ad\u{e4}", "last_name": "Lovelace"})).await.must(200);
    let reply = ada.get("/auth/check").await.must(200);
    let header = |name: &str| String::from_utf8(reply.headers[name].as_bytes().to_vec()).unwrap();
    assert_eq!(header("remote-user"), "ada");
    assert_eq!(header("remote-id"), ada.id);
    assert_eq!(header("remote-email"), ada.email);
    assert_eq!(header("remote-name"), "Ad\u{e4} Lovelace");
    assert_eq!(header("remote-roles"), "user");
    assert!(reply.body.is_empty());
    // Empty where nothing is known, so that a client's own header never passes.
    ada.put("/users/me", json!({"username": null, "first_name": null, "last_name": null})).await.must(200);
    let asked = get("/auth/check").header("remote-user", "root").header("remote-name", "Root");
    let reply = ada.send(asked).await.must(200);
    assert_eq!((reply.header("remote-user"), reply.header("remote-name")), (ada.id.as_str(), ""));
    assert!(reply.headers.contains_key("remote-name"));

    ada.get("/auth/check?role=user").await.must(200);
    admin.get("/auth/check?role=admin").await.must(200);
    app.refused("another role", &ada.by(get("/auth/check?role=admin")), 403, "forbidden", "").await;
    app.refused("no such role", &admin.by(get("/auth/check?role=owner")), 403, "forbidden", "").await;
    app.refused(
        "two roles",
        &admin.by(get("/auth/check?role=admin&role=user")),
        400,
        "malformed_request",
        "",
    )
    .await;
    app.refused("nobody", &get("/auth/check"), 401, "unauthenticated", "").await;
    // What the proxy asks for is what decides, not what stands around it.
    let asked = get("/auth/check").header("x-forwarded-uri", "/?role=user").header("remote-user", "ada");
    app.refused("headers are no proof", &asked, 401, "unauthenticated", "").await;
}
