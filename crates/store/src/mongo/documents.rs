//! The facade that all records speak to: one operation on one collection each, within the limit of time, tried again where a
//! race was lost and never where it may have been done.

use super::trouble::{self, Trouble};
use keyward_auth::records::StoreError;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use mongodb::options::{FindOptions, ReadConcern, ReturnDocument, UpdateModifications};
use mongodb::{Collection, Database};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

/// How often something that lost a race is tried: for some seconds, if the limit of time allows.
const TRIES: u32 = 12;
/// Between the first two tries, at most; twice as long each time, up to the longest.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Documents(Arc<Place>);

struct Place {
    database: Database,
    limit: Duration,
}

impl Documents {
    pub(super) fn new(database: Database, limit: Duration) -> Self {
        Self(Arc::new(Place { database, limit }))
    }

    pub(super) fn database(&self) -> &Database {
        &self.0.database
    }

    fn of(&self, name: &str) -> Collection<Document> {
        self.0.database.collection(name)
    }

    /// An intention of several operations: goes on when its caller does not wait any more.
    pub(super) async fn whole<T: Send + 'static>(
        &self,
        intention: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match timeout(self.0.limit, tokio::spawn(intention.in_current_span())).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(StoreError::Backend("mongodb: an intention was broken off".into())),
            Err(_) => Err(late().into()),
        }
    }

    async fn ask<T, F>(&self, act: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: IntoFuture<Output = Result<T, Error>>,
    {
        match timeout(self.0.limit, tried(act)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(late()),
        }
    }

    pub(super) async fn find_one(
        &self,
        of: &'static str,
        filter: Document,
    ) -> Result<Option<Document>, Trouble> {
        let documents = self.clone();
        apart(async move {
            let collection = documents.of(of);
            documents.ask(|| collection.find_one(filter.clone())).await
        })
        .await
    }

    /// Whether a write meets one: also what a writer before has written and most servers do not have yet.
    pub(super) async fn is_there(&self, of: &'static str, filter: Document) -> Result<bool, Trouble> {
        let documents = self.clone();
        apart(async move {
            let collection = documents.of(of);
            let find = || collection.find_one(filter.clone()).read_concern(ReadConcern::local());
            Ok(documents.ask(find).await?.is_some())
        })
        .await
    }

    /// Up to `most`, all of them at once.
    pub(super) async fn find(
        &self,
        of: &'static str,
        filter: Document,
        sort: Document,
        most: usize,
    ) -> Result<Vec<Document>, Trouble> {
        // To the driver a limit of nothing is none.
        if most == 0 {
            return Ok(Vec::new());
        }
        self.listed(of, filter, FindOptions::builder().sort(sort).limit(limit(most)).build()).await
    }

    /// The ids alone, without the first `skipped`.
    pub(super) async fn ids(
        &self,
        of: &'static str,
        filter: Document,
        sort: Document,
        skipped: usize,
        most: usize,
    ) -> Result<Vec<Bson>, Trouble> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let options = FindOptions::builder()
            .sort(sort)
            .skip(u64::try_from(skipped).unwrap_or(u64::MAX))
            .limit(limit(most))
            .projection(doc! { "_id": 1 });
        let found = self.listed(of, filter, options.build()).await?;
        Ok(found.into_iter().filter_map(|mut document| document.remove("_id")).collect())
    }

    async fn listed(
        &self,
        of: &'static str,
        filter: Document,
        options: FindOptions,
    ) -> Result<Vec<Document>, Trouble> {
        let documents = self.clone();
        apart(async move {
            let collection = documents.of(of);
            documents
                .ask(|| {
                    let asked = collection.find(filter.clone()).with_options(options.clone());
                    async move {
                        let (mut cursor, mut found) = (asked.await?, Vec::new());
                        while cursor.advance().await? {
                            found.push(cursor.deserialize_current()?);
                        }
                        Ok(found)
                    }
                })
                .await
        })
        .await
    }

    pub(super) async fn insert(&self, into: &'static str, document: Document) -> Result<(), Trouble> {
        let collection = self.of(into);
        self.ask(|| collection.insert_one(document.clone())).await.map(drop)
    }

    /// Does a write until it has met a document, or there is none to meet: some servers look past one that another write is just
    /// changing, and then nothing was done. MongoDB itself is not among them, DocumentDB is.
    async fn met<T, F>(
        &self,
        of: &'static str,
        filter: &Document,
        act: impl Fn() -> F,
        has_met: impl Fn(&T) -> bool,
    ) -> Result<T, Trouble>
    where
        F: IntoFuture<Output = Result<T, Error>>,
    {
        for number in 1..TRIES {
            let done = self.ask(&act).await?;
            if has_met(&done) || !self.is_there(of, filter.clone()).await? {
                return Ok(done);
            }
            pause(number).await;
        }
        self.ask(&act).await
    }

    /// Whether a document was met.
    pub(super) async fn update(
        &self,
        of: &'static str,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<bool, Trouble> {
        let (collection, update) = (self.of(of), update.into());
        let act = || collection.update_one(filter.clone(), update.clone());
        Ok(self.met(of, &filter, act, |done| done.matched_count > 0).await?.matched_count > 0)
    }

    /// The same, and where none is met a document is inserted: `false` if one of this `_id` is there that the filter does not
    /// meet.
    pub(super) async fn upsert(
        &self,
        of: &'static str,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<bool, Trouble> {
        let (collection, update) = (self.of(of), update.into());
        for number in 1..=TRIES {
            let act = || collection.update_one(filter.clone(), update.clone()).upsert(true);
            match self.ask(act).await {
                Ok(_) => return Ok(true),
                Err(Trouble::Duplicate) if !self.is_there(of, filter.clone()).await? => return Ok(false),
                // Lost the race to be the first, and meets the other's now.
                Err(Trouble::Duplicate) => pause(number).await,
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble::Conflict)
    }

    /// The document as it is then, if one was met.
    pub(super) async fn modify(
        &self,
        of: &'static str,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<Option<Document>, Trouble> {
        let (collection, update) = (self.of(of), update.into());
        let act = || {
            let update = collection.find_one_and_update(filter.clone(), update.clone());
            update.return_document(ReturnDocument::After)
        };
        self.met(of, &filter, act, Option::is_some).await
    }

    /// Whether there was one.
    pub(super) async fn delete(&self, of: &'static str, filter: Document) -> Result<bool, Trouble> {
        let collection = self.of(of);
        let act = || collection.delete_one(filter.clone());
        Ok(self.met(of, &filter, act, |done| done.deleted_count > 0).await?.deleted_count > 0)
    }

    pub(super) async fn delete_all(&self, of: &'static str, filter: Document) -> Result<usize, Trouble> {
        let collection = self.of(of);
        let done = self.ask(|| collection.delete_many(filter.clone())).await?;
        Ok(usize::try_from(done.deleted_count).unwrap_or(usize::MAX))
    }

    /// Deletes up to `most` of what meets the filter, by the order of that field. Each is looked at again as it goes: one that
    /// was changed meanwhile stays.
    pub(super) async fn sweep(
        &self,
        of: &'static str,
        filter: Document,
        by: &str,
        most: usize,
    ) -> Result<usize, StoreError> {
        let ids = self.ids(of, filter.clone(), doc! { by: 1 }, 0, most).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut again = filter;
        again.insert("_id", doc! { "$in": ids });
        Ok(self.delete_all(of, again).await?)
    }
}

