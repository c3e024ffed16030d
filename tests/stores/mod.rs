//! Where the data of a test lies: an empty place on the store that `KEYWARD_TEST_STORE` names (`sqlite`, which is the
//! default, `postgres` or `mongodb`, and either with `+redis+s3`), the settings that lead Keyward there, and a look into it
//! behind its back. The servers are started by `scripts/servers`; the place is removed with its last user.

mod database;
#[cfg(feature = "mongodb")]
mod mongo;
#[cfg(feature = "mongodb")]
mod own_mongo;
mod own_postgres;
mod own_redis;
mod postgres;
mod proxy;
mod proxy_tests;
mod redis;
mod s3;
mod sqlite;

#[cfg(feature = "mongodb")]
pub(crate) use own_mongo::OwnMongo;
pub(crate) use own_postgres::OwnPostgres;
pub(crate) use own_redis::OwnRedis;
pub(crate) use proxy::Proxy;
pub(crate) use s3::objects_in;

use database::Database;
#[cfg(feature = "mongodb")]
use mongo::Mongo;
use postgres::Postgres;
use redis::Redis;
use s3::S3;
use sqlite::Sqlite;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    /// All servers: sessions in Redis, pictures in S3.
    PostgresRedisS3,
    Mongo,
    MongoRedisS3,
}

impl Kind {
    pub(crate) fn chosen() -> Self {
        match std::env::var("KEYWARD_TEST_STORE").as_deref() {
            Err(_) | Ok("sqlite") => Self::Sqlite,
            Ok("postgres") => Self::Postgres,
            Ok("postgres+redis+s3") => Self::PostgresRedisS3,
            Ok("mongodb") => Self::Mongo,
            Ok("mongodb+redis+s3") => Self::MongoRedisS3,
            Ok(other) => {
                panic!("KEYWARD_TEST_STORE is {other}: none of sqlite, postgres, mongodb, with +redis+s3")
            }
        }
    }
}

/// What the service keeps and what only a request changes. Leases and counters change by themselves.
const TABLES: [&str; 5] =
    ["keyward_users", "keyward_sessions", "keyward_keys", "keyward_events", "keyward_guards"];
/// What is kept as well, and what the sending of mails changes in its own time.
const TABLES_OF_MAIL: [&str; 2] = ["keyward_codes", "keyward_mails"];

pub(crate) struct Place {
    database: Box<dyn Database>,
    /// Where sessions and codes are, if they are not in the database.
    redis: Option<Redis>,
    /// Where pictures are, if not in a folder.
    s3: Option<S3>,
    secret: String,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) epoch: i64,
    pub(crate) generation: i64,
    pub(crate) rotated_at: i64,
}

impl Place {
    /// An empty place on that store; on SQLite it will be this file.
    pub(crate) async fn empty(kind: Kind, file: PathBuf) -> Self {
        let database: Box<dyn Database> = match kind {
            Kind::Sqlite => Box::new(Sqlite(file)),
            Kind::Postgres | Kind::PostgresRedisS3 => Box::new(Postgres::empty().await),
            #[cfg(feature = "mongodb")]
            Kind::Mongo | Kind::MongoRedisS3 => Box::new(Mongo::empty().await),
            #[cfg(not(feature = "mongodb"))]
            Kind::Mongo | Kind::MongoRedisS3 => panic!("MongoDB needs cargo test --features mongodb"),
        };
        let has_all = matches!(kind, Kind::PostgresRedisS3 | Kind::MongoRedisS3);
        Self { database, redis: has_all.then(Redis::empty), s3: has_all.then(S3::empty), secret: secret() }
    }

    /// On an empty PostgreSQL that the test brings and takes away, with sessions there.
    pub(crate) fn on_postgres(url: &str) -> Self {
        Self { database: Box::new(Postgres::on(url)), redis: None, s3: None, secret: secret() }
    }

    /// The same on a MongoDB.
    #[cfg(feature = "mongodb")]
    pub(crate) async fn on_mongo(url: &str) -> Self {
        Self { database: Box::new(Mongo::on(url).await), redis: None, s3: None, secret: secret() }
    }

    /// An empty database on the PostgreSQL of all tests, with sessions in a Redis that the test brings.
    pub(crate) async fn with_redis(url: &str) -> Self {
        Self { redis: Some(Redis::on(url)), ..Self::empty(Kind::Postgres, PathBuf::new()).await }
    }

