//! `POST /users`: an account for somebody else.

use super::register::new_user;
use super::view;
use crate::Shared;
use crate::body::Json;
use crate::extract::{Calling, Person};
use crate::fields::wrong_type;
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{By, Class, CreateError, NewUser};
use keyward_auth::values::{Email, Invalid, Password, Permission, Role, Roles};

pub(crate) async fn post(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    body: Result<Json, Problem>,
) -> Result<Response, Problem> {
    let by = By::Person(&person);
    // A permission is answered before anything about the body.
    if !by.may(Permission::UsersWrite) {
        return Err(keyward_auth::flows::Forbidden.into());
    }
    let Json(mut body) = body?;
    let email = body.text("email", Email::parse);
    let roles = body.list("roles", Role::parse).map_or_else(|| Roles::new([Role::user()]), Roles::new);
    let active = body.text("status", status).unwrap_or(true);
    let email_verified = body.flag("email_verified").unwrap_or(false);
    // Without one the user is invited to set it.
    let password = body.text("password", Password::parse);
    let new = new_user(&mut body);
    let new = body.finish(Some(NewUser { email, password, roles, active, email_verified, ..new }))?;
    gate.admit(&[Class::Passwords]).await?;
    let user = web.keyward.create_user(by, new, &caller).await?;
    Ok(view::created(&user, &web, None))
}

/// Whether this status is the active one.
pub(super) fn status(text: &str) -> Result<bool, Invalid> {
    match text {
        "active" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(wrong_type("active or disabled")),
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Forbidden(forbidden) => forbidden.into(),
            CreateError::SignedOut => Self::invalid_token(),
            CreateError::New(error) => error.into(),
        }
    }
}
