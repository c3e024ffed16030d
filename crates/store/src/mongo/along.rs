//! What goes along with a change, where one write is of one document: it waits in the very document that changes, in
//! `pending`, from the same moment on. Whoever made the change drains it into its own collections; should that fail, or the
//! process die, whoever looks there next does. Drained twice is drained once.
//!
//! Of a user or a session that is deleted a tombstone is left, which has nothing but what waits, until that is drained.

use super::document;
use super::documents::Documents;
use super::shapes::{events, leftovers, mails};
use super::trouble::Trouble;
use super::{CODES, EVENTS, LEFTOVERS, MAILS, SESSIONS, USERS};
use futures_util::future::join_all;
use keyward_auth::records::{Along, StoreError};
use mongodb::bson::{Bson, Document, doc};
use std::time::Duration;
use tokio::time::Instant;

/// Of what only keeps a tombstone among those in which something waits.
const NOWHERE: &str = "nowhere";
/// Of how many documents what waits is drained at a time.
const AT_ONCE: usize = 64;
/// How long whoever looks goes on draining what waits of others; the next goes on with the rest.
const AT_A_TIME: Duration = Duration::from_secs(1);

/// What is there, and no tombstone.
pub(super) fn living(mut filter: Document) -> Document {
    filter.insert("deleted", doc! { "$exists": false });
    filter
}

/// What is there, and has nothing waiting in it.
pub(super) fn settled(filter: Document) -> Document {
    let mut filter = living(filter);
    filter.insert("pending.into", doc! { "$exists": false });
    filter
}

/// What goes along, as it waits in a document.
pub(super) fn items(along: Along<'_>) -> Vec<Document> {
    let item = |into: &str, document: Document| doc! { "into": into, "document": document };
    let told = along.events.iter().map(|event| item(EVENTS, events::written(event)));
    let left = along.leftovers.iter().map(|leftover| item(LEFTOVERS, leftovers::written(leftover)));
    let post = along.mails.iter().map(|mail| item(MAILS, mails::written(mail)));
    told.chain(left).chain(post).collect()
}

/// Makes a tombstone of a document. What waits in it already goes on waiting, but for the mails to somebody who is gone, and
/// these items with it; the last keeps it among what waits until it is gone.
pub(super) fn burial(of: &'static str, items: &[Document]) -> Vec<Document> {
    let mut more = items.to_vec();
    more.push(doc! { "into": NOWHERE });
    let mut before = doc! { "$cond": [{ "$isArray": ["$pending"] }, "$pending", []] };
    if of == USERS {
        before = doc! { "$filter": { "input": before, "cond": { "$ne": ["$$this.into", MAILS] } } };
    }
    let pending = doc! { "$concatArrays": [before, { "$literal": more }] };
    vec![doc! { "$replaceWith": { "_id": "$_id", "deleted": true, "pending": pending } }]
}

/// Refuses a change of which something could not be drained: an event or a mail of the same id is there.
pub(super) async fn check(documents: &Documents, items: &[Document]) -> Result<(), StoreError> {
    let of = |into: &'static str| {
        items.iter().filter(move |item| item.get_str("into").ok() == Some(into)).filter_map(item_id)
    };
    let (events, mails) = (of(EVENTS).collect(), of(MAILS).collect());
    tokio::try_join!(are_free(documents, EVENTS, events), are_free(documents, MAILS, mails)).map(drop)
}

