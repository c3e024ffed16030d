//! The PostgreSQL driver: reads that share a few connections, writes and long reads on connections of their own. Owns
//! connections and what becomes of them when a server goes; the statements are the record files'.

mod binding;
mod error;
mod lanes;
mod link;
mod open_error;
mod pool;
mod scanner;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod url;
mod wire;
mod writer;

pub use open_error::ServerError;
pub use url::PostgresUrl;

use super::migrate;
use super::row::Record;
use super::statement::Statement;
use super::{OpenError, Sql, leases};
use crate::MigrationStatus;
use async_trait::async_trait;
use keyward_auth::records::{Part, Store, StoreError};
use keyward_auth::values::Timestamp;
use lanes::Lanes;
use link::{Greeting, Link};
use pool::Pool;
use scanner::Scanners;
use schema::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use writer::Writers;

/// The oldest version whose bugs are still mended by its makers.
const OLDEST: u32 = 14;
/// How long a migration may take, the wait for another node's with it.
const MIGRATION: Duration = Duration::from_secs(1800);
/// How many connections there are at least.
const FEWEST: usize = 3;

#[derive(Debug, Clone)]
pub struct PostgresSettings {
    pub url: PostgresUrl,
    /// How many at most, 3 or more.
    pub connections: usize,
    /// For each call, from asking for a connection to the answer.
    pub timeout: Duration,
    /// Whether PgBouncer, or another pooler of transactions, is in between.
    pub pgbouncer: bool,
}

/// What the facade stands on.
pub(crate) struct Connections {
    pub(crate) lanes: Lanes,
    pub(crate) scanners: Scanners,
    pub(crate) writers: Writers,
}

/// A database on a server, with connections to it. Clones and stores share them.
#[derive(Clone)]
pub struct Postgres {
    url: PostgresUrl,
    link: Arc<Link>,
    connections: Arc<Connections>,
}

impl Postgres {
    /// Connects once, so that everything that is wrong is told of now, within 5 seconds. The schema may be missing or
    /// old: see [`migrate`](Self::migrate). Needs a tokio runtime, then and later.
    ///
    /// # Errors
    /// [`ServerError`]: one line for the operator that says what is wrong, and what to do.
    pub async fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let url = settings.url.clone();
        let link = Arc::new(Link::new(settings).map_err(|error| ServerError::of_tls(&url, &error))?);
        let (session, greeting) =
            link.connect_with(None).await.map_err(|error| ServerError::of_session(&url, &error))?;
        check(&url, greeting)?;
        let connections = settings.connections.max(FEWEST);
        let lanes = if connections > FEWEST { 2 } else { 1 };
        let pool = Pool::new(Arc::clone(&link), connections - lanes)
            .map_err(|cause| ServerError::Other { url: url.to_string(), cause: cause.to_string() })?;
        let pool = Arc::new(pool);
        let scans = (connections - lanes - 1).min(2);
        let connections = Connections {
            lanes: Lanes::new(Arc::clone(&link), lanes, session),
            scanners: Scanners::new(Arc::clone(&pool), scans),
            writers: Writers::new(pool),
        };
        Ok(Self { url, link, connections: Arc::new(connections) })
    }

    /// The migrations, applied or to be applied, in order. Changes nothing.
    ///
    /// # Errors
    /// [`ServerError::Schema`] if the schema is a newer Keyward's or not one that this one made.
    pub async fn status(&self) -> Result<Vec<MigrationStatus>, OpenError> {
        let session = self.session().await?;
        let status = timeout(self.link.timeout, schema::status(&session, migrate::ALL)).await;
        self.told(status.map_err(|_| self.late(self.link.timeout))?)
    }

    /// Applies the migrations that are due, each with its line in `keyward_migrations` in one transaction; others who do
    /// so at once wait, and find it done. Returns those that it applied, with `now` for their time. Takes at most half
    /// an hour. Where nothing is due, nothing is written and no right is needed.
    ///
    /// # Errors
    /// As [`status`](Self::status); and [`ServerError::NoRight`] if the role may not make tables.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<MigrationStatus>, OpenError> {
        let session = self.session().await?;
        let made = timeout(MIGRATION, schema::migrate(&session, migrate::ALL, now)).await;
        self.told(made.map_err(|_| self.late(MIGRATION))?)
    }

    /// A connection without the usual limits of time.
    async fn session(&self) -> Result<session::Session, OpenError> {
        let options = link::with_options(&self.url, "-c statement_timeout=0");
        let connected = self.link.connect_with(Some(&options)).await;
        Ok(connected.map_err(|error| ServerError::of_session(&self.url, &error))?.0)
    }

    fn told<T>(&self, outcome: Result<T, Failure>) -> Result<T, OpenError> {
        let url = self.url.to_string();
        Ok(outcome.map_err(|failure| match failure {
            Failure::Schema(cause) => ServerError::Schema { url, cause },
            Failure::Server(error) => ServerError::of(&self.url, &error),
            Failure::Unreadable => {
                ServerError::Other { url, cause: "keyward_migrations is not Keyward's table".into() }
            }
        })?)
    }

    fn late(&self, limit: Duration) -> ServerError {
        ServerError::Unreachable { url: self.url.to_string(), cause: format!("within {limit:?}") }
    }

    /// The records, all kept here but the counters, which are this process's own. Needs a migrated schema.
    pub fn store(&self) -> Store {
        let sql = Sql::Postgres(Arc::clone(&self.connections));
        sql.store(Arc::new(Server(sql.clone())))
    }
}

fn check(url: &PostgresUrl, greeting: Greeting) -> Result<(), ServerError> {
    // Others that speak its protocol count in their own way: 13.0.0 is CockroachDB's, 11.2-YB-2.20 is YugabyteDB's.
    let is_other = greeting.is_cockroach || greeting.version.contains("-YB-");
    let major = greeting.version.split(|sign: char| !sign.is_ascii_digit()).next();
    let major = major.and_then(|digits| digits.parse::<u32>().ok());
    if !is_other && major.is_some_and(|major| major < OLDEST) {
        return Err(ServerError::Old { url: url.to_string(), version: greeting.version });
    }
    if !matches!(greeting.encoding.as_str(), "UTF8" | "") {
        return Err(ServerError::Encoding { url: url.to_string(), encoding: greeting.encoding });
    }
    Ok(())
}

/// The database as readiness sees it.
struct Server(Sql);

/// How long readiness waits: whoever asks has little patience, and a slow answer is one.
const PROMPT: Duration = Duration::from_secs(1);

static CLOCK: Record<Timestamp> =
    Record { table: "keyward_guards", columns: "name, now", read: |row| row.time(1) };
static NOW: Statement = Statement::new(
    "SELECT name, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) FROM keyward_guards \
     WHERE name = 'administrators'",
);

#[async_trait]
impl Part for Server {
    fn name(&self) -> &'static str {
        "postgres"
    }

    /// Reads, and writes a row: a server that can only be read is of no use.
    async fn check(&self) -> Result<Option<Timestamp>, StoreError> {
        let both = async {
            leases::touch(&self.0).await?;
            self.0.one(&NOW, &[], &CLOCK).await
        };
        timeout(PROMPT, both).await.map_err(|_| error::late(PROMPT))?
    }
}
