//! Leases in MongoDB: one document each, taken by one conditional upsert.

use super::LEASES;
use super::document::time;
use super::documents::Documents;
use super::trouble::Trouble;
use async_trait::async_trait;
use keyward_auth::records::{self, StoreError};
use keyward_auth::values::Timestamp;
use mongodb::bson::doc;

/// Writes a document of nobody's: whether the store can be written at all.
pub(super) async fn touch(documents: &Documents) -> Result<(), Trouble> {
    documents
        .upsert(LEASES, doc! { "_id": "readiness" }, doc! { "$inc": { "touched": 1_i64 } })
        .await
        .map(drop)
}

pub(super) struct Leases(pub(super) Documents);

#[async_trait]
impl records::Leases for Leases {
    async fn take(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let free = doc! { "_id": name, "$or": [{ "holder": holder }, { "until": { "$lte": time(now) } }] };
        let taken = doc! { "$set": { "holder": holder, "until": time(until) } };
        let documents = self.0.clone();
        self.0.whole(async move { Ok(documents.upsert(LEASES, free, taken).await?) }).await
    }

    async fn give_back(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let (documents, own) = (self.0.clone(), doc! { "_id": name, "holder": holder });
        self.0.whole(async move { Ok(documents.delete(LEASES, own).await.map(drop)?) }).await
    }
}
