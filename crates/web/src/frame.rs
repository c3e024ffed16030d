//! What every request gets, whatever it asks for: an id, the client's address, a safe landing after a panic, problems
//! written out, headers that keep browsers careful, and one line in the log. What happens in between is
//! [`run`](crate::run)'s.

use crate::Shared;
use crate::client_address::client_address;
use crate::gate;
use crate::problem::{self, Problem};
use crate::scope::Scope;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use keyward_auth::values::UserId;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tower::Service;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// For everything but the pages, which bring their own.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

pub(crate) async fn frame(web: Shared, router: Router, mut request: Request, peer: IpAddr) -> Response {
    let started = Instant::now();
    let scope = Arc::new(Scope {
        request_id: request_id(&web, &request),
        address: client_address(peer, request.headers(), &web.settings.trusted_proxies),
        peer: peer.to_canonical(),
        route: OnceLock::new(),
        user: OnceLock::new(),
        standings: OnceLock::new(),
    });
    request.extensions_mut().insert(scope.clone());
    let method = request.method().clone();
    without_trailing_slash(request.uri_mut());

    let mut response = if names_one_host(&request) {
        answer(&web, router, request).await
    } else {
        Problem::new(&problem::MALFORMED_REQUEST, "there must be one Host header").into_response()
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        response = written_out(response, &method, &scope);
    }
    add_headers(&web, &mut response, &scope);
    let user = scope.user.get().or_else(|| response.extensions().get::<UserId>());
    tracing::info!(
        target: "keyward::request",
        method = method.as_str(),
        route = scope.route.get().copied().unwrap_or("-"),
        status = response.status().as_u16(),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        request_id = scope.request_id.as_str(),
        user = %user.map(|id| id.to_string()).unwrap_or_default(),
        address = %scope.address,
        "request"
    );
    response
}

/// RFC 9112, section 3.2. Nothing here depends on the host, but a proxy in front may.
fn names_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let first = hosts.next();
    hosts.next().is_none() && (first.is_some() || request.version() < Version::HTTP_11)
}

async fn answer(web: &Shared, mut router: Router, mut request: Request) -> Response {
    request.extensions_mut().insert(web.clone());
    let call = AssertUnwindSafe(async move { router.call(request).await.into_response() }).catch_unwind();
    call.await.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response())
}

/// A client's id, if it is sane; else one of ours: a random start and a count.
fn request_id(web: &Shared, request: &Request) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_sane = |id: &&str| {
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match given.filter(is_sane) {
        Some(id) => id.to_owned(),
        None => format!("{}-{:x}", web.boot, COUNT.fetch_add(1, Ordering::Relaxed)),
    }
}

/// `/users/` is `/users`.
fn without_trailing_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(trimmed) = format!("{}{query}", &path[..path.len() - 1]).parse() {
        *uri = trimmed;
    }
}

/// The problem as JSON. What some layer below refused in plain text becomes a problem of the same status.
fn written_out(mut response: Response, method: &Method, scope: &Scope) -> Response {
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| {
        let kind = match response.status() {
            StatusCode::NOT_FOUND => &problem::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED => &problem::METHOD_NOT_ALLOWED,
            StatusCode::PAYLOAD_TOO_LARGE => &problem::PAYLOAD_TOO_LARGE,
            status if status.is_server_error() => return Problem::internal("a layer below failed"),
            _ => &problem::MALFORMED_REQUEST,
        };
        Problem::new(kind, "this request cannot be answered")
    });
    if let Some(cause) = &problem.cause {
        tracing::error!(target: "keyward::problem", request_id = scope.request_id.as_str(), %cause, "request failed");
    }
    // A page of its own (a form to try again) stays as it is.
    if response.headers().contains_key(header::CONTENT_TYPE)
        && response.headers().contains_key(header::CONTENT_SECURITY_POLICY)
    {
        return response;
    }
    let body = problem.body(&scope.request_id);
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(body) };
    Response::from_parts(parts, body)
}

fn add_headers(web: &Shared, response: &mut Response, scope: &Scope) {
    let headers = response.headers_mut();
    headers.reserve(8);
    if let Ok(id) = HeaderValue::try_from(scope.request_id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(standings) = scope.standings.get() {
        gate::tell(standings, headers);
    }
    if web.settings.is_https {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
}
