//! A mail's document.

use super::users;
use crate::mongo::MAILS;
use crate::mongo::document::{self, Fields, Stored, time};
use keyward_auth::records::{Mail, MailState, StoreError, Topic};
use keyward_auth::values::{AcceptLanguage, Email, MailId, UserId};
use mongodb::bson::{Bson, Document};

pub(in crate::mongo) fn id(mail: MailId) -> Bson {
    document::id(mail.as_bytes())
}

pub(in crate::mongo) fn written(mail: &Mail) -> Document {
    Fields::default()
        .with("_id", id(mail.id))
        .with("topic", mail.topic.as_str())
        .with("email", mail.to.as_str())
        .with("email_key", mail.to.key())
        .with_some("user_id", mail.user.map(users::id))
        .with_some("languages", mail.languages.as_ref().map(|languages| languages.as_str()))
        .with_some("asked_from", mail.asked_from.map(|address| address.to_string()))
        .with("created_at", time(mail.created_at))
        .with("state", mail.state.as_str())
        .with("due_at", time(mail.due_at))
        .with("attempts", i64::from(mail.attempts))
        .with_some("reason", mail.reason.as_deref())
        .0
}

/// `None` is a mail about what only a newer Keyward knows.
pub(in crate::mongo) fn read(document: &Document) -> Result<Option<Mail>, StoreError> {
    let stored = Stored::of(MAILS, document);
    let Some(topic) = Topic::stored(stored.text("topic")?) else { return Ok(None) };
    Ok(Some(Mail {
        id: MailId::from_bytes(stored.id("_id")?),
        topic,
        to: Email::stored(stored.text("email")?.to_owned()),
        user: stored.id_or_none("user_id")?.map(UserId::from_bytes),
        languages: stored.text_or_none("languages")?.map(|text| AcceptLanguage::stored(text.to_owned())),
        asked_from: stored.word("asked_from")?,
        created_at: stored.time("created_at")?,
        state: stored.known("state", MailState::stored)?,
        due_at: stored.time("due_at")?,
        attempts: stored.count("attempts")?,
        reason: stored.text_or_none("reason")?.map(str::to_owned),
    }))
}
