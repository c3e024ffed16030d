//! SQL: one text, one file per record, thin drivers below. Owns the facade that the record files talk to; knows of no
//! particular record.
//!
//! Writes are lists of statements with the rows that each must meet, handed over whole: no transaction is held open
//! while somebody decides. A driver brings connections, its words for the column types and its names for refusals.

mod audit;
mod guard;
mod keys;
mod leases;
mod migrate;
mod row;
mod sessions;
mod sqlite;
mod statement;
mod users;
mod value;

pub use migrate::{MigrationStatus, SchemaError};
pub use sqlite::{OpenError, Sqlite};

use keyward_auth::records::{StoreError, Unique};
use keyward_auth::values::Timestamp;
use row::Record;
use statement::{Done, Statement, Steps, Text};
use std::sync::Arc;
use value::Value;

/// The facade. One driver today, hence no choice yet.
#[derive(Clone)]
pub(crate) struct Sql(Arc<sqlite::Connections>);

impl Sql {
    /// The row that an index finds, read in place. `text` yields at most one.
    pub(crate) async fn one<T>(
        &self,
        text: &'static Statement,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Option<T>, StoreError> {
        self.0.readers.one(text.for_sqlite(), values, record)
    }

    /// The few rows that an index finds, read in place: for some hundreds at most, since it holds up the thread.
    pub(crate) async fn all<T>(
        &self,
        text: &'static Statement,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.0.readers.all(text.for_sqlite(), values, record)
    }

    /// Rows that may take long to find, read beside the threads that serve requests, a few at a time.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        text: impl Into<Text>,
        values: Vec<Value<'static>>,
        record: &'static Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.0.scanners.scan(text.into(), values, record).await
    }

    /// Applies all steps or none, durably once it answers. Goes on when the caller no longer waits.
    pub(crate) async fn atomically(&self, steps: Steps) -> Result<Done, StoreError> {
        self.0.writer.run(Box::new(move |connection| sqlite::apply(connection, &steps))).await
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

/// What is unique, by the column that SQLite names in a refusal (the first of an index).
pub(crate) const UNIQUE: &[(&str, Unique)] = &[
    ("keyward_users.email_key", Unique::Email),
    ("keyward_users.username_shape", Unique::Username),
    ("keyward_users.username", Unique::Username),
    ("keyward_keys.algorithm", Unique::Key),
];
