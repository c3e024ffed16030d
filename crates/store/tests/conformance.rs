//! Every backend against every case. Owns how a test gets an empty store; the cases are in `src/conformance`.
#![expect(clippy::unwrap_used, reason = "a store that cannot be made is a failed test")]

mod sqlite {
    use keyward_auth::records::Store;
    use keyward_auth::values::Timestamp;
    use keyward_store::sql::Sqlite;
    use tempfile::TempDir;

    pub(crate) async fn open() -> (Store, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
        sqlite.migrate(Timestamp::from_micros(1)).unwrap();
        (sqlite.store(), folder)
    }

    keyward_store::conformance!(crate::sqlite::open);
}

/// On the server of KEYWARD_TEST_REDIS_URL, beside an SQLite of its own.
mod redis {
    use keyward_auth::records::Store;
    use keyward_store::redis::{Redis, RedisSettings, RedisUrl};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, UNIX_EPOCH};
    use tempfile::TempDir;

    static NUMBER: AtomicU64 = AtomicU64::new(0);

    pub(crate) async fn open() -> (Store, TempDir) {
        let url = std::env::var("KEYWARD_TEST_REDIS_URL").unwrap();
        let (store, folder) = crate::sqlite::open().await;
        // The folder of a run is its own, and so is its file.
        let born = folder.path().metadata().unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("test-{}-{}-{number}", std::process::id(), born.as_nanos());
        let settings =
            RedisSettings { url: RedisUrl::parse(&url).unwrap(), prefix, timeout: Duration::from_secs(5) };
        (Redis::open(&settings).await.unwrap().beside(store), folder)
    }

    keyward_store::conformance!(
        expiring: crate::redis::open,
        #[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
    );
}

/// On the server of KEYWARD_TEST_POSTGRES_URL, each case in a schema of its own.
mod postgres {
    use crate::place::Place;
    use keyward_auth::records::Store;

    pub(crate) async fn open() -> (Store, Place) {
        let place = Place::new("SCHEMA").await;
        let url = std::env::var("KEYWARD_TEST_POSTGRES_URL").unwrap();
        (crate::place::store(&format!("{url}?options=-c%20search_path%3D{}", place.name)).await, place)
    }

    keyward_store::conformance!(
        crate::postgres::open,
        #[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
    );
}

/// The same server through the PgBouncer of KEYWARD_TEST_PGBOUNCER_URL, in transaction mode: each case in a database of
/// its own, since a schema cannot be asked for through it.
mod pgbouncer {
    use crate::place::Place;
    use keyward_auth::records::Store;

    pub(crate) async fn open() -> (Store, Place) {
        let place = Place::new("DATABASE").await;
        let url = std::env::var("KEYWARD_TEST_PGBOUNCER_URL").unwrap();
        let (server, _) = url.rsplit_once('/').unwrap();
        (crate::place::store(&format!("{server}/{}?pgbouncer=true", place.name)).await, place)
    }

    keyward_store::conformance!(
        crate::pgbouncer::open,
        #[cfg_attr(not(keyward_test_pgbouncer), ignore = "no PgBouncer: scripts/servers run cargo test")]
    );
}

/// On the server of KEYWARD_TEST_MONGODB_URL, each case in a database of its own.
#[cfg(feature = "mongodb")]
mod mongo {
    use keyward_auth::records::Store;
    use keyward_auth::values::Timestamp;
    use keyward_store::mongo::{Mongo, MongoSettings, MongoUrl};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, UNIX_EPOCH};

    static NUMBER: AtomicU64 = AtomicU64::new(0);

    /// A database that is gone with the test.
    pub(crate) struct Place(String);

    impl Drop for Place {
        fn drop(&mut self) {
            let url = self.0.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
                    client.default_database().unwrap().drop().await.unwrap();
                });
            })
            .join()
            .unwrap();
        }
    }

    pub(crate) async fn open() -> (Store, Place) {
        let server = std::env::var("KEYWARD_TEST_MONGODB_URL").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let born = folder.path().metadata().unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{}_{}_{number}", std::process::id(), born.as_nanos());
        let (before, after) = server.split_once("://").unwrap();
        let (authority, query) = after.split_once('/').unwrap_or((after, ""));
        let query = query.split_once('?').map_or("authSource=admin", |(_, query)| query);
        let url = format!("{before}://{authority}/{name}?{query}");
        let settings = MongoSettings {
            url: MongoUrl::parse(&url).unwrap(),
            connections: 8,
            timeout: Duration::from_secs(120),
        };
        let mongo = Mongo::open(&settings).await.unwrap();
        mongo.migrate(Timestamp::from_micros(1)).await.unwrap();
        (mongo.store(), Place(url))
    }

    keyward_store::conformance!(
        crate::mongo::open,
        #[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
    );
}

