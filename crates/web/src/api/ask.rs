//! `POST /auth/verify/resend` and `POST /auth/password/forgot`: a mail, asked for by an address alone. Whoever has the
//! address, the reply is the same.

use super::view::accepted;
use crate::Shared;
use crate::body::Json;
use crate::extract::Calling;
use crate::fields::Fields;
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{AskError, Class};
use keyward_auth::values::Email;

pub(crate) async fn resend(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    Json(body): Json,
) -> Result<Response, Problem> {
    let email = email(body)?;
    gate.admit(&[Class::Passwords]).await?;
    web.keyward.resend(&email, &caller).await?;
    Ok(accepted("if this address waits to be verified, a mail with a new code is on its way"))
}

pub(crate) async fn forgot(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    Json(body): Json,
) -> Result<Response, Problem> {
    let email = email(body)?;
    gate.admit(&[Class::Passwords]).await?;
    web.keyward.forgot_password(&email, &caller).await?;
    Ok(accepted("if there is an account with this address, a mail to set a new password is on its way"))
}

fn email(mut body: Fields) -> Result<Email, Problem> {
    let email = body.required("email", Email::parse);
    body.finish(email)
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotConfigured => Self::mail_not_configured(),
            AskError::Limited(limited) => limited.into(),
            AskError::Store(error) => error.into(),
        }
    }
}
