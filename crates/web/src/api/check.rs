//! `GET /auth/check`: for reverse proxies that ask before they pass a request on (nginx `auth_request`, forward auth of
//! Traefik and Caddy). The reply's headers say who it is.

use crate::extract::{Person, Query};
use crate::problem::Problem;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use keyward_auth::flows::Forbidden;
use keyward_auth::values::{Email, Invalid, Name, Role, Username};

pub(crate) async fn get(Person(person): Person, query: Query) -> Result<HeaderMap, Problem> {
    let user = &person.user;
    // A proxy whose template came out empty or misspelt must not admit everybody.
    match query.only("role")? {
        Some("") => {
            return Err(Problem::field("role", Invalid::new("required", "name a role, or leave role out")));
        }
        Some(role) if !user.roles.contains(role) => return Err(Forbidden.into()),
        _ => {}
    }
    let id = user.id.to_string();
    let names = [&user.first_name, &user.last_name].map(|name| name.as_ref().map_or("", Name::as_str));
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("remote-user", user.username.as_ref().map_or(id.as_str(), Username::as_str)),
        ("remote-id", id.as_str()),
        ("remote-email", user.email.as_ref().map_or("", Email::as_str)),
        ("remote-name", names.join(" ").trim()),
        ("remote-roles", &roles.join(",")),
    ] {
        // Names may be of any script, so these are bytes of UTF-8; a name holds no control character. An empty header
        // is sent, too, lest a proxy pass on the client's own.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(headers)
}
