//! What goes along with a change, where one write is of one document: it waits in the very document that changes, in
//! `pending`, from the same moment on. Whoever made the change drains it into its own collections; should that fail, or the
//! process die, whoever looks there next does. Drained twice is drained once.
//!
//! Of a user or a session that is deleted a tombstone is left, which has nothing but what waits, until that is drained.

use super::document::Stored;
use super::documents::Documents;
use super::trouble::Trouble;
use super::{CODES, EVENTS, LEFTOVERS, MAILS, SESSIONS, USERS, audit, leftovers, mails};
use futures_util::future::try_join_all;
use keyward_auth::records::{Along, StoreError};
use mongodb::bson::{Bson, Document, doc};

/// Of how many documents what waits is drained at a time.
const AT_ONCE: usize = 64;

/// What is there, and no tombstone.
pub(super) fn living(mut filter: Document) -> Document {
    filter.insert("deleted", doc! { "$exists": false });
    filter
}

/// What goes along, as it waits in a document.
pub(super) fn items(along: Along<'_>) -> Vec<Document> {
    let item = |into: &str, document: Document| doc! { "into": into, "document": document };
    let events = along.events.iter().map(|event| item(EVENTS, audit::document(event)));
    let leftovers = along.leftovers.iter().map(|leftover| item(LEFTOVERS, leftovers::document(leftover)));
    let mails = along.mails.iter().map(|mail| item(MAILS, mails::document(mail)));
    events.chain(leftovers).chain(mails).collect()
}

/// What takes the place of a document that is deleted. The last item keeps it among what waits until it is buried.
pub(super) fn tombstone(id: &Bson, items: &[Document]) -> Document {
    let mut pending = items.to_vec();
    pending.push(doc! { "into": "nowhere" });
    doc! { "_id": id, "deleted": true, "pending": pending }
}

/// Refuses a change whose mails could not be drained: one of the same id is there.
pub(super) async fn check(documents: &Documents, along: Along<'_>) -> Result<(), StoreError> {
    if along.mails.is_empty() {
        return Ok(());
    }
    let ids: Vec<Bson> = along.mails.iter().map(|mail| super::document::id(mail.id.as_bytes())).collect();
    match documents.find_one(MAILS, doc! { "_id": { "$in": ids } }).await? {
        None => Ok(()),
        Some(_) => Err(StoreError::Backend(format!("{MAILS}: a mail of this id is there already"))),
    }
}

/// Drains these items of a document that has just been written. What fails waits on: the change is done.
pub(super) async fn drain(documents: &Documents, of: &'static str, id: &Bson, items: Vec<Document>) {
    if items.is_empty() {
        return;
    }
    if let Err(error) = pour(documents, of, id, items).await {
        tracing::warn!(%error, "events and mails of a change wait beside it");
    }
}

async fn pour(documents: &Documents, of: &str, id: &Bson, items: Vec<Document>) -> Result<(), Trouble> {
    let ids: Vec<Bson> = items.iter().filter_map(|item| item.get_document("document").ok()?.get("_id")).cloned().collect();
    try_join_all(items.into_iter().map(|item| keep(documents, item))).await?;
    let drained = doc! { "$pull": { "pending": { "document._id": { "$in": ids } } } };
    documents.update(of, doc! { "_id": id }, drained).await.map(drop)
}

/// One item, where it belongs.
async fn keep(documents: &Documents, mut item: Document) -> Result<(), Trouble> {
    let (Ok(into), Some(Bson::Document(document))) = (item.get_str("into").map(str::to_owned), item.remove("document")) else {
        tracing::error!("what waits beside a change cannot be read, and is left out");
        return Ok(());
    };
    if into == LEFTOVERS {
        return leftovers::keep(documents, document).await;
    }
    match documents.insert(&into, document).await {
        Err(Trouble::Duplicate) => Ok(()),
        kept => kept,
    }
}

/// Drains whatever waits anywhere. As a rule that is nothing.
pub(super) async fn drain_all(documents: &Documents) -> Result<(), StoreError> {
    for of in [USERS, SESSIONS] {
        loop {
            let filter = doc! { "pending.into": { "$exists": true } };
            let waiting = documents.find(of, filter, doc! { "_id": 1 }, AT_ONCE).await?;
            for document in &waiting {
                finish(documents, of, document).await?;
            }
            if waiting.len() < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// Drains a document as it was read, and buries it if it is a tombstone.
pub(super) async fn finish(documents: &Documents, of: &'static str, document: &Document) -> Result<(), StoreError> {
    let Some(id) = document.get("_id") else { return Ok(()) };
    let items: Vec<Document> = match document.get("pending") {
        Some(Bson::Array(items)) => {
            items.iter().filter_map(Bson::as_document).filter(|item| item.get("document").is_some()).cloned().collect()
        }
        _ => Vec::new(),
    };
    let is_deleted = document.get("deleted").is_some();
    if is_deleted && of == USERS {
        forget(documents, id, &items).await?;
    }
    pour(documents, of, id, items).await?;
    if is_deleted {
        documents.delete(of, doc! { "_id": id, "deleted": true }).await?;
    }
    Ok(())
}

/// What hung on a user: sessions, codes, and the mails of before.
async fn forget(documents: &Documents, user: &Bson, items: &[Document]) -> Result<(), StoreError> {
    let told: Vec<Bson> = items.iter().filter_map(|item| item.get_document("document").ok()?.get("_id")).cloned().collect();
    documents.delete_all(SESSIONS, living(doc! { "user_id": user })).await?;
    documents.delete_all(CODES, doc! { "user_id": user }).await?;
    documents.delete_all(MAILS, doc! { "user_id": user, "_id": { "$nin": told } }).await?;
    Ok(())
}

/// The document, unless it is a tombstone.
pub(super) fn alive(document: Option<Document>) -> Option<Document> {
    document.filter(|document| document.get("deleted").is_none())
}

/// The fields of a document that tell of it where something in it cannot be read.
pub(super) fn stored<'d>(of: &'static str, document: &'d Document) -> Stored<'d> {
    Stored { of, document }
}
