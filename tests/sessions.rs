//! Sessions: seen, ended, capped, expired; and that their end acts on the next request.

use crate::app::{Person, TestApp, delete, post};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn is_out(person: &Person) {
    assert_eq!(person.me().await, 401);
    person.refreshes().await.must(401);
}

#[tokio::test]
async fn t_08_logout_acts_at_once() {
    let app = TestApp::start().await;
    for path in ["/auth/logout", "/logout"] {
        let ada = app.signed_in(&format!("ada{}", path.len())).await;
        let other = app.again(&ada).await;
        assert_eq!(ada.send(post(path)).await.must(204).body, b"");
        is_out(&ada).await;
        ada.send(post(path)).await.must(401);
        ada.post(path, json!({"everywhere": true})).await.must(401);
        assert_eq!(other.me().await, 200, "only this session");
        // An empty object and an explicit no are the same as no body.
        other.post(path, json!({"everywhere": false})).await.must(204);
        is_out(&other).await;
    }
    assert_eq!(app.noted("signed_out").await, 4);
}

#[tokio::test]
async fn t_08_logout_with_an_expired_token() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.clock.advance(901 * SECOND);
    app.refused("expired", &ada.by(post("/auth/logout")), 401, "invalid_token", "").await;
    ada.with(&ada.refreshes().await.must(200)).send(post("/auth/logout")).await.must(204);
    is_out(&ada).await;
}

#[tokio::test]
async fn t_08_everywhere_is_everywhere() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let (second, third) = (app.again(&ada).await, app.again(&ada).await);
    second.post("/auth/logout", json!({"everywhere": true})).await.must(204);
    for person in [&ada, &second, &third] {
        is_out(person).await;
    }
    assert_eq!(bob.me().await, 200);
    assert_eq!(app.again(&ada).await.me().await, 200, "one may sign in again");
    assert_eq!(app.noted("signed_out_everywhere").await, 1);
}

#[tokio::test]
async fn refused() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let path = "/auth/logout";
    for (name, request, status, code, pointer) in [
        ("no flag", ada.by(post(path).json(json!({"everywhere": "yes"}))), 422, "invalid", "/everywhere"),
        ("an unknown field", ada.by(post(path).json(json!({"all": true}))), 422, "invalid", "/all"),
        ("a form", ada.by(post(path).form(&[("everywhere", "true")])), 415, "unsupported_media_type", ""),
        (
            "another's session",
            ada.by(delete("/users/me/sessions/01a00000-0000-7000-8000-000000000000")),
            404,
            "not_found",
            "",
        ),
        ("no id", ada.by(delete("/users/me/sessions/x")), 404, "not_found", ""),
    ] {
        app.refused(name, &request, status, code, pointer).await;
    }
}

#[tokio::test]
async fn own_sessions_are_listed_and_ended() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let bob = app.signed_in("bob").await;
    app.clock.advance(5 * SECOND);
    let body = json!({"email": ada.email, "password": ada.password});
    let login = post("/auth/login").json(body).header("user-agent", "Engine/1.0 (analytical)");
    let second = ada.with(&app.send(&login).await.must(200));

    let listed = ada.get("/users/me/sessions").await.must(200);
    insta::assert_snapshot!(listed.shown(), @r#"
    200
    {
      "items": [
        {
          "address": "127.0.0.1",
          "agent": "Engine/1.0 (analytical)",
          "created_at": "2026-11-21T10:00:05Z",
          "current": false,
          "id": "[id]",
          "last_used_at": "2026-11-21T10:00:05Z"
        },
        {
          "address": "127.0.0.1",
          "agent": null,
          "created_at": "2026-11-21T10:00:00Z",
          "current": true,
          "id": "[id]",
          "last_used_at": "2026-11-21T10:00:00Z"
        }
      ],
      "next": null
    }
    "#);
    let items = listed.json()["items"].as_array().unwrap().clone();
    let id = |current: bool| {
        let item = items.iter().find(|item| item["current"] == Value::Bool(current)).unwrap();
        item["id"].as_str().unwrap().to_owned()
    };
    let bobs = delete(&format!("/users/me/sessions/{}", id(false)));
    app.refused("bob ends one of ada's", &bob.by(bobs), 404, "not_found", "").await;
    ada.delete(&format!("/users/me/sessions/{}", id(false))).await.must(204);
    is_out(&second).await;
    ada.delete(&format!("/users/me/sessions/{}", id(false))).await.must(404);
    assert_eq!(ada.me().await, 200);
    ada.delete(&format!("/users/me/sessions/{}", id(true))).await.must(204);
    is_out(&ada).await;
}

