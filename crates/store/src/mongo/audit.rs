//! The audit log in MongoDB: one document for each event. Those that tell of a change wait beside it, until somebody looks
//! here.

use super::document::time;
use super::documents::Documents;
use super::shapes::events::{id, read, written};
use super::shapes::{mails, users};
use super::{EVENTS, MAILS, along};
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Event, Mail, MailState, StoreError};
use keyward_auth::values::{Timestamp, UserId};
use mongodb::bson::{Bson, Document, doc};

#[derive(Clone)]
pub(super) struct Audit(pub(super) Documents);

impl Audit {
    async fn keep(&self, events: Vec<Document>, mails: Vec<Document>) -> Result<(), StoreError> {
        let documents = self.0.clone();
        self.0
            .whole(async move {
                for event in events {
                    documents.insert(EVENTS, event).await?;
                }
                // Behind the events: what is not settled for lack of the mails has not begun.
                for mail in mails {
                    documents.insert(MAILS, mail).await?;
                }
                Ok(())
            })
            .await
    }
}

/// What became of the change that caused these mails, unless somebody has begun to send them.
async fn settle(documents: &Documents, told: &[Mail], happened: bool) -> Result<(), StoreError> {
    for mail in told {
        let untouched =
            doc! { "_id": mails::id(mail.id), "state": MailState::Waiting.as_str(), "attempts": 0_i64 };
        if happened {
            documents.update(MAILS, untouched, doc! { "$set": { "due_at": time(mail.created_at) } }).await?;
        } else {
            documents.delete(MAILS, untouched).await?;
        }
    }
    Ok(())
}

#[async_trait]
impl records::Audit for Audit {
    async fn record(&self, events: &[Event]) -> Result<(), StoreError> {
        self.keep(events.iter().map(written).collect(), Vec::new()).await
    }

    async fn intend(&self, along: Along<'_>) -> Result<(), StoreError> {
        let intent = |event: &Event| written(&Event { is_intent: true, ..event.clone() });
        let mails = along.mails.iter().map(mails::written).collect();
        self.keep(along.events.iter().map(intent).collect(), mails).await
    }

    async fn settle(&self, along: Along<'_>, happened: bool) -> Result<(), StoreError> {
        let documents = self.0.clone();
        let events: Vec<Bson> = along.events.iter().map(id).collect();
        let told = along.mails.to_vec();
        self.0
            .whole(async move {
                for event in events {
                    let intent = doc! { "_id": event, "intended_at": { "$exists": true } };
                    if happened {
                        documents.update(EVENTS, intent, doc! { "$unset": { "intended_at": "" } }).await?;
                    } else {
                        documents.delete(EVENTS, intent).await?;
                    }
                }
                settle(&documents, &told, happened).await
            })
            .await
    }

    async fn of_user(&self, user: UserId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let (documents, user) = (self.0.clone(), users::id(user));
        let latest = doc! { "happened_at": -1, "_id": -1 };
        let reading = async move {
            along::drain_of(&documents, &user).await?;
            Ok(documents.find(EVENTS, doc! { "user_id": user }, latest, limit).await?)
        };
        let events = self.0.whole(reading).await?;
        let events: Result<Vec<Option<Event>>, StoreError> = events.iter().map(read).collect();
        Ok(events?.into_iter().flatten().collect())
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(EVENTS, doc! { "happened_at": { "$lt": time(before) } }, "happened_at", most).await
    }
}
