//! How long anything may take: a body to arrive, an answer to be made, a reply to be read.

use crate::app::{TestApp, announce, eventually, get, post};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// More than the longest of these limits, for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_408() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let head = announce("POST", "/auth/register", "Connection: close\r\n", 20);
    stream.write_all(format!("{head}{{\"email\":").as_bytes()).await.unwrap();
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains(r#""code":"timeout""#), "{text}");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_503_and_what_was_begun_is_done() {
    let app = TestApp::with(|setup| setup.set("server.request_timeout", "1s")).await;
    app.hasher.close_gate();
    let new = json!({"email": "late@example.com", "password": "a long enough one"});
    let reply = app.send(&post("/auth/register").json(new)).await.must(503);
    assert_eq!((reply.text("code"), reply.header("retry-after")), ("overdue".to_owned(), "1"));
    assert_eq!(app.count("keyward_users").await, 0);
    app.hasher.open_gate();
    eventually("the user is there all the same", async || app.count("keyward_users").await == 1).await;
}

#[tokio::test]
async fn who_never_reads_does_not_keep_a_place_for_ever() {
    let app = TestApp::with(|setup| setup.set("server.max_connections", "2")).await;
    let many = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(30);
    let mut held = Vec::new();
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2048).unwrap();
        let mut stream = socket.connect(app.address).await.unwrap();
        stream.write_all(many.as_bytes()).await.unwrap();
        held.push(stream);
    }
    timeout(PATIENCE, app.send(&get("/health/live"))).await.expect("a place became free").must(200);
    drop(held);
}
