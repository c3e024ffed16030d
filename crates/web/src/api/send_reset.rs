//! `POST /users/{id or username}/password-reset`: sends a user a mail to set a new password. Nobody sets another's.

use super::view::accepted;
use crate::Shared;
use crate::extract::{Calling, Person, Whom};
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{By, Class, Forbidden, SendResetError};
use keyward_auth::values::{Invalid, Permission};

pub(crate) async fn post(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    Whom(target): Whom,
) -> Result<Response, Problem> {
    let by = By::Person(&person);
    if !by.may(Permission::UsersWrite) {
        return Err(Forbidden.into());
    }
    gate.admit(&[Class::Passwords]).await?;
    web.keyward.send_reset(by, &target, &caller).await?;
    Ok(accepted("a mail to set a new password is on its way to the user"))
}

impl From<SendResetError> for Problem {
    fn from(error: SendResetError) -> Self {
        match error {
            SendResetError::Forbidden(forbidden) => forbidden.into(),
            SendResetError::NotFound => Self::not_found(),
            SendResetError::NoEmail => {
                Self::field("email", Invalid::new("no_email", "the user has no e-mail address"))
            }
            SendResetError::Disabled => {
                Self::field("status", Invalid::new("disabled", "the user is disabled, and could not sign in"))
            }
            SendResetError::NotConfigured => Self::mail_not_configured(),
            SendResetError::Store(error) => error.into(),
        }
    }
}
