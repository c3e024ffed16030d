//! Sign-in: one refusal for all reasons, at one cost.

use crate::app::{TestApp, get, post};
use serde_json::json;

#[tokio::test]
async fn signing_in_gives_tokens() {
    let app = TestApp::start().await;
    app.signed_in("ada").await;
    let reply = app.login("ada@example.com", "ada keeps a long secret").await;
    insta::assert_snapshot!(reply.shown(), @r#"
    200
    {
      "access_token": "[access token]",
      "expires_in": 900,
      "refresh_expires_in": 2592000,
      "refresh_token": "[refresh token]",
      "token_type": "bearer"
    }
    "#);
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn every_way_to_sign_in() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let secret = ada.password.as_str();
    for path in ["/auth/login", "/login", "/login/"] {
        for name in ["email", "username", "login", "user"] {
            let identifier = if matches!(name, "email" | "login") { "ADA@example.com" } else { "Ada" };
            let body = json!({name: identifier, "password": secret});
            app.send(&post(path).json(body)).await.must(200);
        }
        for form in [
            vec![("username", "ada"), ("password", secret)],
            vec![
                ("username", "ada@example.com"),
                ("password", secret),
                ("grant_type", "password"),
                ("scope", ""),
                ("client_id", "x"),
            ],
        ] {
            app.send(&post(path).form(&form)).await.must(200);
        }
    }
}

#[tokio::test]
async fn refused() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let secret = ada.password.as_str();
    let path = "/auth/login";
    for (name, body, pointer) in [
        ("nobody", json!({"password": secret}), "/email"),
        ("no password", json!({"email": ada.email}), "/password"),
        ("two identifiers", json!({"email": ada.email, "username": "ada", "password": secret}), "/username"),
        ("another type", json!({"email": {"$gt": ""}, "password": secret}), "/email"),
        ("null", json!({"email": null, "password": secret}), "/email"),
        ("an unknown field", json!({"email": ada.email, "password": secret, "remember": true}), "/remember"),
        (
            "another grant",
            json!({"email": ada.email, "password": secret, "grant_type": "client_credentials"}),
            "/grant_type",
        ),
    ] {
        app.refused(name, &post(path).json(body), 422, "invalid", pointer).await;
    }
    let twice = post(path).body("application/x-www-form-urlencoded", "username=ada&password=a&password=b");
    app.refused("a parameter twice", &twice, 400, "malformed_request", "").await;
    let text =
        post(path).body("text/plain", format!(r#"{{"email":"ada@example.com","password":"{secret}"}}"#));
    app.refused("as text", &text, 415, "unsupported_media_type", "").await;
}

#[tokio::test]
async fn c_01_wrong_unknown_and_disabled_are_one_refusal() {
    let app = TestApp::start().await;
    let (ada, bob, admin) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    admin.patch(&format!("/users/{}", bob.id), json!({"status": "disabled"})).await.must(200);
    // A user whom somebody made without a password cannot sign in with any.
    app.signed_in("eve").await;
    app.execute("UPDATE keyward_users SET password = NULL WHERE username = 'eve'").await;
    let wrong = "not the password";
    let mut faces = Vec::new();
    for (identifier, password) in [
        (ada.email.as_str(), wrong),
        ("unknown@example.com", wrong),
        (&bob.email, &bob.password),
        (&bob.email, wrong),
        ("eve@example.com", wrong),
        ("ada", wrong),
        ("unknown", wrong),
        ("no name at all", wrong),
        ("no@address", wrong),
        ("' OR 1=1 --", wrong),
    ] {
        for form in [false, true] {
            let request = post("/auth/login").header("x-request-id", "the-same-for-all");
            let request = match form {
                true => request.form(&[("username", identifier), ("password", password)]),
                false => request.json(json!({"login": identifier, "password": password})),
            };
            let work = app.hasher.work();
            app.refused_and_noted(identifier, &request, 401, "invalid_credentials", "sign_in_failed").await;
            assert_eq!(app.hasher.work(), work + 1, "{identifier}: one hash, no more and no less");
            faces.push(app.send(&request).await.face());
        }
    }
    assert!(faces.iter().all(|one| *one == faces[0]), "{faces:#?}");
    let body: serde_json::Value = serde_json::from_str(&faces[0].2).unwrap();
    assert_eq!(body["error"], "invalid_grant");
    assert!(body["error_description"].is_string());
}

#[tokio::test]
async fn c_02_an_unknown_user_costs_exactly_one_hash() {
    let app = TestApp::start().await;
    app.signed_in("ada").await;
    for (identifier, password, status) in [
        ("unknown@example.com", "whatever it is", 401),
        ("ada@example.com", "whatever it is", 401),
        ("ada@example.com", "ada keeps a long secret", 200),
    ] {
        let work = app.hasher.work();
        app.login(identifier, password).await.must(status);
        assert_eq!(app.hasher.work(), work + 1, "{identifier} {password}");
    }
}

#[tokio::test]
async fn c_10_nobody_is_there_before_somebody_is_made() {
    let app = TestApp::start().await;
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("root", "root"),
        ("postgres", "postgres"),
        ("keyward", "keyward"),
        ("admin@example.com", "changeme"),
        ("admin", ""),
    ] {
        let body = json!({"login": name, "password": password});
        let reply = app.anonymous().post("/auth/login", body).await;
        assert!(matches!(reply.status, 401 | 422), "{reply}");
    }
    assert_eq!(app.count("keyward_users").await, 0);
}

#[tokio::test]
async fn an_outdated_hash_is_renewed_only_when_it_was_right() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.execute("UPDATE keyward_users SET password = 'old' || substr(password, 5)").await;
    let old = app.rows("SELECT password FROM keyward_users").await;
    app.login(&ada.email, "not the password").await.must(401);
    assert_eq!(app.rows("SELECT password FROM keyward_users").await, old);
    app.login(&ada.email, &ada.password).await.must(200);
    assert!(app.rows("SELECT password FROM keyward_users").await[0].starts_with("fake$"));
    assert_eq!(ada.me().await, 200, "a renewed hash is no new password: other sessions live on");
}

#[tokio::test]
async fn the_time_of_the_last_login_is_kept() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let seen = app.send(&ada.by(get("/users/me"))).await.must(200);
    assert_eq!(seen.text("last_login_at"), "2026-11-21T10:00:00Z");
    app.clock.advance(std::time::Duration::from_secs(90));
    app.again(&ada).await;
    let again = app.send(&ada.by(get("/users/me"))).await.must(200);
    assert_eq!(again.text("last_login_at"), "2026-11-21T10:01:30Z");
    assert_eq!(again.header("etag"), seen.header("etag"), "signing in changes nothing that a client edits");
}
