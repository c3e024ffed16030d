//! `POST /auth/register`: an account for oneself.

use super::view;
use crate::Shared;
use crate::body::Json;
use crate::extract::Calling;
use crate::fields::Fields;
use crate::gate::Gate;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{Class, NewUser, NewUserError, RegisterError};
use keyward_auth::values::{Email, Locale, Metadata, Name, Password, Username};

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    Json(mut body): Json,
) -> Result<Response, Problem> {
    let email = body.required("email", Email::parse);
    let new = new_user(&mut body);
    let (email, new) = body.finish(email.zip(new))?;
    gate.admit(&[Class::Registrations, Class::Passwords]).await?;
    let user = web.keyward.register(NewUser { email: Some(email), ..new }, &caller).await?;
    Ok(view::created(&user, &web.settings.public_url, Some("the account is made; sign in with it")))
}

/// The members that registration and creation share.
pub(super) fn new_user(body: &mut Fields) -> Option<NewUser> {
    body.synonym("username", "user");
    let password = body.required("password", Password::parse);
    let username = body.text("username", Username::parse);
    let first_name = body.text("first_name", Name::parse);
    let last_name = body.text("last_name", Name::parse);
    let locale = body.text("locale", Locale::parse);
    let metadata = body.object("metadata", Metadata::new).unwrap_or_default();
    let new = NewUser::with(None, password?);
    Some(NewUser { username, first_name, last_name, locale, metadata, ..new })
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => {
                Self::new(&problem::REGISTRATION_CLOSED, "accounts are made by an administrator")
            }
            RegisterError::New(error) => error.into(),
        }
    }
}

impl From<NewUserError> for Problem {
    fn from(error: NewUserError) -> Self {
        let required = |detail: &str| keyward_auth::values::Invalid::new("required", detail);
        match error {
            NewUserError::Password(invalid) => Self::field("password", invalid),
            NewUserError::Nameless => {
                Self::field("username", required("a user without an e-mail needs a username"))
            }
            NewUserError::NothingToVerify => {
                Self::field("email", required("there is no address to be verified"))
            }
            NewUserError::Taken(what) => Self::taken(what),
            NewUserError::Busy(busy) => busy.into(),
            NewUserError::Store(error) => error.into(),
        }
    }
}
