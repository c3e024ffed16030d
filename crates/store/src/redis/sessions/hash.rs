//! A session as a hash: its fields, as text that an operator can read, and back.

use keyward_auth::records::{Session, StoreError};
use keyward_auth::values::{SessionId, Timestamp};
use redis::Value;
use std::str::{self, FromStr};

/// Of a hash, in the order in which [`read`] takes them. Times are microseconds since 1970.
pub(super) const FIELDS: [&str; 10] = [
    "user",
    "epoch",
    "generation",
    "rotated_at",
    "created_at",
    "last_used_at",
    "idle_at",
    "ends_at",
    "address",
    "agent",
];

/// What a new session's hash is made of; what a session lacks has no field.
pub(super) fn fields(session: &Session) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("user", session.user.to_string()),
        ("epoch", session.epoch.to_string()),
        ("generation", session.generation.to_string()),
        ("rotated_at", session.rotated_at.as_micros().to_string()),
        ("created_at", session.created_at.as_micros().to_string()),
        ("last_used_at", session.last_used_at.as_micros().to_string()),
        ("idle_at", session.idle_at.as_micros().to_string()),
        ("ends_at", session.ends_at.as_micros().to_string()),
    ];
    fields.extend(session.address.map(|address| ("address", address.to_string())));
    fields.extend(session.agent.clone().map(|agent| ("agent", agent)));
    fields
}

/// A session from the values of its fields: `None` if there is no such hash.
pub(super) fn read(id: SessionId, kept: Value) -> Result<Option<Session>, StoreError> {
    let Value::Array(values) = kept else { return Err(unreadable(id, "hash")) };
    let [user, epoch, generation, rotated_at, created_at, last_used_at, idle_at, ends_at, address, agent] =
        &values[..]
    else {
        return Err(unreadable(id, "hash"));
    };
    if *user == Value::Nil {
        return Ok(None);
    }
    let time = |value, field| word(id, field, value).map(Timestamp::from_micros);
    Ok(Some(Session {
        id,
        user: word(id, "user", user)?,
        epoch: word(id, "epoch", epoch)?,
        generation: word(id, "generation", generation)?,
        rotated_at: time(rotated_at, "rotated_at")?,
        created_at: time(created_at, "created_at")?,
        last_used_at: time(last_used_at, "last_used_at")?,
        idle_at: time(idle_at, "idle_at")?,
        ends_at: time(ends_at, "ends_at")?,
        address: (*address != Value::Nil).then(|| word(id, "address", address)).transpose()?,
        agent: (*agent != Value::Nil).then(|| word(id, "agent", agent)).transpose()?,
    }))
}

fn word<T: FromStr>(id: SessionId, field: &str, value: &Value) -> Result<T, StoreError> {
    let Value::BulkString(bytes) = value else { return Err(unreadable(id, field)) };
    let text = str::from_utf8(bytes).map_err(|_| unreadable(id, field))?;
    text.parse().map_err(|_| unreadable(id, field))
}

/// Names the place, never the value.
fn unreadable(id: SessionId, field: &str) -> StoreError {
    StoreError::Backend(format!("session {id} in Redis: {field} cannot be read"))
}