/// Does something until it has not lost a race, and not for ever.
pub(super) async fn tried<T, F>(act: impl Fn() -> F) -> Result<T, Error>
where
    F: IntoFuture<Output = Result<T, Error>>,
{
    for number in 1..TRIES {
        match act().await {
            Err(error) if trouble::has_lost(&error) => pause(number).await,
            done => return done,
        }
    }
    act().await
}

/// After the try of this number, from one on. Those who met seldom wait equally long, or they would meet again.
pub(super) async fn pause(number: u32) {
    let longest = PAUSE.saturating_mul(1_u32.checked_shl(number - 1).unwrap_or(u32::MAX)).min(LONGEST);
    // The last byte of such an id counts, from anywhere in each process; times an odd number, neighbours are far apart.
    let [.., count] = ObjectId::new().bytes();
    sleep(longest.mul_f64(f64::from(count.wrapping_mul(167)) / 256.0)).await;
}

/// In a task of its own: what is dropped half-way costs its connection, and whoever hangs up would have one be made anew.
async fn apart<T: Send + 'static>(
    reading: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::spawn(reading.in_current_span()).await {
        Ok(read) => read,
        Err(_) => Err(Trouble::Failed("a read was broken off".into())),
    }
}

/// None for as many as there are: a cluster adds what is skipped to the limit, and it must not overflow.
fn limit(most: usize) -> Option<i64> {
    i64::try_from(most).ok().filter(|_| most < usize::MAX)
}

fn late() -> Trouble {
    Trouble::Failed("no answer in time".into())
}
