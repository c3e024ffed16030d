//! SQL: one text, one file per record, thin drivers below. Owns the facade that the record files talk to; knows of no
//! particular record.
//!
//! Writes are lists of statements with the rows that each must meet, handed over whole: no transaction is held open
//! while somebody decides. A driver brings connections, its words for the column types and its names for refusals.

mod along;
mod audit;
mod codes;
mod guard;
mod keys;
mod leases;
mod leftovers;
mod mails;
mod migrate;
mod postgres;
mod row;
mod sessions;
mod sqlite;
mod statement;
mod users;
mod value;

pub use migrate::SchemaError;
pub use postgres::{Postgres, PostgresSettings, PostgresUrl, ServerError};
pub use sqlite::{FileError, Sqlite};

use crate::memory;
use keyward_auth::records::{Part, Store, StoreError, Unique};
use keyward_auth::values::Timestamp;
use row::Record;
use statement::{Done, Statement, Steps, Text};
use std::sync::Arc;
use value::Value;

/// Why a database cannot be used, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The facade: what the record files may ask of a driver.
#[derive(Clone)]
pub(crate) enum Sql {
    Sqlite(Arc<sqlite::Connections>),
    Postgres(Arc<postgres::Connections>),
}

impl Sql {
    /// The row that an index finds. `text` yields at most one.
    pub(crate) async fn one<T>(
        &self,
        text: &'static Statement,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::Sqlite(file) => file.readers.one(text.for_sqlite(), values, record),
            Self::Postgres(server) => server.lanes.one(text.for_postgres(), values, record).await,
        }
    }

    /// The few rows that an index finds: some hundreds at most, since SQLite's hold up the thread, and PostgreSQL's who
    /// reads behind them.
    pub(crate) async fn all<T>(
        &self,
        text: &'static Statement,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(file) => file.readers.all(text.for_sqlite(), values, record),
            Self::Postgres(server) => server.lanes.all(text.for_postgres(), values, record).await,
        }
    }

    /// Rows that may take long to find, read beside what serves requests, a few at a time.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        text: impl Into<Text>,
        values: Vec<Value<'static>>,
        record: &'static Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(file) => file.scanners.scan(text.into(), values, record).await,
            Self::Postgres(server) => server.scanners.scan(text.into(), values, record).await,
        }
    }

    /// Applies all steps or none, durably once it answers. Goes on when the caller no longer waits.
    pub(crate) async fn atomically(&self, steps: Steps) -> Result<Done, StoreError> {
        match self {
            Self::Sqlite(file) => {
                file.writer.run(Box::new(move |connection| sqlite::apply(connection, &steps))).await
            }
            Self::Postgres(server) => server.writers.apply(steps).await,
        }
    }

    /// The records, all kept here but the counters, which are this process's own; `part` tells whether it can be.
    fn store(&self, part: Arc<dyn Part>) -> Store {
        Store {
            users: Arc::new(users::Users(self.clone())),
            sessions: Arc::new(sessions::Sessions(self.clone())),
            keys: Arc::new(keys::Keys(self.clone())),
            audit: Arc::new(audit::Audit(self.clone())),
            leases: Arc::new(leases::Leases(self.clone())),
            counters: Arc::new(memory::Counters::default()),
            codes: Arc::new(codes::Codes(self.clone())),
            mails: Arc::new(mails::Mails(self.clone())),
            leftovers: Arc::new(leftovers::Leftovers(self.clone())),
            parts: vec![part],
        }
    }

    /// Runs a statement that takes a time (`$1`) and the most rows to meet (`$2`); how many it met.
    pub(crate) async fn sweep(
        &self,
        text: &'static Statement,
        time: Timestamp,
        most: usize,
    ) -> Result<usize, StoreError> {
        let mut steps = Steps::default();
        steps.run(text, vec![time.into(), most.into()]);
        Ok(self.atomically(steps).await?.met)
    }
}

/// What is unique: the column that SQLite names in a refusal (the first of an index), and the index, which PostgreSQL
/// names.
pub(crate) const UNIQUE: &[(&str, &str, Unique)] = &[
    ("keyward_users.email_key", "keyward_users_email_key", Unique::Email),
    ("keyward_users.username_shape", "keyward_users_username_shape", Unique::Username),
    ("keyward_users.username", "keyward_users_username", Unique::Username),
    ("keyward_keys.algorithm", "keyward_keys_sequence", Unique::Key),
];
