//! `GET /users/me`, `GET /users/{id or username}` and `GET /users`: to see oneself, one, or a page of many.

use super::view::{self, UserView, json};
use crate::Shared;
use crate::extract::{Person, Query, Whom};
use crate::fields::wrong_type;
use crate::problem::{FieldError, Problem};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use keyward_auth::flows::{By, Forbidden, ListError};
use keyward_auth::records::Search;
use keyward_auth::values::{Invalid, Permission, Role, UserId};
use serde::Serialize;

pub(crate) async fn me(State(web): State<Shared>, Person(person): Person, uri: Uri) -> Response {
    view::user(&person.user, &web, &uri)
}

pub(crate) async fn get(
    State(web): State<Shared>,
    Person(person): Person,
    Whom(target): Whom,
    uri: Uri,
) -> Result<Response, Problem> {
    let user = web.keyward.view_user(By::Person(&person), &target).await?.ok_or_else(Problem::not_found)?;
    Ok(view::user(&user, &web, &uri))
}

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<UserView<'a>>,
    next: Option<String>,
}

const MOST: usize = 200;
const USUAL: usize = 50;

pub(crate) async fn list(
    State(web): State<Shared>,
    Person(person): Person,
    query: Result<Query, Problem>,
) -> Result<Response, Problem> {
    let by = By::Person(&person);
    // A permission is answered before anything about the query.
    if !by.may(Permission::UsersRead) {
        return Err(Forbidden.into());
    }
    let (users, next) = web.keyward.list_users(by, search(&query?)?).await?;
    let page =
        Page { items: users.iter().map(|user| UserView::new(user, &web)).collect(), next: next.map(cursor) };
    Ok(json(StatusCode::OK, &page))
}

fn search(query: &Query) -> Result<Search, Problem> {
    let mut errors = Vec::new();
    let mut refuse = |name: &str, invalid: Invalid| errors.push(FieldError::new(name, invalid));
    let mut search = Search { limit: USUAL, ..Search::default() };
    if let Some(limit) = query.get("limit") {
        match limit.parse() {
            Ok(limit) if (1..=MOST).contains(&limit) => search.limit = limit,
            _ => refuse("limit", wrong_type("a number from 1 to 200")),
        }
    }
    if let Some(after) = query.get("after") {
        search.after = read_cursor(after);
        if search.after.is_none() {
            refuse("after", Invalid::new("invalid_cursor", "this is no cursor that was given out here"));
        }
    }
    if let Some(role) = query.get("role") {
        match Role::parse(role) {
            Ok(role) => search.role = Some(role.as_str().to_owned()),
            Err(invalid) => refuse("role", invalid),
        }
    }
    match query.get("status") {
        None => {}
        Some("active") => search.active = Some(true),
        Some("disabled") => search.active = Some(false),
        Some(_) => refuse("status", wrong_type("active or disabled")),
    }
    match query.get("verified") {
        None => {}
        Some("true") => search.verified = Some(true),
        Some("false") => search.verified = Some(false),
        Some(_) => refuse("verified", wrong_type("true or false")),
    }
    match query.get("q") {
        Some(q) if q.len() > 254 => refuse("q", Invalid::new("too_long", "a search has at most 254 bytes")),
        q => search.prefix = q.map(|q| q.trim().to_lowercase()).filter(|q| !q.is_empty()),
    }
    if errors.is_empty() { Ok(search) } else { Err(Problem::fields(errors)) }
}

fn cursor(last: UserId) -> String {
    BASE64.encode(last.to_string())
}

fn read_cursor(text: &str) -> Option<UserId> {
    String::from_utf8(BASE64.decode(text).ok()?).ok()?.parse().ok()
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Forbidden(forbidden) => forbidden.into(),
            ListError::Store(error) => error.into(),
        }
    }
}
