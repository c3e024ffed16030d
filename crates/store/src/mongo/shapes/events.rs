//! An event's document.

use super::users;
use crate::mongo::EVENTS;
use crate::mongo::document::{self, Fields, Stored, time};
use keyward_auth::records::{Actor, Event, EventKind, StoreError};
use keyward_auth::values::{EventId, SessionId, UserId};
use mongodb::bson::{Bson, Document};

const ANONYMOUS: &str = "anonymous";
const OPERATOR: &str = "operator";

pub(in crate::mongo) fn id(event: &Event) -> Bson {
    document::id(event.id.as_bytes())
}

pub(in crate::mongo) fn written(event: &Event) -> Document {
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
pub(in crate::mongo) fn read(document: &Document) -> Result<Option<Event>, StoreError> {
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
