//! A database of a test's own on the server of KEYWARD_TEST_MONGODB_URL, gone with the test; and the same one through a
//! connection that can be tampered with.

use crate::wire::Wire;
use keyward_auth::records::{Store, StoreError};
use keyward_auth::values::Timestamp;
use keyward_store::mongo::{Mongo, MongoSettings, MongoUrl, OpenError};
use mongodb::bson::Document;
use mongodb::{Client, Collection, Database};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// What comes soon comes before a test gives up on it: a machine that runs other tests may stand still for seconds.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long a store waits that is to give up.
pub(crate) const BRIEF: Duration = Duration::from_secs(2);

static NUMBER: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Place {
    scheme: String,
    login: String,
    pub(crate) server: String,
    pub(crate) name: String,
    query: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let url = std::env::var("KEYWARD_TEST_MONGODB_URL").unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, server) = authority.rsplit_once('@').unwrap_or(("", authority));
        let query = rest.split_once('?').map_or("authSource=admin", |(_, query)| query);
        let (born, number) =
            (UNIX_EPOCH.elapsed().unwrap().as_nanos(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Self {
            scheme: scheme.into(),
            login: login.into(),
            server: server.into(),
            name: format!("mongo_{}_{born}_{number}", std::process::id()),
            query: query.into(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url_at(&self.server)
    }

    /// Of the same database by another way.
    pub(crate) fn url_at(&self, server: &str) -> String {
        let sign = if self.login.is_empty() { "" } else { "@" };
        format!("{}://{}{sign}{server}/{}?{}", self.scheme, self.login, self.name, self.query)
    }

    /// The database as it is, past Keyward.
    pub(crate) async fn database(&self) -> Database {
        Client::with_uri_str(self.url()).await.unwrap().database(&self.name)
    }

    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        self.database().await.collection(name)
    }

    /// All documents of a collection, by their ids.
    pub(crate) async fn all(&self, name: &str) -> Vec<Document> {
        let collection = self.collection(name).await;
        let mut cursor =
            collection.find(Document::new()).sort(mongodb::bson::doc! { "_id": 1 }).await.unwrap();
        let mut all = Vec::new();
        while cursor.advance().await.unwrap() {
            all.push(cursor.deserialize_current().unwrap());
        }
        all
    }

    /// Made, and with patience.
    pub(crate) async fn store(&self) -> Store {
        let mongo = opened(&self.url(), SOON).await;
        mongo.migrate(Timestamp::from_micros(1)).await.unwrap();
        mongo.store()
    }

    /// A store that speaks through a wire, and gives up soon.
    pub(crate) async fn through(&self, wire: &Wire) -> Store {
        self.through_within(wire, BRIEF).await
    }

    pub(crate) async fn through_within(&self, wire: &Wire, limit: Duration) -> Store {
        opened(&self.url_at(&wire.address), limit).await.store()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (url, name) = (self.url(), self.name.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                Client::with_uri_str(&url).await.unwrap().database(&name).drop().await.unwrap();
            });
        })
        .join()
        .unwrap();
    }
}

pub(crate) async fn open(url: &str, timeout: Duration) -> Result<Mongo, OpenError> {
    let url = MongoUrl::parse(url).unwrap();
    Mongo::open(&MongoSettings { url, connections: 8, timeout }).await
}

/// What can be opened, though this process may just have stood still for longer than a start waits.
async fn opened(url: &str, timeout: Duration) -> Mongo {
    let mut mongo = None;
    until(async || {
        mongo = open(url, timeout).await.ok();
        mongo.is_some()
    })
    .await;
    mongo.unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < SOON, "not within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn is_backend<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Backend(_)))
}
