//! The SQLite driver: readers in place, one writer with group commit. Owns files, connections and threads; the
//! statements are the record files'.

mod error;
mod identity;
mod open;
mod reader;
mod scanner;
mod schema;
#[cfg(test)]
mod tests;
mod wal_index;
mod writer;

pub use error::FileError;
pub(crate) use writer::apply;

use super::migrate;
use super::{OpenError, Sql, guard, leases};
use crate::MigrationStatus;
use async_trait::async_trait;
use keyward_auth::records::{Part, Store, StoreError};
use keyward_auth::values::Timestamp;
use reader::Readers;
use scanner::Scanners;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wal_index::WalIndex;
use writer::Writer;

/// How long one waits for another process that writes, such as a command beside a running service; see
/// [`Sqlite::open_within`].
const PATIENCE: Duration = Duration::from_secs(4);

/// What the facade stands on.
pub(crate) struct Connections {
    pub(crate) readers: Arc<Readers>,
    pub(crate) scanners: Scanners,
    pub(crate) writer: Writer,
    /// Last, as it asks.
    _wal_index: Arc<WalIndex>,
}

/// A database file, open. Clones and stores share it; the last one to go waits until what was asked for is written.
#[derive(Clone)]
pub struct Sqlite {
    path: PathBuf,
    patience: Duration,
    connections: Arc<Connections>,
}

impl Sqlite {
    /// Opens the database at `path`, or makes an empty one: the file for its owner alone (0600), as are the folders on
    /// the way to it that are missing (0700). Blocks, at most 4 seconds. Its schema may be missing or old:
    /// see [`migrate`](Self::migrate).
    ///
    /// # Errors
    /// Each is one line for the operator that says what is wrong with the path or the file, and what to do.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_within(path.as_ref(), PATIENCE)
    }

    /// The same, where opening, migrating and each write wait this long for another process that writes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_within(path: &Path, patience: Duration) -> Result<Self, OpenError> {
        // Readers open later: the working directory may be another by then. It also keeps SQLite from taking a name
        // that begins with `file:` for a URI.
        let path = std::path::absolute(path)
            .map_err(|cause| FileError::Path { path: path.to_owned(), cause: cause.to_string() })?;
        let connection = open::writer(&path, patience)?;
        let failed = |cause: std::io::Error| FileError::Path { path: path.clone(), cause: cause.to_string() };
        let wal_index = WalIndex::of(&path).map_err(failed)?;
        let readers = Arc::new(Readers::new(path.clone(), Arc::clone(&wal_index)));
        let connections = Connections {
            scanners: Scanners::new(path.clone()),
            writer: Writer::start(connection, Arc::clone(&readers), path.clone()).map_err(failed)?,
            readers,
            _wal_index: wal_index,
        };
        Ok(Self { path, patience, connections: Arc::new(connections) })
    }

    /// The migrations, applied or to be applied, in order. Changes nothing. Blocks.
    ///
    /// # Errors
    /// [`FileError::Schema`] if the schema is a newer Keyward's or not one that this one made.
    pub fn status(&self) -> Result<Vec<MigrationStatus>, OpenError> {
        Ok(schema::status(&self.path, migrate::ALL)?)
    }

    /// Applies the migrations that are due, each with its line in `keyward_migrations` in one exclusive transaction;
    /// others who do so at once wait, and find it done. Returns those that it applied, with `now` for their time. Blocks.
    ///
    /// # Errors
    /// As [`status`](Self::status); and if another process holds the database for longer than 4 seconds.
    pub fn migrate(&self, now: Timestamp) -> Result<Vec<MigrationStatus>, OpenError> {
        Ok(schema::migrate(&self.path, migrate::ALL, now, self.patience)?)
    }

    /// The records, all kept here. Needs a migrated schema, and a tokio runtime around its long lists.
    pub fn store(&self) -> Store {
        let sql = Sql::Sqlite(Arc::clone(&self.connections));
        sql.store(Arc::new(Database(sql.clone())))
    }
}

/// The database as readiness sees it.
struct Database(Sql);

/// How long readiness waits: whoever asks has little patience, and a slow answer is one.
const PROMPT: Duration = Duration::from_secs(1);

#[async_trait]
impl Part for Database {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    /// Reads, and writes a row: on a full disk reading goes on working.
    async fn check(&self) -> Result<Option<Timestamp>, StoreError> {
        let both = async {
            guard::members(&self.0).await?;
            leases::touch(&self.0).await?;
            Ok(None)
        };
        let late = |_| StoreError::Backend(format!("no answer within {} s", PROMPT.as_secs()));
        tokio::time::timeout(PROMPT, both).await.map_err(late)?
    }
}
