//! The collections: which there are, with which indexes, and that this Keyward is not older than they are. Made at a start,
//! by whoever comes first or by several at once: what is there already stays.

use super::document::Stored;
use super::documents::{Documents, tried};
use super::trouble;
use super::{CODES, EVENTS, KEYS, LEFTOVERS, MAILS, MongoUrl, OpenError, SCHEMA, SESSIONS, USERS};
use futures_util::future::try_join_all;
use keyward_auth::values::Timestamp;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use std::collections::BTreeMap;
use std::time::Duration;

/// What this Keyward makes; one more with each change to it.
pub(super) const VERSION: i64 = 1;

struct Index {
    of: &'static str,
    name: &'static str,
    keys: Document,
    is_unique: bool,
    /// Only documents that meet this.
    only: Option<Document>,
    /// Whether documents go when the date in it has come.
    expires: bool,
}

fn index(of: &'static str, name: &'static str, keys: Document) -> Index {
    Index { of, name, keys, is_unique: false, only: None, expires: false }
}

fn indexes() -> Vec<Index> {
    let exists = |field: &str| Some(doc! { field: { "$exists": true } });
    let unique = |name, field: &str| Index {
        is_unique: true,
        only: exists(field),
        ..index(USERS, name, doc! { field: 1 })
    };
    let expiring = |of| Index { expires: true, ..index(of, "gone_at", doc! { "gone_at": 1 }) };
    let waiting =
        |of| Index { only: exists("pending.into"), ..index(of, "pending", doc! { "pending.into": 1 }) };
    vec![
        unique("email_key", "email_key"),
        unique("username", "username"),
        unique("username_shape", "username_shape"),
        Index {
            only: exists("pending_email_key"),
            ..index(USERS, "pending_email_key", doc! { "pending_email_key": 1, "updated_at": -1, "_id": -1 })
        },
        Index {
            only: Some(doc! { "roles": "admin" }),
            ..index(USERS, "administrators", doc! { "roles": 1 })
        },
        waiting(USERS),
        index(SESSIONS, "of_user", doc! { "user_id": 1, "created_at": -1, "_id": -1 }),
        index(SESSIONS, "expires_at", doc! { "expires_at": 1 }),
        expiring(SESSIONS),
        waiting(SESSIONS),
        index(CODES, "place", doc! { "place": 1 }),
        index(CODES, "of_user", doc! { "user_id": 1 }),
        index(CODES, "expires_at", doc! { "expires_at": 1 }),
        expiring(CODES),
        index(MAILS, "due", doc! { "state": 1, "due_at": 1, "_id": 1 }),
        index(MAILS, "to", doc! { "email_key": 1, "_id": -1 }),
        index(MAILS, "of_user", doc! { "user_id": 1 }),
        index(EVENTS, "of_user", doc! { "user_id": 1, "happened_at": -1, "_id": -1 }),
        index(EVENTS, "happened_at", doc! { "happened_at": 1 }),
        index(LEFTOVERS, "due", doc! { "due_at": 1, "_id": 1 }),
        Index { is_unique: true, ..index(KEYS, "sequence", doc! { "algorithm": 1, "sequence": 1 }) },
    ]
}

impl Index {
    fn model(self) -> IndexModel {
        let options = IndexOptions::builder()
            .name(self.name.to_owned())
            .unique(self.is_unique.then_some(true))
            .partial_filter_expression(self.only)
            .expire_after(self.expires.then_some(Duration::ZERO));
        IndexModel::builder().keys(self.keys).options(options.build()).build()
    }
}

/// The version that was made, and when; `None` in an empty database.
pub(super) async fn made(documents: &Documents, url: &MongoUrl) -> Result<Option<(i64, String)>, OpenError> {
    let found = documents.find_one(SCHEMA, doc! { "_id": "schema" }).await;
    let other = |cause: String| OpenError::Other { url: url.to_string(), cause };
    let Some(found) = found.map_err(|trouble| other(trouble.to_string()))? else { return Ok(None) };
    let version = Stored::of(SCHEMA, &found).int("version");
    let version = version.map_err(|_| other(format!("{SCHEMA} is not Keyward's collection")))?;
    if version > VERSION {
        return Err(OpenError::Newer { url: url.to_string(), found: version, known: VERSION });
    }
    Ok(Some((version, found.get_str("made_at").unwrap_or_default().to_owned())))
}

/// Makes what is missing: the indexes of a collection at once, and all collections side by side.
pub(super) async fn make(documents: &Documents, url: &MongoUrl, now: Timestamp) -> Result<(), OpenError> {
    let mut of_collections: BTreeMap<&str, Vec<Index>> = BTreeMap::new();
    for index in indexes() {
        of_collections.entry(index.of).or_default().push(index);
    }
    try_join_all(of_collections.into_iter().map(|(of, all)| make_indexes(documents, url, of, all))).await?;
    let line =
        doc! { "$max": { "version": VERSION }, "$setOnInsert": { "made_at": super::document::time(now) } };
    let told =
        |trouble: super::Trouble| OpenError::Other { url: url.to_string(), cause: trouble.to_string() };
    documents.upsert(SCHEMA, doc! { "_id": "schema" }, line).await.map(drop).map_err(told)
}

async fn make_indexes(
    documents: &Documents,
    url: &MongoUrl,
    of: &str,
    all: Vec<Index>,
) -> Result<(), OpenError> {
    let collection = documents.database().collection::<Document>(of);
    let names: Vec<&str> = all.iter().map(|index| index.name).collect();
    let models: Vec<IndexModel> = all.into_iter().map(Index::model).collect();
    // Others may be making them, too.
    if tried(|| collection.create_indexes(models.clone())).await.is_ok() {
        return Ok(());
    }
    // One by one, to say which it is.
    for (name, model) in names.into_iter().zip(models) {
        let making = tried(|| collection.create_index(model.clone()));
        making.await.map_err(|error| match (OpenError::of(url, &error), trouble::code(&error)) {
            (OpenError::Other { url, .. }, Some(trouble::DUPLICATE_KEY)) => {
                let cause = format!("the index {name} of {of}: several documents have the same value there; change or delete all but one");
                OpenError::Other { url, cause }
            }
            (OpenError::Other { url, cause }, _) => {
                OpenError::Other { url, cause: format!("the index {name} of {of}: {cause}") }
            }
            (other, _) => other,
        })?;
    }
    Ok(())
}
