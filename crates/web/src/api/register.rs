//! `POST /auth/register`: an account for oneself, as JSON, or as a form that may have a picture in it.

use super::view;
use crate::Shared;
use crate::extract::Calling;
use crate::fields::Fields;
use crate::gate::Gate;
use crate::problem::{self, Problem};
use crate::upload::JsonOrParts;
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{Class, NewUser, NewUserError, RegisterError, Registered};
use keyward_auth::policy::Verification;
use keyward_auth::values::{Email, Locale, Metadata, Name, Password, Role, Roles, Username};

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    JsonOrParts { fields: mut body, picture }: JsonOrParts,
) -> Result<Response, Problem> {
    let email = body.required("email", Email::parse);
    let password = body.required("password", Password::parse);
    let new = new_user(&mut body);
    let (email, password) = body.finish(email.zip(password))?;
    gate.admit(&[Class::Registrations, Class::Passwords]).await?;
    let new = NewUser { email: Some(email), password: Some(password), picture, ..new };
    Ok(match web.keyward.register(new, &caller).await? {
        Registered::Made(user) => {
            let how = how_to_go_on(web.keyward.policy.verification);
            view::created(&user, &web, Some(how))
        }
        Registered::Concealed => view::accepted(concealed(web.keyward.policy.verification)),
    })
}

/// The same whether an account was made or there was one.
fn concealed(verification: Verification) -> &'static str {
    match verification {
        Verification::Off => "if this address had no account, it has one now; sign in with it",
        Verification::Optional | Verification::Required => {
            "a mail on its way to this address says how to go on"
        }
    }
}

fn how_to_go_on(verification: Verification) -> &'static str {
    match verification {
        Verification::Off => "the account is made; sign in with it",
        Verification::Optional => {
            "the account is made; sign in with it, and confirm the address: a mail is on its way"
        }
        Verification::Required => {
            "the account is made; confirm the address, then sign in: a mail is on its way"
        }
    }
}

/// What registration and creation share. What is wrong with a member is noted in the body.
pub(super) fn new_user(body: &mut Fields) -> NewUser {
    body.synonym("username", "user");
    let username = body.text("username", Username::parse);
    let first_name = body.text("first_name", Name::parse);
    let last_name = body.text("last_name", Name::parse);
    let locale = body.text("locale", Locale::parse);
    let metadata = body.object("metadata", Metadata::new).unwrap_or_default();
    NewUser {
        username,
        email: None,
        password: None,
        first_name,
        last_name,
        locale,
        picture: None,
        metadata,
        roles: Roles::new([Role::user()]),
        active: true,
        email_verified: false,
    }
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
            NewUserError::Unreachable => {
                let detail = "a user without a password needs an address to be invited at";
                Self::field("email", required(detail))
            }
            NewUserError::NotConfigured => Self::mail_not_configured(),
            NewUserError::Picture(invalid) => Self::field("picture", invalid),
            NewUserError::Gallery(error) => error.into(),
            NewUserError::Taken(what) => Self::taken(what),
            NewUserError::Busy(busy) => busy.into(),
            NewUserError::Store(error) => error.into(),
        }
    }
}
