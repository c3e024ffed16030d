//! `GET /health/live`: the process answers. `GET /health/ready`: so does every part that it needs.

use super::view::json;
use crate::Shared;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_auth::flows::PartError;
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
    let mut wrong = Vec::new();
    for (name, check) in &health {
        if let Err(error) = check {
            tracing::warn!(part = name, %error, "not ready");
            wrong.push(match error {
                PartError::Store(_) => format!("{name} does not answer, or cannot be written"),
                PartError::Clock(_) => format!("the clocks of {name} and of this server are apart"),
            });
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::new(&problem::STORE_UNAVAILABLE, wrong.join(", ")));
    }
    let parts = health.iter().map(|(name, _)| Part { name, status: "ok" }).collect();
    Ok(json(StatusCode::OK, &Health { status: "ok", parts }))
}