async fn are_free(documents: &Documents, of: &'static str, ids: Vec<Bson>) -> Result<(), StoreError> {
    if ids.is_empty() || documents.find_one(of, doc! { "_id": { "$in": ids } }).await?.is_none() {
        return Ok(());
    }
    Err(StoreError::Backend(format!("{of}: one of this id is there already")))
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

async fn pour(
    documents: &Documents,
    of: &'static str,
    id: &Bson,
    items: Vec<Document>,
) -> Result<(), Trouble> {
    let kept = join_all(items.into_iter().map(|item| async move {
        let own = item_id(&item);
        let is_mail = item.get_str("into").ok() == Some(MAILS);
        (own, is_mail, keep(documents, item).await)
    }))
    .await;
    let done = kept.iter().filter(|(_, _, kept)| kept.is_ok());
    let drained: Vec<Bson> = done.clone().filter_map(|(id, _, _)| id.clone()).collect();
    let pull = doc! { "$pull": { "pending": { "document._id": { "$in": drained } } } };
    let is_there = documents.update(of, living(doc! { "_id": id }), pull).await?;
    if !is_there && of == USERS {
        // Gone meanwhile, and with the user the mails of before: also those that were put only now.
        let mails: Vec<Bson> =
            done.filter(|(_, is_mail, _)| *is_mail).filter_map(|(id, _, _)| id.clone()).collect();
        documents.delete_all(MAILS, doc! { "_id": { "$in": mails } }).await?;
    }
    kept.into_iter().try_for_each(|(_, _, kept)| kept)
}

/// One item, where it belongs.
async fn keep(documents: &Documents, mut item: Document) -> Result<(), Trouble> {
    let (own, into) = (item_id(&item), item.get_str("into").unwrap_or_default().to_owned());
    if into == NOWHERE {
        return Ok(());
    }
    let Some(into) = [EVENTS, MAILS, LEFTOVERS].into_iter().find(|known| *known == into) else {
        // Of a newer Keyward, which knows.
        return Err(Trouble::Failed("what waits beside a change is of an unknown kind".into()));
    };
    // Without its id nothing could be drained once only.
    let Some(Bson::Document(document)) = item.remove("document").filter(|_| own.is_some()) else {
        return Err(Trouble::Failed("what waits beside a change has no document, or none with an id".into()));
    };
    if into == LEFTOVERS {
        return keep_leftover(documents, document).await;
    }
    match documents.insert(into, document).await {
        Err(Trouble::Duplicate) => Ok(()),
        kept => kept,
    }
}

/// Keeps one as it waits, or as it was made: of a name that is there only the time changes.
pub(super) async fn keep_leftover(documents: &Documents, mut leftover: Document) -> Result<(), Trouble> {
    let filter = doc! { "_id": leftover.remove("_id") };
    let due = doc! { "due_at": leftover.remove("due_at") };
    documents.upsert(LEFTOVERS, filter, doc! { "$set": due, "$setOnInsert": leftover }).await.map(drop)
}

/// Drains whatever waits anywhere, which as a rule is nothing; after an outage as much as there is time for.
pub(super) async fn drain_all(documents: &Documents) -> Result<(), StoreError> {
    drain_waiting(documents, doc! {}).await
}

/// Drains what waits of one user.
pub(super) async fn drain_of(documents: &Documents, user: &Bson) -> Result<(), StoreError> {
    drain_waiting(documents, doc! { "pending.document.user_id": user }).await
}

async fn drain_waiting(documents: &Documents, filter: Document) -> Result<(), StoreError> {
    let until = Some(Instant::now() + AT_A_TIME);
    tokio::try_join!(
        drain_some(documents, USERS, filter.clone(), until),
        drain_some(documents, SESSIONS, filter, until)
    )
    .map(drop)
}

/// Drains what waits in those that meet the filter. One that cannot be drained holds up no other.
async fn drain_some(
    documents: &Documents,
    of: &'static str,
    filter: Document,
    until: Option<Instant>,
) -> Result<(), StoreError> {
    let waits = doc! { "pending.into": { "$exists": true } };
    let mut page = vec![filter, waits];
    loop {
        let waiting = documents.find(of, doc! { "$and": page.clone() }, doc! { "_id": 1 }, AT_ONCE).await?;
        for document in &waiting {
            if until.is_some_and(|until| until < Instant::now()) {
                return Ok(());
            }
            // In a box, since as a rule there is nothing to finish.
            if let Err(error) = Box::pin(finish(documents, of, document)).await {
                let id = document.get("_id").map(document::shown).unwrap_or_default();
                tracing::error!(%error, of, id, "events and mails of a change cannot be drained");
            }
        }
        match waiting.last().and_then(|last| last.get("_id")) {
            Some(last) if waiting.len() == AT_ONCE => {
                page.truncate(2);
                page.push(doc! { "_id": { "$gt": last } });
            }
            _ => return Ok(()),
        }
    }
}

/// Deletes what meets the filter, and loses nothing that waits there.
pub(super) async fn delete_all(
    documents: &Documents,
    of: &'static str,
    filter: Document,
) -> Result<(), StoreError> {
    drain_some(documents, of, filter.clone(), None).await?;
    Ok(documents.delete_all(of, settled(filter)).await.map(drop)?)
}

/// Drains a document as it was read; a tombstone is gone then.
pub(super) async fn finish(
    documents: &Documents,
    of: &'static str,
    document: &Document,
) -> Result<(), StoreError> {
    let (Some(id), Ok(items)) = (document.get("_id"), document.get_array("pending")) else { return Ok(()) };
    let items: Vec<Document> = items.iter().filter_map(Bson::as_document).cloned().collect();
    if document.get("deleted").is_none() {
        return Ok(pour(documents, of, id, items).await?);
    }
    if of == USERS {
        forget(documents, id, &items).await?;
    }
    let kept = join_all(items.into_iter().map(|item| keep(documents, item))).await;
    kept.into_iter().collect::<Result<(), _>>()?;
    Ok(documents.delete(of, doc! { "_id": id, "deleted": true }).await.map(drop)?)
}

/// What hung on a user: sessions, codes, and the mails of before.
async fn forget(documents: &Documents, user: &Bson, items: &[Document]) -> Result<(), StoreError> {
    delete_all(documents, SESSIONS, doc! { "user_id": user }).await?;
    documents.delete_all(CODES, doc! { "user_id": user }).await?;
    documents.delete_all(MAILS, doc! { "user_id": user, "_id": { "$nin": ids(items) } }).await?;
    Ok(())
}

/// Of what waits.
fn ids(items: &[Document]) -> Vec<Bson> {
    items.iter().filter_map(item_id).collect()
}

fn item_id(item: &Document) -> Option<Bson> {
    item.get_document("document").ok()?.get("_id").cloned()
}

/// The document, unless it is a tombstone.
pub(super) fn alive(document: Option<Document>) -> Option<Document> {
    document.filter(|document| document.get("deleted").is_none())
}
