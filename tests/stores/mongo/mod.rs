//! A database of its own on the server of MongoDB's protocol that `scripts/servers` names, and a look into it in SQL: what the
//! statement speaks of is copied into tables of SQLite, and what it changed there is written back. Removed after the test.

mod mirror;

use super::{server, unique};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use mirror::{COLLECTIONS, Mirror, Written};
use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};
use std::sync::{LazyLock, Mutex};
use tokio::runtime::Runtime;

const SERVER: &str = "KEYWARD_TEST_MONGODB_URL";

/// Where the driver lives: a test's own runtime may be gone before its place is.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

pub(super) struct Mongo {
    url: String,
    database: Option<Database>,
    /// On the server of all tests: to be removed in the end.
    is_ours: bool,
    remembered: Mutex<Vec<Document>>,
}

impl Mongo {
    pub(super) async fn empty() -> Self {
        let mut place = Self::on(&database_of(&server(SERVER), &unique())).await;
        place.is_ours = true;
        place
    }

    /// A database on a server that the test brings, and takes away.
    pub(super) async fn on(url: &str) -> Self {
        let (url, connected) = (url.to_owned(), url.to_owned());
        let client = there(async move { Client::with_uri_str(connected).await.unwrap() }).await;
        let database = client.default_database();
        assert!(database.is_some(), "a URL that names no database");
        Self { url, database, is_ours: false, remembered: Mutex::default() }
    }

    /// From now on the collection takes only documents that are so.
    async fn take(&self, collection: &str, validator: Document) {
        let change = doc! { "collMod": collection, "validator": validator };
        let database = self.database();
        there(async move { drop(database.run_command(change).await.unwrap()) }).await;
    }

    fn database(&self) -> Database {
        self.database.clone().unwrap()
    }

    async fn mirror(&self, sql: &str) -> Mirror {
        let database = self.database();
        let is_named = |at: usize, table: &str| at < 2 || sql.contains(table);
        let named: Vec<&'static str> = COLLECTIONS
            .iter()
            .enumerate()
            .filter(|(at, (table, _))| is_named(*at, table))
            .map(|(_, (table, _))| *table)
            .collect();
        there(async move {
            let mut collections = Vec::new();
            for table in named {
                collections.push((table, all(&database, table).await));
            }
            Mirror::of(&collections)
        })
        .await
    }
}

#[async_trait]
impl super::Database for Mongo {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        self.mirror(sql).await.rows(sql)
    }

    async fn execute(&self, sql: &str) {
        let (database, written) = (self.database(), self.mirror(sql).await.execute(sql));
        there(async move {
            for (table, written) in written {
                let collection = database.collection::<Document>(table);
                for written in written {
                    match written {
                        Written::New(document) => drop(collection.insert_one(document).await.unwrap()),
                        Written::Changed(id, update) => {
                            collection.update_one(doc! { "_id": id }, update).await.unwrap();
                        }
                        Written::Gone(id) => {
                            collection.delete_one(doc! { "_id": id }).await.unwrap();
                        }
                    }
                }
            }
        })
        .await;
    }

    /// All documents, in BSON.
    async fn stolen(&self) -> Vec<u8> {
        let database = self.database();
        there(async move {
            let mut stolen = Vec::new();
            for (table, _) in COLLECTIONS {
                let documents = all(&database, table).await;
                stolen.extend(documents.iter().flat_map(|document| document.to_vec().unwrap()));
            }
            stolen
        })
        .await
    }

    async fn remember_sessions(&self) {
        let database = self.database();
        let sessions = there(async move { all(&database, "keyward_sessions").await }).await;
        *self.remembered.lock().unwrap() = sessions;
    }

    async fn bring_back_sessions(&self) {
        let (database, sessions) = (self.database(), std::mem::take(&mut *self.remembered.lock().unwrap()));
        there(async move {
            for session in sessions {
                let id = doc! { "_id": session.get("_id") };
                let back = doc! { "$setOnInsert": session };
                let collection = database.collection::<Document>("keyward_sessions");
                collection.update_one(id, back).upsert(true).await.unwrap();
            }
        })
        .await;
    }

    /// A collection that is not there is an empty one.
    fn has_tables(&self) -> bool {
        false
    }

    async fn hide(&self, table: &str) {
        self.take(table, doc! { "never": { "$exists": true } }).await;
    }

    async fn show(&self, table: &str) {
        self.take(table, doc! {}).await;
    }

    fn first_migrations(&self) -> &'static [&'static str] {
        &["0001 collections"]
    }

    async fn migrations(&self) -> Vec<String> {
        let database = self.database();
        there(async move {
            let made = all(&database, "keyward_schema").await;
            made.iter().map(|made| made.get_i64("version").unwrap().to_string()).collect()
        })
        .await
    }

    async fn make_newer(&self) {
        let database = self.database();
        there(async move {
            let newer = doc! { "$set": { "version": 99_i64 } };
            let schema = database.collection::<Document>("keyward_schema");
            schema.update_one(doc! { "_id": "schema" }, newer).await.unwrap();
        })
        .await;
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        let _inside = RUNTIME.enter();
        if let Some(database) = self.database.take().filter(|_| self.is_ours) {
            // Beside the tests; nobody is there to hear of a failure, and what is left at the end goes with the server.
            drop(RUNTIME.spawn(async move { database.drop().await }));
        }
    }
}

/// In the order in which they were written.
async fn all(database: &Database, collection: &str) -> Vec<Document> {
    let natural = doc! { "$natural": 1 };
    let found = database.collection(collection).find(doc! {}).sort(natural).await.unwrap();
    found.try_collect().await.unwrap()
}

async fn there<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    RUNTIME.spawn(work).await.unwrap()
}

/// The URL of a database on this server.
fn database_of(server: &str, name: &str) -> String {
    let (scheme, after) = server.split_once("://").unwrap();
    let (authority, query) = after.split_once('/').unwrap_or((after, ""));
    let query = query.split_once('?').map_or("authSource=admin", |(_, query)| query);
    format!("{scheme}://{authority}/{name}?{query}")
}
