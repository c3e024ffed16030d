//! A change of a user: one write that sets what is to change and hands back the document, with what goes along in it; between
//! two steps of the guard where the number of administrators changes.

use super::names::Names;
use crate::mongo::USERS;
use crate::mongo::along::{self, living};
use crate::mongo::document::{self, Update};
use crate::mongo::documents::Documents;
use crate::mongo::guard::{self, Move, Wish};
use crate::mongo::shapes::users::{read, roles, undone};
use crate::mongo::trouble::Trouble;
use keyward_auth::records::{Change, StoreError, User};
use keyward_auth::values::{Timestamp, Username};
use mongodb::bson::{Bson, Document, doc};

pub(super) async fn run(
    documents: &Documents,
    id: Bson,
    change: &Change,
    at: Timestamp,
    items: Vec<Document>,
) -> Result<User, StoreError> {
    along::check(documents, &items).await?;
    let this = match (change.administrators, change.if_version) {
        (None, _) => None,
        // Whether somebody joins or leaves is true of one version only.
        (Some(_), None) => {
            return Err(StoreError::Backend("a change of administrators needs a version".into()));
        }
        (Some(direction), Some(version)) => {
            let this = Move::of(id.clone(), version);
            guard::begin(documents, &this, Wish::from(direction)).await?;
            Some(this)
        }
    };
    let mut filter = living(doc! { "_id": &id });
    if let Some(version) = change.if_version {
        filter.insert("version", version);
    }
    let update = update(change, at, &items);
    let (email, username) = (change.email.as_ref(), change.username.as_ref());
    let names = Names::of(email.and_then(Option::as_ref), username.and_then(Option::as_ref));
    let write = || documents.modify(USERS, filter.clone(), update.clone());
    let changed = names.write(documents, &id, write).await;
    // Where it is unknown whether it was done, the move goes on.
    if let Some(this) = this.filter(|_| !matches!(changed, Err(Trouble::Failed(_)))) {
        guard::close(documents, &this).await;
    }
    let changed = changed?.map_err(StoreError::Taken)?.ok_or(StoreError::Stale)?;
    along::drain(documents, USERS, &id, items).await;
    read(&changed)
}

/// What of a change stays as it is, is not put.
impl Update {
    fn put_some(&mut self, name: &str, value: Option<Option<impl Into<Bson>>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn put_text<T>(&mut self, name: &str, value: Option<&Option<T>>, text: fn(&T) -> &str) {
        self.put_some(name, value.map(|value| value.as_ref().map(text)));
    }

    fn put_time(&mut self, name: &str, value: Option<Option<Timestamp>>) {
        self.put_some(name, value.map(|value| value.map(document::time)));
    }
}

fn update(change: &Change, at: Timestamp, items: &[Document]) -> Document {
    let mut update = Update::default();
    update.put("updated_at", Some(document::time(at)));
    update.put_text("username", change.username.as_ref(), |name| name.as_str());
    update
        .put_some("username_shape", change.username.as_ref().map(|name| name.as_ref().map(Username::shape)));
    update.put_text("email", change.email.as_ref(), |email| email.as_str());
    update.put_text("email_key", change.email.as_ref(), |email| email.key());
    update.put_time("email_verified_at", change.email_verified_at);
    update.put_text("pending_email", change.pending_email.as_ref(), |email| email.as_str());
    update.put_text("pending_email_key", change.pending_email.as_ref(), |email| email.key());
    update.put_text("first_name", change.first_name.as_ref(), |name| name.as_str());
    update.put_text("last_name", change.last_name.as_ref(), |name| name.as_str());
    update.put_text("locale", change.locale.as_ref(), |locale| locale.as_str());
    update.put_some("picture", change.picture.map(|picture| picture.map(|picture| picture.to_string())));
    update.put_some("metadata", change.metadata.as_ref().map(|metadata| Some(metadata.as_str())));
    update.put_some("roles", change.roles.as_ref().map(|list| Some(roles(list))));
    update.put_time("disabled_at", change.disabled_at);
    update.put_text("password", change.password.as_ref(), |hash| hash.expose());
    update.put_some("undone", change.undone.map(|change| Some(undone(change))));
    let mut more = doc! { "version": 1_i64 };
    if let Some(kept) = change.end_sessions {
        more.insert("epoch", 1_i64);
        update.put("kept_session", kept.map(|session| document::id(session.as_bytes())));
    }
    update.with("$inc", more);
    if !items.is_empty() {
        update.with("$push", doc! { "pending": { "$each": items } });
    }
    update.whole()
}