/// A schema or a database on the test's server, gone with the test.
mod place {
    use keyward_auth::records::Store;
    use keyward_auth::values::Timestamp;
    use keyward_store::sql::{Postgres, PostgresSettings, PostgresUrl};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, UNIX_EPOCH};
    use tokio_postgres::NoTls;

    static NUMBER: AtomicU64 = AtomicU64::new(0);

    pub(crate) struct Place {
        kind: &'static str,
        pub(crate) name: String,
    }

    impl Place {
        pub(crate) async fn new(kind: &'static str) -> Self {
            // A folder's birth is unlike any other run's.
            let folder = tempfile::tempdir().unwrap();
            let born =
                folder.path().metadata().unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("case_{}_{}_{number}", std::process::id(), born.as_nanos());
            command(&format!("CREATE {kind} {name}")).await;
            Self { kind, name }
        }
    }

    /// The store behind a URL, migrated.
    pub(crate) async fn store(url: &str) -> Store {
        let url = PostgresUrl::parse(url).unwrap();
        let timeout = Duration::from_secs(10);
        let settings = PostgresSettings { url, connections: 6, timeout, pgbouncer: false };
        let postgres = Postgres::open(&settings).await.unwrap();
        postgres.migrate(Timestamp::from_micros(1)).await.unwrap();
        postgres.store()
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let how = if self.kind == "SCHEMA" { "CASCADE" } else { "WITH (FORCE)" };
            let text = format!("DROP {} {} {how}", self.kind, self.name);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let _ = std::thread::spawn(move || runtime.block_on(command(&text))).join();
        }
    }

    async fn command(text: &str) {
        let url = std::env::var("KEYWARD_TEST_POSTGRES_URL").unwrap();
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(text).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }
}

#[test]
fn every_case_is_listed() {
    let list = include_str!("../src/conformance/mod.rs");
    let records = [
        ("users", include_str!("../src/conformance/users.rs")),
        ("changes", include_str!("../src/conformance/changes.rs")),
        ("administrators", include_str!("../src/conformance/administrators.rs")),
        ("lists", include_str!("../src/conformance/lists.rs")),
        ("sessions", include_str!("../src/conformance/sessions.rs")),
        ("keys", include_str!("../src/conformance/keys.rs")),
        ("audit", include_str!("../src/conformance/audit.rs")),
        ("counters", include_str!("../src/conformance/counters.rs")),
        ("intents", include_str!("../src/conformance/intents.rs")),
        ("mails", include_str!("../src/conformance/mails.rs")),
        ("claims", include_str!("../src/conformance/claims.rs")),
        ("along", include_str!("../src/conformance/along.rs")),
        ("codes", include_str!("../src/conformance/codes.rs")),
        ("leftovers", include_str!("../src/conformance/leftovers.rs")),
        ("leases", include_str!("../src/conformance/leases.rs")),
        ("sweeping", include_str!("../src/conformance/sweeping.rs")),
    ];
    for (record, text) in records {
        let names =
            list.split(&format!("{record}: [")).nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        for case in text.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next()) {
            assert!(names.contains(&format!(" {case},")), "{record}::{case} is not listed");
        }
    }
}
