//! `GET /health/live`: the process answers. `GET /health/ready`: so does every part that it needs.

use super::view::json;
use crate::Shared;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    status: &'static str,
}

pub(crate) async fn live() -> Response {
    json(StatusCode::OK, &Health { status: "ok", parts: Vec::new() })
}

pub(crate) async fn ready(State(web): State<Shared>) -> Result<Response, Problem> {
    let health = web.keyward.health().await;
    let gone: Vec<&str> = health.iter().filter(|(_, check)| check.is_err()).map(|(name, _)| *name).collect();
    if !gone.is_empty() {
        for (name, check) in &health {
            if let Err(error) = check {
                tracing::warn!(part = name, %error, "not ready");
            }
        }
        return Err(Problem::new(&problem::STORE_UNAVAILABLE, format!("not reachable: {}", gone.join(", "))));
    }
    let parts = health.iter().map(|(name, _)| Part { name, status: "ok" }).collect();
    Ok(json(StatusCode::OK, &Health { status: "ok", parts }))
}
