//! `POST /auth/login`: JSON, or the form of OAuth2's password grant (RFC 6749, section 4.3.2); one flow.

use super::tokens;
use crate::Shared;
use crate::body::JsonOrForm;
use crate::extract::Calling;
use crate::fields::Fields;
use crate::gate::{self, Gate};
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{Attempt, Class, Identifier, LoginError};
use keyward_auth::values::{Invalid, Password};

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    JsonOrForm(mut body): JsonOrForm,
) -> Result<Response, Problem> {
    let identifier = identifier(&mut body);
    let password = body.required("password", Password::parse);
    body.text("grant_type", |grant| match grant {
        "password" => Ok(()),
        _ => Err(Invalid::new("unsupported_grant_type", "the grant here is password")),
    });
    let (identifier, password) = body.finish(identifier.zip(password))?;
    gate.admit(&[Class::Passwords]).await.map_err(LoginError::from)?;
    let logged_in = web.keyward.login(Attempt { identifier, password }, &caller).await?;
    Ok(tokens::reply(&logged_in))
}

/// Exactly one of three names for what a person calls oneself.
fn identifier(body: &mut Fields) -> Option<Identifier> {
    body.synonym("username", "user");
    let given: Vec<&str> = ["email", "username", "login"].into_iter().filter(|name| body.has(name)).collect();
    let identifier = |text: &str| Ok(Identifier::parse(text));
    match given[..] {
        [name] => body.required(name, identifier),
        [] => body.required("email", identifier),
        [.., last] => {
            body.refuse(last, Invalid::new("contradiction", "send one of email, username and login"));
            body.ignore(&given);
            None
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => {
                let detail = "the identifier or the password is wrong, or the account is not active";
                Self::new(&problem::INVALID_CREDENTIALS, detail).oauth("invalid_grant")
            }
            LoginError::EmailNotVerified => {
                let detail = "enter the code that was mailed to your address first, or ask for another";
                Self::new(&problem::EMAIL_NOT_VERIFIED, detail).oauth("invalid_grant")
            }
            LoginError::Limited(limited) => Self::from(limited).oauth(gate::TO_OAUTH),
            LoginError::Busy(busy) => busy.into(),
            LoginError::Key(error) => error.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}
