//! When parts fail: a full hashing machine, a client that hangs up, a broken store, a handler that panics, the end.

use crate::app::{TestApp, delete, eventually, get, post, put};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_full_hashing_machine_is_a_503_and_changes_nothing() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let link = format!("/setup/{}", app.keyward.setup.expose());
    let new = json!({"email": "new@example.com", "password": "a long enough one"});
    app.hasher.set_busy(true);
    for (name, request) in [
        ("register", post("/auth/register").json(new.clone())),
        ("login", post("/auth/login").json(json!({"email": ada.email, "password": ada.password}))),
        ("login of nobody", post("/auth/login").json(json!({"email": "x@example.com", "password": "x"}))),
        (
            "change",
            ada.by(post("/auth/password/change")
                .json(json!({"current_password": ada.password, "password": "another secret"}))),
        ),
        ("put", ada.by(put("/users/me").json(json!({"password": "another secret"})))),
        ("proof", ada.by(put("/users/me").json(json!({"email": "n@example.com", "password": ada.password})))),
        ("delete", ada.by(delete("/users/me").json(json!({"password": ada.password})))),
        ("create", admin.by(post("/users").json(new))),
    ] {
        let reply = app.refused(name, &request, 503, "busy", "").await;
        assert_eq!(reply.header("retry-after"), "1", "{name}");
    }
    assert_eq!(ada.me().await, 200, "what needs no hash goes on");
    app.hasher.set_busy(false);
    let fresh = TestApp::start().await;
    fresh.hasher.set_busy(true);
    let open = link.replace(app.keyward.setup.expose(), fresh.keyward.setup.expose());
    let form = post(&open).form(&[("email", "root@example.com"), ("password", "a long enough one")]);
    fresh.refused("set up", &form, 503, "busy", "").await;
    fresh.hasher.set_busy(false);
    fresh.send(&form).await.must(200);
}

/// Sends a request and hangs up while the hash is computed; then lets it be computed.
async fn hang_up_during_the_hash(app: &TestApp, method: &str, path: &str, token: &str, body: &str) {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    app.hasher.close_gate();
    socket.write_all(head.as_bytes()).await.unwrap();
    eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
    socket.set_zero_linger().unwrap();
    drop(socket);
    // Round trips on other connections: by then the server has seen the end of that one.
    for _ in 0..5 {
        app.send(&get("/health/live").header("connection", "close")).await.must(200);
    }
    assert_eq!(app.hasher.waiting(), 1, "the hash is not given up");
    app.hasher.open_gate();
}

#[tokio::test]
async fn who_hangs_up_during_the_hash_stops_nothing_half_way() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let new = json!({"email": "new@example.com", "password": "a long enough one"}).to_string();
    hang_up_during_the_hash(&app, "POST", "/auth/register", "", &new).await;
    eventually("the user is there", async || app.count("keyward_users").await == 2).await;
    assert_eq!(app.events().await.last().unwrap(), "registered");

    let wrong = json!({"email": ada.email, "password": "not the password"}).to_string();
    hang_up_during_the_hash(&app, "POST", "/auth/login", "", &wrong).await;
    eventually("the guess is counted", async || app.events().await.last().unwrap() == "sign_in_failed").await;

    let right = json!({"email": ada.email, "password": ada.password}).to_string();
    hang_up_during_the_hash(&app, "POST", "/auth/login", "", &right).await;
    eventually("the session is there", async || app.count("keyward_sessions").await == 2).await;

    let token = format!("Authorization: Bearer {}\r\n", ada.access);
    let proof = json!({"password": ada.password}).to_string();
    hang_up_during_the_hash(&app, "DELETE", "/users/me", &token, &proof).await;
    eventually("the user is gone", async || app.count("keyward_users").await == 1).await;
}

