//! Signing keys in MongoDB: sealed bytes that are only added and removed. Opens none.

use super::KEYS;
use super::document::{Fields, Stored, time};
use super::documents::Documents;
use super::trouble::Trouble;
use async_trait::async_trait;
use keyward_auth::records::{self, StoreError, StoredKey, Unique};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};

fn written(key: &StoredKey) -> Document {
    Fields::default()
        .with("_id", key.id.as_str())
        .with("algorithm", key.algorithm.as_str())
        .with("sequence", key.sequence)
        .with("sealed", Binary { subtype: BinarySubtype::Generic, bytes: key.sealed.clone() })
        .with("created_at", time(key.created_at))
        .with("signs_from", time(key.signs_from))
        .0
}

fn read(document: &Document) -> Result<StoredKey, StoreError> {
    let stored = Stored::of(KEYS, document);
    Ok(StoredKey {
        id: stored.text("_id")?.to_owned(),
        algorithm: stored.text("algorithm")?.to_owned(),
        sequence: stored.int("sequence")?,
        sealed: stored.bytes("sealed")?.to_owned(),
        created_at: stored.time("created_at")?,
        signs_from: stored.time("signs_from")?,
    })
}

pub(super) struct Keys(pub(super) Documents);

#[async_trait]
impl records::Keys for Keys {
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        let order = doc! { "algorithm": 1, "sequence": 1 };
        self.0.find(KEYS, doc! {}, order, usize::MAX).await?.iter().map(read).collect()
    }

    async fn insert(&self, key: &StoredKey) -> Result<(), StoreError> {
        let (documents, key) = (self.0.clone(), written(key));
        self.0
            .whole(async move {
                documents.insert(KEYS, key).await.map_err(|trouble| match trouble {
                    Trouble::Duplicate => StoreError::Taken(Unique::Key),
                    other => other.into(),
                })
            })
            .await
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        let (documents, filter) = (self.0.clone(), doc! { "_id": id });
        self.0.whole(async move { Ok(documents.delete(KEYS, filter).await.map(drop)?) }).await
    }
}
