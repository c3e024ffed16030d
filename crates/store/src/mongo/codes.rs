//! One-time codes in MongoDB: one document for each place and user, and every rule of theirs a condition of the one write.

use super::CODES;
use super::document::{self, Fields, Stored, gone_at, time};
use super::documents::Documents;
use super::shapes::users;
use crate::hex;
use async_trait::async_trait;
use futures_util::future::join_all;
use keyward_auth::records::{self, Code, CodePlace, Purpose, StoreError};
use keyward_auth::values::{Email, MailId, Timestamp, UserId};
use mongodb::bson::{Document, doc};

/// The place, and whose it is.
fn key(place: CodePlace, user: Option<UserId>) -> String {
    let user = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
    format!("{} {user}", hex::written(place.0))
}

fn written(code: &Code) -> Document {
    Fields::default()
        .with("_id", key(code.place, code.user))
        .with("place", hex::written(code.place.0))
        .with_some("user_id", code.user.map(users::id))
        .with("code", document::id(code.id.as_bytes()))
        .with("asked_at", time(code.asked_at))
        .with("purpose", code.purpose.as_str())
        .with_some("email", code.email.as_ref().map(|email| email.as_str()))
        .with("epoch", code.epoch)
        .with("tries", i64::from(code.tries))
        .with_time("digits_until", code.digits_until)
        .with("expires_at", time(code.expires_at))
        .with("gone_at", gone_at(code.expires_at))
        .0
}

fn read(document: &Document) -> Result<Code, StoreError> {
    let stored = Stored::of(CODES, document);
    Ok(Code {
        id: MailId::from_bytes(stored.id("code")?),
        place: stored.known("place", |text| hex::read(text).map(CodePlace))?,
        user: stored.id_or_none("user_id")?.map(UserId::from_bytes),
        asked_at: stored.time("asked_at")?,
        purpose: stored.known("purpose", Purpose::stored)?,
        email: stored.text_or_none("email")?.map(|text| Email::stored(text.to_owned())),
        epoch: stored.int("epoch")?,
        tries: stored.count("tries")?,
        digits_until: stored.time_or_none("digits_until")?,
        expires_at: stored.time("expires_at")?,
    })
}

#[derive(Clone)]
pub(super) struct Codes(pub(super) Documents);

/// Puts a code in the place of another; this very code keeps its tries.
fn update(code: &Code) -> Vec<Document> {
    let own = document::id(code.id.as_bytes());
    let tries = doc! { "$cond": [{ "$eq": ["$code", own] }, "$tries", i64::from(code.tries)] };
    let whole = doc! { "$mergeObjects": [{ "$literal": written(code) }, { "tries": tries }] };
    vec![doc! { "$replaceWith": whole }]
}

impl Codes {
    async fn keep(&self, code: Code) -> Result<bool, StoreError> {
        let not_newer =
            doc! { "_id": key(code.place, code.user), "asked_at": { "$lte": time(code.asked_at) } };
        Ok(self.0.upsert(CODES, not_newer, update(&code)).await?)
    }

    async fn tried(&self, place: CodePlace, most: u32, now: Timestamp) -> Result<Vec<Code>, StoreError> {
        let good = |mut filter: Document| {
            filter.insert("tries", doc! { "$lt": i64::from(most) });
            filter.insert("digits_until", doc! { "$gt": time(now) });
            filter
        };
        let here = good(doc! { "place": hex::written(place.0) });
        let ids = self.0.ids(CODES, here, doc! { "_id": 1 }, 0, usize::MAX).await?;
        let each = ids
            .into_iter()
            .map(|id| self.0.modify(CODES, good(doc! { "_id": id }), doc! { "$inc": { "tries": 1_i64 } }));
        // To the end, each: what is dropped half-way costs its connection.
        let tried: Result<Vec<_>, _> = join_all(each).await.into_iter().collect();
        tried?.iter().flatten().map(read).collect()
    }
}

#[async_trait]
impl records::Codes for Codes {
    async fn issue(&self, code: &Code) -> Result<bool, StoreError> {
        let (codes, code) = (self.clone(), code.clone());
        self.0.whole(async move { codes.keep(code).await }).await
    }

    async fn try_at(&self, place: CodePlace, most: u32, now: Timestamp) -> Result<Vec<Code>, StoreError> {
        let codes = self.clone();
        self.0.whole(async move { codes.tried(place, most, now).await }).await
    }

    async fn at(&self, place: CodePlace) -> Result<Vec<Code>, StoreError> {
        let here = doc! { "place": hex::written(place.0) };
        self.0.find(CODES, here, doc! { "_id": 1 }, usize::MAX).await?.iter().map(read).collect()
    }

    async fn read(&self, place: CodePlace, user: UserId) -> Result<Option<Code>, StoreError> {
        let found = self.0.find_one(CODES, doc! { "_id": key(place, Some(user)) }).await?;
        found.as_ref().map(read).transpose()
    }

    async fn consume(&self, code: &Code, now: Timestamp) -> Result<bool, StoreError> {
        let this = doc! {
            "_id": key(code.place, code.user),
            "code": document::id(code.id.as_bytes()),
            "expires_at": { "$gt": time(now) },
        };
        let documents = self.0.clone();
        self.0.whole(async move { Ok(documents.delete(CODES, this).await?) }).await
    }

    async fn forget(&self, places: &[CodePlace], user: UserId) -> Result<(), StoreError> {
        let keys: Vec<String> = places.iter().map(|place| key(*place, Some(user))).collect();
        let documents = self.0.clone();
        self.0
            .whole(async move {
                Ok(documents.delete_all(CODES, doc! { "_id": { "$in": keys } }).await.map(drop)?)
            })
            .await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(CODES, doc! { "expires_at": { "$lte": time(now) } }, "expires_at", most).await
    }
}
