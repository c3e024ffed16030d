//! `DELETE /users/me` with the password, and `DELETE /users/{id or username}` with `users:delete`.

use crate::Shared;
use crate::body::Json;
use crate::extract::{Calling, IfMatch, Person, Whom};
use crate::gate::Gate;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::http::StatusCode;
use keyward_auth::flows::{By, Class, DeleteError};
use keyward_auth::values::Password;

pub(crate) async fn me(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    IfMatch(version): IfMatch,
    Json(mut body): Json,
) -> Result<StatusCode, Problem> {
    let password = body.required("password", Password::parse);
    let password = body.finish(password)?;
    gate.admit(&[Class::Passwords]).await?;
    web.keyward.delete_me(&person, &password, version, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn user(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    IfMatch(version): IfMatch,
    Whom(target): Whom,
) -> Result<StatusCode, Problem> {
    web.keyward.delete_user(By::Person(&person), &target, version, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Forbidden(forbidden) => forbidden.into(),
            DeleteError::NotFound => Self::not_found(),
            DeleteError::Changed => {
                Self::new(&problem::STALE, "the user is not of the version that If-Match names")
            }
            DeleteError::Wrong => Self::new(&problem::WRONG_PASSWORD, "the password is wrong"),
            DeleteError::LastAdministrator => {
                Self::new(&problem::LAST_ADMINISTRATOR, "the last administrator stays")
            }
            DeleteError::ReauthenticationRequired => {
                let detail = "this is you: DELETE /users/me with the password, or sign in again first";
                Self::new(&problem::REAUTHENTICATION_REQUIRED, detail)
            }
            DeleteError::SignedOut => Self::invalid_token(),
            DeleteError::Limited(limited) => limited.into(),
            DeleteError::Busy(busy) => busy.into(),
            DeleteError::Store(error) => error.into(),
        }
    }
}
