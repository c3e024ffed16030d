//! `POST /auth/password/change`: a new password against the present one; fresh tokens, all others dead.

use super::tokens;
use crate::Shared;
use crate::body::Json;
use crate::extract::{Calling, Person};
use crate::gate::Gate;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{ChangePasswordError, Class, PasswordChange};
use keyward_auth::values::Password;

pub(crate) async fn post(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    Json(mut body): Json,
) -> Result<Response, Problem> {
    let current = body.required("current_password", Password::parse);
    let new = body.required("password", Password::parse);
    let (current, new) = body.finish(current.zip(new))?;
    gate.admit(&[Class::Passwords]).await?;
    let logged_in = web.keyward.change_password(&person, &PasswordChange { current, new }, &caller).await?;
    Ok(tokens::reply(&logged_in))
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Wrong => Self::new(&problem::WRONG_PASSWORD, "current_password is wrong"),
            ChangePasswordError::Password(invalid) => Self::field("password", invalid),
            ChangePasswordError::SignedOut => Self::invalid_token(),
            ChangePasswordError::Limited(limited) => limited.into(),
            ChangePasswordError::Busy(busy) => busy.into(),
            ChangePasswordError::Key(error) => error.into(),
            ChangePasswordError::Store(error) => error.into(),
        }
    }
}
