//! A user's document.

use crate::mongo::USERS;
use crate::mongo::document::{self, Fields, Stored};
use keyward_auth::records::{StoreError, Undone, User};
use keyward_auth::values::{
    Email, Locale, Metadata, Name, PasswordHash, Picture, Roles, SessionId, UserId, Username,
};
use mongodb::bson::{Bson, Document};

pub(in crate::mongo) fn id(user: UserId) -> Bson {
    document::id(user.as_bytes())
}

pub(in crate::mongo) fn written(user: &User) -> Document {
    Fields::default()
        .with("_id", id(user.id))
        .with("version", user.version)
        .with_some("username", user.username.as_ref().map(|name| name.as_str()))
        .with_some("username_shape", user.username.as_ref().map(Username::shape))
        .with_some("email", user.email.as_ref().map(|email| email.as_str()))
        .with_some("email_key", user.email.as_ref().map(|email| email.key()))
        .with_time("email_verified_at", user.email_verified_at)
        .with_some("pending_email", user.pending_email.as_ref().map(|email| email.as_str()))
        .with_some("pending_email_key", user.pending_email.as_ref().map(|email| email.key()))
        .with_some("first_name", user.first_name.as_ref().map(|name| name.as_str()))
        .with_some("last_name", user.last_name.as_ref().map(|name| name.as_str()))
        .with_some("locale", user.locale.as_ref().map(|locale| locale.as_str()))
        .with_some("picture", user.picture.map(|picture| picture.to_string()))
        .with("metadata", user.metadata.as_str())
        .with("roles", roles(&user.roles))
        .with_time("disabled_at", user.disabled_at)
        .with_some("password", user.password.as_ref().map(|hash| hash.expose()))
        .with("epoch", user.epoch)
        .with_some("kept_session", user.kept_session.map(|session| document::id(session.as_bytes())))
        .with_some("undone", user.undone.map(undone))
        .with("created_at", document::time(user.created_at))
        .with("updated_at", document::time(user.updated_at))
        .with_time("last_login_at", user.last_login_at)
        .0
}

pub(in crate::mongo) fn roles(roles: &Roles) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

/// Without a beginning, if it is all of before.
pub(in crate::mongo) fn undone(undone: Undone) -> Document {
    let from = Some(undone.to).filter(|to| *to != Undone::all(undone.at).to);
    Fields::default().with_time("to", from).with("at", document::time(undone.at)).0
}

pub(in crate::mongo) fn read(document: &Document) -> Result<User, StoreError> {
    let stored = Stored::of(USERS, document);
    let undone = stored.within("undone")?;
    Ok(User {
        id: UserId::from_bytes(stored.id("_id")?),
        version: stored.int("version")?,
        username: stored.text_or_none("username")?.map(|text| Username::stored(text.to_owned())),
        email: stored.text_or_none("email")?.map(|text| Email::stored(text.to_owned())),
        email_verified_at: stored.time_or_none("email_verified_at")?,
        pending_email: stored.text_or_none("pending_email")?.map(|text| Email::stored(text.to_owned())),
        first_name: stored.text_or_none("first_name")?.map(|text| Name::stored(text.to_owned())),
        last_name: stored.text_or_none("last_name")?.map(|text| Name::stored(text.to_owned())),
        locale: stored.text_or_none("locale")?.map(|text| Locale::stored(text.to_owned())),
        picture: match stored.text_or_none("picture")? {
            Some(text) => Some(Picture::parse(text).ok_or_else(|| stored.unreadable("picture"))?),
            None => None,
        },
        metadata: Metadata::stored(stored.text("metadata")?.to_owned()),
        roles: Roles::stored(stored.texts("roles")?),
        disabled_at: stored.time_or_none("disabled_at")?,
        password: stored.text_or_none("password")?.map(|text| PasswordHash::stored(text.to_owned())),
        epoch: stored.int("epoch")?,
        kept_session: stored.id_or_none("kept_session")?.map(SessionId::from_bytes),
        undone: match undone {
            Some(undone) => {
                let at = undone.time("at")?;
                Some(Undone { to: undone.time_or_none("to")?.unwrap_or(Undone::all(at).to), at })
            }
            None => None,
        },
        created_at: stored.time("created_at")?,
        updated_at: stored.time("updated_at")?,
        last_login_at: stored.time_or_none("last_login_at")?,
    })
}
