//! `GET /users/me/sessions`, `DELETE /users/me/sessions/{id}`, and `POST /users/{id or username}/logout`.

use super::view::{json, shown};
use crate::Shared;
use crate::extract::{Calling, PathName, Person, Whom};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_auth::flows::{By, EndSessionsError};
use keyward_auth::records::Session;
use keyward_auth::values::{SessionId, Timestamp};
use serde::Serialize;

#[derive(Serialize)]
struct SessionView<'a> {
    #[serde(serialize_with = "shown")]
    id: SessionId,
    #[serde(serialize_with = "shown")]
    created_at: Timestamp,
    #[serde(serialize_with = "shown")]
    last_used_at: Timestamp,
    address: Option<String>,
    agent: Option<&'a str>,
    current: bool,
}

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<SessionView<'a>>,
    /// All come at once: there are at most `sessions.per_user` of them.
    next: Option<()>,
}

pub(crate) async fn list(State(web): State<Shared>, Person(person): Person) -> Result<Response, Problem> {
    let sessions = web.keyward.list_sessions(&person).await?;
    let view = |session| of(session, person.session.id);
    Ok(json(StatusCode::OK, &Page { items: sessions.iter().map(view).collect(), next: None }))
}

fn of(session: &Session, current: SessionId) -> SessionView<'_> {
    SessionView {
        id: session.id,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        address: session.address.map(|address| address.to_string()),
        agent: session.agent.as_deref(),
        current: session.id == current,
    }
}

pub(crate) async fn end(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    PathName(session): PathName,
) -> Result<StatusCode, Problem> {
    let session = session.parse().map_err(|_| Problem::not_found())?;
    web.keyward.end_session(&person, session, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn end_all(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    Whom(target): Whom,
) -> Result<StatusCode, Problem> {
    web.keyward.end_user_sessions(By::Person(&person), &target, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<EndSessionsError> for Problem {
    fn from(error: EndSessionsError) -> Self {
        match error {
            EndSessionsError::Forbidden(forbidden) => forbidden.into(),
            EndSessionsError::NotFound => Self::not_found(),
            EndSessionsError::Store(error) => error.into(),
        }
    }
}
