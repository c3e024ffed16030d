//! `PUT` and `PATCH` of `/users/me` and `/users/{id or username}`, as JSON, or as a form that may have a picture in it: both
//! change only what is sent. What GET gave may be sent back: read-only members pass with their present value.

use super::create_user::status;
use super::view;
use crate::Shared;
use crate::extract::{Calling, IfMatch, Person, Whom};
use crate::gate::Gate;
use crate::problem::{self, Problem};
use crate::upload::JsonOrParts;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use keyward_auth::flows::{By, Class, Edit, EditError, Target};
use keyward_auth::records::User;
use keyward_auth::values::{
    Email, Invalid, Locale, Metadata, Name, Password, Permission, Role, Roles, Username,
};

pub(crate) async fn me(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    if_match: IfMatch,
    uri: Uri,
    body: JsonOrParts,
) -> Result<Response, Problem> {
    let edit = edit(if_match, body, &person.user, &gate).await?;
    let target = Target::Id(person.user.id);
    let edited = web.keyward.edit_user(By::Person(&person), &target, edit, &caller).await?;
    Ok(view::user(&edited, &web, &uri))
}

#[expect(clippy::too_many_arguments, reason = "what a handler asks for is named one by one")]
pub(crate) async fn user(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    gate: Gate,
    Whom(target): Whom,
    if_match: IfMatch,
    uri: Uri,
    body: Result<JsonOrParts, Problem>,
) -> Result<Response, Problem> {
    // What is not yours is not there, whatever the body says.
    let viewed = web.keyward.view_user(By::Person(&person), &target).await?;
    let user = viewed.ok_or_else(Problem::not_found)?;
    let edit = edit(if_match, body?, &user, &gate).await?;
    let edited = web.keyward.edit_user(By::Person(&person), &target, edit, &caller).await?;
    Ok(view::user(&edited, &web, &uri))
}

/// What is asked for of this user, counted if it may take a hash or cause a mail.
async fn edit(
    IfMatch(if_version): IfMatch,
    JsonOrParts { fields: mut body, picture }: JsonOrParts,
    user: &User,
    gate: &Gate,
) -> Result<Edit, Problem> {
    body.synonym("username", "user");
    let mut edit = Edit {
        if_version,
        username: body.optional("username", Username::parse),
        email: body.optional("email", Email::parse),
        first_name: body.optional("first_name", Name::parse),
        last_name: body.optional("last_name", Name::parse),
        locale: body.optional("locale", Locale::parse),
        picture: picture.map(Some),
        metadata: body.object("metadata", Metadata::new),
        password: body.text("password", Password::parse),
        current_password: body.text("current_password", Password::parse),
        roles: None,
        active: body.text("status", status),
        email_verified: body.flag("email_verified"),
        id: body.text("id", |id| Ok(id.to_owned())),
        pending_email: body.optional("pending_email", |email| Ok::<_, Invalid>(email.to_owned())),
    };
    edit.roles = body.list("roles", Role::parse).map(Roles::new);
    body.ignore(&["picture", "created_at", "updated_at", "last_login_at", "message"]);
    let edit = body.finish(Some(edit))?;
    // An address that is the user's already is sent back by whoever edits something else.
    let known = [&user.email, &user.pending_email];
    let is_new = |email: &Email| !known.into_iter().flatten().any(|known| known.same(email));
    let has_new_email = edit.email.as_ref().and_then(Option::as_ref).is_some_and(is_new);
    if edit.password.is_some() || edit.current_password.is_some() || has_new_email {
        gate.admit(&[Class::Passwords]).await?;
    }
    Ok(edit)
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotFound => Self::not_found(),
            EditError::Forbidden => {
                let detail =
                    format!("this needs {}, and nobody sets another's password", Permission::UsersWrite);
                Self::new(&problem::FORBIDDEN, detail)
            }
            EditError::Changed => {
                Self::new(&problem::STALE, "the user is not of the version that If-Match names")
            }
            EditError::ReadOnly(name) => {
                Self::field(name, Invalid::new("read_only", "this cannot be changed"))
            }
            EditError::Invalid(name, invalid) => Self::field(name, invalid),
            EditError::Gallery(error) => error.into(),
            EditError::Taken(what) => Self::taken(what),
            EditError::ReauthenticationRequired => {
                let detail =
                    "send current_password with it, or sign in again: this session is too old for that";
                Self::new(&problem::REAUTHENTICATION_REQUIRED, detail)
            }
            EditError::Wrong => Self::new(&problem::WRONG_PASSWORD, "current_password is wrong"),
            EditError::LastAdministrator => {
                Self::new(&problem::LAST_ADMINISTRATOR, "the last administrator stays")
            }
            EditError::SignedOut => Self::invalid_token(),
            EditError::Limited(limited) => limited.into(),
            EditError::Busy(busy) => busy.into(),
            EditError::Store(error) => error.into(),
        }
    }
}
