//! The audit log in MongoDB: one document for each event. Those that tell of a change wait beside it, until somebody looks
//! here.

use super::document::{self, Fields, Stored, time};
use super::documents::Documents;
use super::{EVENTS, along, mails, users};
use async_trait::async_trait;
use keyward_auth::records::{self, Actor, Along, Event, EventKind, StoreError};
use keyward_auth::values::{EventId, SessionId, Timestamp, UserId};
use mongodb::bson::{Bson, Document, doc};

const ANONYMOUS: &str = "anonymous";
const OPERATOR: &str = "operator";

fn id(event: &Event) -> Bson {
    document::id(event.id.as_bytes())
}

pub(super) fn written(event: &Event) -> Document {
    let actor: Bson = match event.actor {
        Actor::Anonymous => ANONYMOUS.into(),
        Actor::Operator => OPERATOR.into(),
        Actor::User(user) => users::id(user),
    };
    Fields::default()
        .with("_id", id(event))
        .with("happened_at", time(event.at))
        .with("kind", event.kind.as_str())
        .with("actor", actor)
        .with_some("user_id", event.user.map(users::id))
        .with_some("session_id", event.session.map(|session| document::id(session.as_bytes())))
        .with_some("address", event.address.map(|address| address.to_string()))
        .with_some("agent", event.agent.as_deref())
        .with_some("request_id", event.request_id.as_deref())
        .with_time("intended_at", event.is_intent.then_some(event.at))
        .0
}

/// `None` is an event of a kind that only a newer Keyward knows.
fn read(document: &Document) -> Result<Option<Event>, StoreError> {
    let stored = Stored::of(EVENTS, document);
    let Some(kind) = EventKind::stored(stored.text("kind")?) else { return Ok(None) };
    let actor = match document.get("actor") {
        Some(Bson::String(word)) if word == ANONYMOUS => Actor::Anonymous,
        Some(Bson::String(word)) if word == OPERATOR => Actor::Operator,
        _ => Actor::User(UserId::from_bytes(stored.id("actor")?)),
    };
    Ok(Some(Event {
        id: EventId::from_bytes(stored.id("_id")?),
        at: stored.time("happened_at")?,
        kind,
        actor,
        user: stored.id_or_none("user_id")?.map(UserId::from_bytes),
        session: stored.id_or_none("session_id")?.map(SessionId::from_bytes),
        address: stored.word("address")?,
        agent: stored.text_or_none("agent")?.map(str::to_owned),
        request_id: stored.text_or_none("request_id")?.map(str::to_owned),
        is_intent: stored.time_or_none("intended_at")?.is_some(),
    }))
}

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
                    documents.insert(super::MAILS, mail).await?;
                }
                Ok(())
            })
            .await
    }
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
                mails::settle(&documents, &told, happened).await
            })
            .await
    }

    async fn of_user(&self, user: UserId, limit: usize) -> Result<Vec<Event>, StoreError> {
        along::drain_all(&self.0).await?;
        let latest = doc! { "happened_at": -1, "_id": -1 };
        let events = self.0.find(EVENTS, doc! { "user_id": users::id(user) }, latest, limit).await?;
        let events: Result<Vec<Option<Event>>, StoreError> = events.iter().map(read).collect();
        Ok(events?.into_iter().flatten().collect())
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(EVENTS, doc! { "happened_at": { "$lt": time(before) } }, "happened_at", most).await
    }
}
