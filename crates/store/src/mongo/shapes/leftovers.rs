//! A leftover's document.

use super::users;
use crate::mongo::LEFTOVERS;
use crate::mongo::document::{Fields, Stored, time};
use keyward_auth::records::{Leftover, StoreError};
use keyward_auth::values::{Picture, UserId};
use mongodb::bson::Document;

pub(in crate::mongo) fn written(leftover: &Leftover) -> Document {
    Fields::default()
        .with("_id", leftover.picture.to_string())
        .with("user_id", users::id(leftover.user))
        .with("due_at", time(leftover.due_at))
        .0
}

pub(in crate::mongo) fn read(document: &Document) -> Result<Leftover, StoreError> {
    let stored = Stored::of(LEFTOVERS, document);
    Ok(Leftover {
        user: UserId::from_bytes(stored.id("user_id")?),
        picture: stored.known("_id", Picture::parse)?,
        due_at: stored.time("due_at")?,
    })
}
