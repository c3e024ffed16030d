//! The yardstick *bare*: plain `axum::serve` with one route that answers a constant JSON, as long as the reply of
//! GET /users/me. No layers, no log, no database. Prints its address and serves until it is killed.

use crate::{Failure, say};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

const REPLY: &str = concat!(
    r#"{"id":"0199f0c1-7b1a-7000-8000-000000000001","username":null,"email":"bench1234@example.com","#,
    r#""email_verified":false,"pending_email":null,"first_name":null,"last_name":null,"locale":null,"picture":null,"#,
    r#""roles":["user"],"status":"active","metadata":{},"created_at":"2025-11-21T09:00:00.000000Z","#,
    r#""updated_at":"2025-11-21T09:00:00.000000Z","last_login_at":"2025-11-21T09:00:00.000000Z"}"#,
);

pub(crate) async fn run() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string())?;
    let listener = listener.tap_io(|stream| {
        // As Keyward does.
        let _ = stream.set_nodelay(true);
    });
    let constant = || async { ([(CONTENT_TYPE, "application/json")], REPLY) };
    Ok(axum::serve(listener, Router::new().route("/users/me", get(constant))).await?)
}
