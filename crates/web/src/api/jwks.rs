//! `GET /.well-known/jwks.json` (RFC 7517): the public keys that verify access tokens now or soon.

use super::view::json;
use crate::Shared;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
struct Jwks<'a> {
    keys: Vec<&'a Value>,
}

pub(crate) async fn get(State(web): State<Shared>) -> Response {
    let now = web.keyward.clock.now();
    let ring = web.keyward.tokens.access.ring();
    let in_force = ring.keys().iter().filter(|key| key.verifies_until.is_none_or(|end| now < end));
    let mut response =
        json(StatusCode::OK, &Jwks { keys: in_force.filter_map(|key| key.key.jwk()).collect() });
    // No longer than a new key is published before it signs (`Policy::key_lead`).
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=5"));
    response
}
