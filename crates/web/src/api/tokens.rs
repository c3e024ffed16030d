//! The reply that carries tokens (RFC 6749, section 5.1), the same for login, refresh and a changed password.

use super::view::json;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_auth::flows::LoggedIn;
use serde::Serialize;

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    refresh_token: &'a str,
    refresh_expires_in: u64,
}

/// `Cache-Control: no-store` is on every reply that says nothing else.
pub(super) fn reply(logged_in: &LoggedIn) -> Response {
    let tokens = Tokens {
        access_token: &logged_in.access_token,
        token_type: "bearer",
        expires_in: logged_in.expires_in.as_secs(),
        refresh_token: &logged_in.refresh_token,
        refresh_expires_in: logged_in.refresh_expires_in.as_secs(),
    };
    let mut response = json(StatusCode::OK, &tokens);
    // For the log line: this request came without an access token.
    response.extensions_mut().insert(logged_in.user.id);
    response
}