#[tokio::test]
async fn t_20_sessions_are_capped_and_expired_ones_are_swept() {
    let app = TestApp::with(|setup| setup.set("sessions.per_user", "5")).await;
    let ada = app.signed_in("ada").await;
    let mut all = vec![ada.clone()];
    for _ in 0..11 {
        app.clock.advance(SECOND);
        all.push(app.again(&ada).await);
    }
    assert_eq!(app.count("keyward_sessions").await, 5);
    for (number, person) in all.iter().enumerate() {
        assert_eq!(person.me().await, if number < 7 { 401 } else { 200 }, "the oldest end: {number}");
    }
    let listed = all[11].get("/users/me/sessions").await.must(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 5);
    app.clock.advance(Duration::from_secs(31 * 86_400));
    app.keyward.sweep("test").await.unwrap();
    match app.place().stay_of_sessions().await {
        // By the store's own clock, which nobody moves.
        Some(stay) => assert!(stay <= Duration::from_secs(30 * 86_400 + 60), "{stay:?}"),
        None => assert_eq!(app.count("keyward_sessions").await, 0),
    }
}

#[tokio::test]
async fn t_13_and_t_14_what_an_administrator_does_acts_on_the_next_request() {
    let app = TestApp::start().await;
    let admin = app.admin().await;

    let bob = app.signed_in("bob").await;
    let path = format!("/users/{}", bob.id);
    admin.patch(&path, json!({"status": "disabled"})).await.must(200);
    is_out(&bob).await;
    app.login(&bob.email, &bob.password).await.must(401);
    admin.patch(&path, json!({"status": "active"})).await.must(200);
    is_out(&bob).await;
    assert_eq!(app.again(&bob).await.me().await, 200, "enabled, one signs in anew");

    let eve = app.signed_in("eve").await;
    admin.send(post(&format!("/users/{}/logout", eve.id))).await.must(204);
    is_out(&eve).await;
    let eve = app.again(&eve).await;
    admin.delete("/users/eve").await.must(204);
    is_out(&eve).await;
    app.login(&eve.email, &eve.password).await.must(401);

    let second = app.administrator("second").await;
    second.get("/users").await.must(200);
    admin.patch(&format!("/users/{}", second.id), json!({"roles": ["user"]})).await.must(200);
    assert_eq!(second.get("/users").await.must(403).code(), "forbidden");
    assert_eq!(second.me().await, 200, "demoted, not put out");
    admin.patch(&format!("/users/{}", second.id), json!({"roles": ["admin", "user"]})).await.must(200);
    second.get("/users").await.must(200);
}

/// Ended sessions are removed lazily; a crash may leave them, and a store that is rolled back has them again.
#[tokio::test]
async fn what_ends_all_sessions_is_written_on_the_user_and_needs_no_session_removed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let new = "quite another secret";
    let change = |old: &str| json!({"current_password": old, "password": new});
    for (name, is_own) in
        [("everywhere", true), ("change", true), ("put", true), ("logout", false), ("disable", false)]
    {
        let ada = app.signed_in(&format!("ada-{name}")).await;
        let (other, path) = (app.again(&ada).await, format!("/users/{}", ada.id));
        app.place().remember_sessions().await;
        let reply = match name {
            "everywhere" => ada.post("/auth/logout", json!({"everywhere": true})).await,
            "change" => ada.post("/auth/password/change", change(&ada.password)).await,
            "put" => ada.put("/users/me", change(&ada.password)).await,
            "logout" => admin.send(post(&format!("{path}/logout"))).await,
            _ => admin.patch(&path, json!({"status": "disabled"})).await,
        };
        assert!(matches!(reply.status, 200 | 204), "{name}: {reply}");
        app.place().bring_back_sessions().await;
        let kept = app.sessions().await.into_iter().filter(|session| session.user == ada.id).count();
        assert!(kept >= 2, "{name}: the sessions are still there");
        is_out(&other).await;
        if name == "put" {
            assert_eq!(ada.me().await, 200);
        } else {
            is_out(&ada).await;
        }
        assert!(is_own || admin.me().await == 200);
    }
    // And whoever is disabled is out, whatever the epoch says.
    let eve = app.signed_in("eve").await;
    app.execute("UPDATE keyward_users SET disabled_at = 1 WHERE username = 'eve'").await;
    is_out(&eve).await;
}
