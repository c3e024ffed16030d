//! `POST /auth/logout`: this session, or all of the person's.

use crate::Shared;
use crate::body::OptionalJson;
use crate::extract::{Calling, Person};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_auth::flows::LogoutError;

pub(crate) async fn post(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    OptionalJson(mut body): OptionalJson,
) -> Result<StatusCode, Problem> {
    let everywhere = body.flag("everywhere").unwrap_or(false);
    if body.finish(Some(everywhere))? {
        web.keyward.logout_everywhere(&person, &caller).await?;
    } else {
        web.keyward.logout(&person, &caller).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl From<LogoutError> for Problem {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Limited(limited) => limited.into(),
            LogoutError::Store(error) => error.into(),
        }
    }
}
