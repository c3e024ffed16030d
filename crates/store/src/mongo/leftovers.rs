//! Leftovers in MongoDB: one document for each name. A change of a user has its own wait beside it.

use super::document::time;
use super::documents::Documents;
use super::shapes::leftovers::{read, written};
use super::{LEFTOVERS, along};
use async_trait::async_trait;
use futures_util::future::join_all;
use keyward_auth::records::{self, Leftover, StoreError};
use keyward_auth::values::Timestamp;
use mongodb::bson::doc;

#[derive(Clone)]
pub(super) struct Leftovers(pub(super) Documents);

impl Leftovers {
    async fn claimed(&self, now: String, until: String, most: usize) -> Result<Vec<Leftover>, StoreError> {
        let due = || doc! { "due_at": { "$lte": &now } };
        let ids = self.0.ids(LEFTOVERS, due(), doc! { "due_at": 1, "_id": 1 }, 0, most).await?;
        let each = ids.into_iter().map(|id| {
            let mut filter = due();
            filter.insert("_id", id);
            self.0.modify(LEFTOVERS, filter, doc! { "$set": { "due_at": &until } })
        });
        let (mut claimed, mut trouble) = (Vec::new(), None);
        for leftover in join_all(each).await {
            match leftover {
                Err(error) => trouble = Some(error),
                Ok(None) => {}
                Ok(Some(leftover)) => match read(&leftover) {
                    Ok(leftover) => claimed.push(leftover),
                    // It holds up no other.
                    Err(error) => tracing::error!(%error, "a leftover cannot be taken away"),
                },
            }
        }
        // What is claimed is taken down, whatever became of the others.
        match trouble {
            Some(trouble) if claimed.is_empty() => Err(trouble.into()),
            _ => Ok(claimed),
        }
    }
}

#[async_trait]
impl records::Leftovers for Leftovers {
    async fn put(&self, leftover: &Leftover) -> Result<(), StoreError> {
        let (documents, leftover) = (self.0.clone(), written(leftover));
        self.0.whole(async move { Ok(along::keep_leftover(&documents, leftover).await?) }).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Leftover>, StoreError> {
        let leftovers = self.clone();
        let claiming = async move {
            along::drain_all(&leftovers.0).await?;
            leftovers.claimed(time(now), time(until), most).await
        };
        self.0.whole(claiming).await
    }

    async fn remove(&self, leftover: &Leftover) -> Result<bool, StoreError> {
        let filter = doc! { "_id": leftover.picture.to_string(), "due_at": time(leftover.due_at) };
        let documents = self.0.clone();
        self.0.whole(async move { Ok(documents.delete(LEFTOVERS, filter).await?) }).await
    }
}