    /// With pictures in an S3 that the test brings.
    pub(crate) fn with_s3(self, url: &str) -> Self {
        Self { s3: Some(S3::on(url)), ..self }
    }

    /// Whether pictures are in S3.
    pub(crate) fn has_s3(&self) -> bool {
        self.s3.is_some()
    }

    /// Where the server keeps what is in the bucket, if pictures are in S3.
    pub(crate) fn bucket(&self) -> Option<PathBuf> {
        self.s3.as_ref().map(S3::folder)
    }

    /// The keys of the configuration that lead here. A server's database has no folder for a key file beside it, so there
    /// is a secret with it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("store.url", self.database.url())];
        settings.extend(self.secret().map(|secret| ("secrets.master", secret.to_owned())));
        settings.extend(self.s3.iter().flat_map(S3::settings));
        if let Some(redis) = &self.redis {
            settings.extend([("redis.url", redis.url.clone()), ("redis.prefix", redis.prefix.clone())]);
        }
        settings
    }

    /// More patience than is shipped: a machine that stands still for seconds is no outage. Tests of outages do without.
    pub(crate) fn patience(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("store.timeout", "60s".to_owned()), ("redis.timeout", "10s".to_owned())];
        settings.push(("pictures.timeout", "60s".to_owned()));
        settings.push(("store.url", self.database.patient_url()));
        settings
    }

    /// One row a line, its values divided by `|`; nothing is `-`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        self.rows_of_all(sql).await.remove(0)
    }

    /// The rows of each of these statements.
    async fn rows_of_all(&self, sql: &str) -> Vec<Vec<String>> {
        self.assert_is_here(sql);
        self.database.rows(sql).await
    }

    fn assert_is_here(&self, sql: &str) {
        let is_elsewhere = ["keyward_sessions", "keyward_codes"].iter().any(|table| sql.contains(table));
        assert!(self.redis.is_none() || !is_elsewhere, "sessions and codes are in Redis: {sql}");
    }

    /// One or many statements.
    pub(crate) async fn execute(&self, sql: &str) {
        self.assert_is_here(sql);
        self.database.execute(sql).await;
    }

    /// Begins a transaction with this statement, on PostgreSQL; it ends with the value.
    pub(crate) async fn hold(&self, sql: &str) -> tokio_postgres::Client {
        let client = postgres::connect(&self.database.url()).await.unwrap();
        client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
        client
    }

    pub(crate) async fn count(&self, table: &str) -> usize {
        if table == "keyward_sessions" {
            return self.sessions().await.len();
        }
        self.rows(&format!("SELECT count(*) FROM {table}")).await[0].parse().unwrap()
    }

    /// These columns of all events, in the order in which they were kept.
    pub(crate) async fn events(&self, columns: &str) -> Vec<String> {
        let order = self.database.order();
        self.rows(&format!("SELECT {columns} FROM keyward_events ORDER BY {order}")).await
    }

    /// All sessions that are kept, those that have ended otherwise among them, by their ids.
    pub(crate) async fn sessions(&self) -> Vec<Kept> {
        if let Some(redis) = &self.redis {
            return redis.sessions().await;
        }
        let rows = self
            .rows("SELECT id, user_id, epoch, generation, rotated_at FROM keyward_sessions ORDER BY id")
            .await;
        let kept = |row: &String| {
            let [id, user, epoch, generation, rotated_at] = row.split('|').collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let number = |text: &str| text.parse().unwrap();
            Kept {
                id: id.into(),
                user: user.into(),
                epoch: number(epoch),
                generation: number(generation),
                rotated_at: number(rotated_at),
            }
        };
        rows.iter().map(kept).collect()
    }

    /// How long the sessions stay at most if nobody sweeps, where the store ends them by itself.
    pub(crate) async fn stay_of_sessions(&self) -> Option<Duration> {
        match &self.redis {
            Some(redis) => Some(redis.stay().await),
            None => None,
        }
    }

    /// Everything that is kept but of mail, in an order of its own.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let is_here = |table: &&str| self.redis.is_none() || *table != "keyward_sessions";
        let tables: Vec<&str> = TABLES.into_iter().filter(is_here).collect();
        let sql: String = tables.iter().map(|table| format!("SELECT * FROM {table};")).collect();
        let rows = self.rows_of_all(&sql).await;
        let named = |(table, rows): (&str, Vec<String>)| -> Vec<String> {
            rows.into_iter().map(|row| format!("{table}: {row}")).collect()
        };
        let mut everything: Vec<String> = tables.into_iter().zip(rows).flat_map(named).collect();
        if let Some(redis) = &self.redis {
            everything.extend(redis.everything().await);
        }
        everything.sort();
        everything
    }

    /// The one-time codes that are kept, with what was tried at them.
    pub(crate) async fn codes(&self) -> Vec<String> {
        match &self.redis {
            Some(redis) => redis.codes().await,
            None => self.rows("SELECT * FROM keyward_codes ORDER BY place, user_id").await,
        }
    }

    /// The bytes that a thief of the stores would have: the files of SQLite, all values in servers.
    pub(crate) async fn stolen(&self) -> Vec<u8> {
        let mut stolen = self.database.stolen().await;
        if let Some(redis) = &self.redis {
            let kept = [redis.everything().await, redis.codes().await].concat();
            stolen.extend(kept.join("\n").into_bytes());
        }
        stolen
    }

    /// Remembers the sessions that are kept now, for [`bring_back_sessions`](Self::bring_back_sessions).
    pub(crate) async fn remember_sessions(&self) {
        match &self.redis {
            Some(redis) => redis.remember().await,
            None => self.database.remember_sessions().await,
        }
    }

    /// Brings back those that are gone since, as they were: as if nobody had removed them.
    pub(crate) async fn bring_back_sessions(&self) {
        match &self.redis {
            Some(redis) => redis.bring_back().await,
            None => self.database.bring_back_sessions().await,
        }
    }

    /// Whether whatever needs a table fails where it is [taken away](Self::hide), and not its writes alone.
    pub(crate) fn has_tables(&self) -> bool {
        self.database.has_tables()
    }

    /// Takes a table away, one at a time: nothing is read there or written. In MongoDB, nothing is written.
    pub(crate) async fn hide(&self, table: &str) {
        self.database.hide(table).await;
    }

    /// Brings it back as it was.
    pub(crate) async fn show(&self, table: &str) {
        self.database.show(table).await;
    }

    /// What is made in an empty database.
    pub(crate) fn first_migrations(&self) -> &'static [&'static str] {
        self.database.first_migrations()
    }

    /// The numbers of those that were made, in order.
    pub(crate) async fn migrations(&self) -> Vec<String> {
        self.database.migrations().await
    }

    /// As if a newer Keyward had made it: of version 99.
    pub(crate) async fn make_newer(&self) {
        self.database.make_newer().await;
    }

    /// The master secret that [`settings`](Self::settings) give, where there is no key file.
    pub(crate) fn secret(&self) -> Option<&str> {
        (self.database.name() != "sqlite").then_some(&self.secret)
    }

    /// The passwords of the servers.
    pub(crate) fn passwords(&self) -> Vec<String> {
        let settings = self.settings();
        let urls = settings.iter().filter(|(key, _)| key.ends_with(".url"));
        let password = |url: &str| Some(url.split_once('@')?.0.rsplit_once(':')?.1.to_owned());
        let keys = self.s3.iter().map(|s3| s3.secret().to_owned());
        urls.filter_map(|(_, url)| password(url)).chain(keys).collect()
    }

    /// How readiness calls the database.
    pub(crate) fn name(&self) -> &'static str {
        self.database.name()
    }
}

/// A proxy before the server of this URL, and the URL that leads through it.
pub(crate) fn through_proxy(url: &str) -> (Proxy, String) {
    let (scheme, after) = url.split_once("://").unwrap();
    // A server may let everybody in.
    let (who, after) = after.rsplit_once('@').map_or(("", after), |(who, after)| (who, after));
    let (server, path) = after.split_once('/').unwrap();
    let proxy = Proxy::before(server.parse::<SocketAddr>().unwrap());
    let who = if who.is_empty() { String::new() } else { format!("{who}@") };
    let url = format!("{scheme}://{who}{}/{path}", proxy.address);
    (proxy, url)
}

/// The URL of a server, by the variable that `scripts/servers` sets.
pub(crate) fn server(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: scripts/servers run cargo test ..."))
}

/// A secret that nobody has seen before.
pub(crate) fn secret() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name that no other test has.
fn unique() -> String {
    format!("test_{}", &secret()[..16])
}

/// Runs what needs a runtime where none may be entered: in `Drop`, also of an async test, and in tests that block.
pub(crate) fn aside<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}
