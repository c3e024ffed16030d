//! What happens between the beginning and the end of a request: while its body trickles in, while a password is hashed.
//! Whoever is signed out, demoted or deleted in between does nothing any more.

use crate::app::{Person, Reply, Request, TestApp, announce, delete, eventually, patch, post, put};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Sends a request by this person up to the first byte of its body; then the rest, for its status.
struct Trickle {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Trickle {
    async fn begin(app: &TestApp, person: &Person, method: &str, path: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let bearer = format!("Authorization: Bearer {}\r\nConnection: close\r\n", person.access);
        let head = announce(method, path, &bearer, body.len() as u64);
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body[..1]).await.unwrap();
        Self { stream, rest: body[1..].to_vec() }
    }

    async fn end(mut self) -> u16 {
        self.stream.write_all(&self.rest).await.unwrap();
        let mut text = String::new();
        self.stream.read_to_string(&mut text).await.unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn made(name: &str) -> Value {
    json!({"username": name, "password": "a phrase of its own", "roles": ["admin"]})
}

#[tokio::test]
async fn who_is_signed_out_while_the_body_arrives_does_nothing() {
    let app = TestApp::start().await;
    let (ada, root) = (app.signed_in("ada").await, app.admin().await);
    let other = app.administrator("second").await;
    for (method, path, body) in [
        ("POST", "/users", made("backdoor")),
        ("PATCH", "/users/ada", json!({"roles": ["admin"]})),
        ("PUT", "/users/me", json!({"password": "a phrase of the thief"})),
        ("PUT", "/users/me", json!({"first_name": "Thief"})),
        (
            "POST",
            "/auth/password/change",
            json!({"current_password": other.password, "password": "a phrase of the thief"}),
        ),
        ("DELETE", "/users/me", json!({"password": other.password})),
    ] {
        let thief = app.sign_in("second", &other.id).await;
        let trickle = Trickle::begin(&app, &thief, method, path, &body).await;
        thief.post("/auth/logout", json!({})).await.must(204);
        let before =
            app.rows("SELECT id || version || roles || password FROM keyward_users ORDER BY id").await;
        assert_eq!(trickle.end().await, 401, "{method} {path}");
        let after =
            app.rows("SELECT id || version || roles || password FROM keyward_users ORDER BY id").await;
        assert_eq!(after, before, "{method} {path}");
    }
    assert_eq!((ada.me().await, root.me().await), (200, 200));
}

#[tokio::test]
async fn who_is_demoted_disabled_or_deleted_while_the_body_arrives_makes_no_administrator() {
    let app = TestApp::start().await;
    let root = app.admin().await;
    for (way, status) in [("demoted", 403), ("disabled", 401), ("deleted", 401)] {
        let second = app.administrator(&format!("second{way}")).await;
        let trickle = Trickle::begin(&app, &second, "POST", "/users", &made("backdoor")).await;
        put_out(&root, &second, way).await;
        assert_eq!(trickle.end().await, status, "{way}");
    }
    assert_eq!(app.rows("SELECT count(*) FROM keyward_users WHERE username = 'backdoor'").await, ["0"]);
}

async fn put_out(root: &Person, whom: &Person, way: &str) {
    let path = format!("/users/{}", whom.id);
    match way {
        "demoted" => root.patch(&path, json!({"roles": ["user"]})).await.must(200),
        "disabled" => root.patch(&path, json!({"status": "disabled"})).await.must(200),
        _ => root.delete(&path).await.must(204),
    };
}

/// Starts a request that needs a hash, and returns when it waits for that.
async fn hashing(app: &TestApp, request: Request) -> JoinHandle<Reply> {
    app.hasher.close_gate();
    let sender = app.sender();
    let running = tokio::spawn(async move { sender.send(&request).await });
    eventually("the hash has begun", async || app.hasher.waiting() == 1).await;
    running
}

#[tokio::test]
async fn who_is_put_out_while_a_password_is_hashed_makes_no_administrator() {
    let app = TestApp::start().await;
    let root = app.admin().await;
    for (way, status) in [("demoted", 403), ("disabled", 401), ("deleted", 401)] {
        let second = app.administrator(&format!("second{way}")).await;
        let running = hashing(&app, second.by(post("/users").json(made("backdoor")))).await;
        put_out(&root, &second, way).await;
        app.hasher.open_gate();
        assert_eq!(running.await.unwrap().status, status, "{way}");
    }
    assert_eq!(app.rows("SELECT count(*) FROM keyward_users WHERE username = 'backdoor'").await, ["0"]);
}

#[tokio::test]
async fn a_demoted_administrator_does_not_make_himself_one_again() {
    let app = TestApp::start().await;
    let (root, second) = (app.admin().await, app.administrator("second").await);
    let edit = json!({"roles": ["admin", "user"], "password": "another phrase of mine"});
    let running = hashing(&app, second.by(patch("/users/me").json(edit))).await;
    put_out(&root, &second, "demoted").await;
    app.hasher.open_gate();
    assert_eq!(running.await.unwrap().status, 403);
    assert_eq!(second.get("/users/me").await.json()["roles"], json!(["user"]));
}

#[tokio::test]
async fn who_is_signed_out_while_a_password_is_hashed_changes_and_deletes_nothing() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let change = json!({"current_password": ada.password, "password": "a phrase of the thief"});
    for request in [
        put("/users/me").json(json!({"password": "a phrase of the thief"})),
        post("/auth/password/change").json(change),
        delete("/users/me").json(json!({"password": ada.password})),
    ] {
        let thief = app.sign_in("ada", &ada.id).await;
        let running = hashing(&app, thief.by(request)).await;
        thief.post("/auth/logout", json!({})).await.must(204);
        app.hasher.open_gate();
        assert_eq!(running.await.unwrap().status, 401);
    }
    // The password is the old one.
    assert_eq!(app.sign_in("ada", &ada.id).await.me().await, 200);
}