#[tokio::test]
async fn what_happens_during_a_hash_counts() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    for (name, action, expected) in [
        ("disabled", json!({"status": "disabled"}), 401),
        ("enabled again", json!({"status": "active"}), 200),
    ] {
        app.hasher.close_gate();
        let (sender, body) = (app.sender(), json!({"email": ada.email, "password": ada.password}));
        let login = tokio::spawn(async move { sender.send(&post("/auth/login").json(body)).await });
        eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
        admin.patch(&format!("/users/{}", ada.id), action).await.must(200);
        app.hasher.open_gate();
        let reply = login.await.unwrap();
        // Whatever the reply says: its tokens are as good as the user is now.
        let status = if reply.status == 200 { ada.with(&reply).me().await } else { reply.status };
        if expected == 401 {
            assert_eq!(status, 401, "{name}");
        }
    }
    // Deleted: the session has nobody to belong to.
    admin.patch(&format!("/users/{}", ada.id), json!({"status": "active"})).await.must(200);
    app.hasher.close_gate();
    let (sender, body) = (app.sender(), json!({"email": ada.email, "password": ada.password}));
    let login = tokio::spawn(async move { sender.send(&post("/auth/login").json(body)).await });
    eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
    admin.delete(&format!("/users/{}", ada.id)).await.must(204);
    app.hasher.open_gate();
    login.await.unwrap().must(401);
    assert_eq!(app.count("keyward_sessions").await, 1, "the administrator's");
}

#[tokio::test]
async fn a_password_change_during_a_login_wins() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.hasher.close_gate();
    let (sender, body) = (app.sender(), json!({"email": ada.email, "password": ada.password}));
    let login = tokio::spawn(async move { sender.send(&post("/auth/login").json(body)).await });
    eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
    // As a change by this user elsewhere would leave the row: another hash, another epoch.
    app.execute("UPDATE keyward_users SET password = 'fake$9$00', epoch = epoch + 1, version = version + 1")
        .await;
    app.hasher.open_gate();
    let reply = login.await.unwrap();
    if reply.status == 200 {
        assert_eq!(ada.with(&reply).me().await, 401, "dead at birth");
    }
}

#[tokio::test]
async fn h_09_a_broken_store_tells_nothing_of_itself() {
    let app = TestApp::start().await;
    // Elsewhere `outages` has the server gone.
    if !app.place().has_tables() {
        return;
    }
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    app.place().hide("keyward_users").await;
    let body = json!({"email": "new@example.com", "password": "a long enough one"});
    let known = json!({"email": ada.email, "password": ada.password});
    for request in [
        ada.by(get("/users/me")),
        admin.by(get("/users")),
        post("/auth/register").json(body),
        post("/auth/login").json(known),
        post("/auth/refresh").json(json!({"refresh_token": ada.refresh})),
        ada.by(post("/auth/logout")),
        ada.by(put("/users/me").json(json!({"first_name": "x"}))),
    ] {
        // The harness looks for SQL, names of tables and paths in every refusal.
        let reply = app.send(&request).await.must(503);
        assert_eq!(reply.code(), "store_unavailable");
    }
    app.anonymous().get("/health/live").await.must(200);
    app.place().show("keyward_users").await;
    assert_eq!(ada.me().await, 200, "back without a restart");
    app.place().hide("keyward_guards").await;
    for path in ["/health/ready", "/health"] {
        let reply = app.anonymous().get(path).await.must(503);
        assert!(reply.text("detail").contains(app.place().name()), "{reply}");
    }
}

#[tokio::test]
async fn h_09_a_handler_that_panics_is_a_500_and_no_more() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.hasher.set_broken(true);
    let login = post("/auth/login").json(json!({"email": ada.email, "password": ada.password}));
    let reply = app.refused("a panic", &login, 500, "internal", "").await;
    insta::assert_snapshot!(reply.shown(), @r#"
    500
    {
      "code": "internal",
      "detail": "something went wrong here; quote the request id when you ask about it",
      "instance": "[request]",
      "status": 500,
      "title": "Internal error",
      "type": "urn:keyward:problem:internal"
    }
    "#);
    app.hasher.set_broken(false);
    app.send(&login).await.must(200);
}

#[tokio::test]
async fn a_stop_lets_a_running_request_finish() {
    let app = TestApp::start().await;
    app.hasher.close_gate();
    let (sender, body) = (app.sender(), json!({"email": "new@example.com", "password": "a long enough one"}));
    let running = tokio::spawn(async move { sender.send(&post("/auth/register").json(body)).await });
    eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
    let (hasher, address) = (app.hasher.clone(), app.address);
    let opening = tokio::spawn(async move {
        // Nobody is let in any more, and the one who is in may finish.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        hasher.open_gate();
    });
    app.stop().await;
    opening.await.unwrap();
    running.await.unwrap().must(201);
}
