//! Applying migrations to a file, under SQLite's own write lock. Which are due is `migrate.rs`'s.

use super::error::FileError;
use super::open;
use crate::MigrationStatus;
use crate::sql::migrate::{self, Applied, Migration, TABLE};
use keyward_auth::values::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;
use std::time::Duration;

pub(super) fn status(path: &Path, known: &[Migration]) -> Result<Vec<MigrationStatus>, FileError> {
    let lines = open::reader(path).and_then(|connection| applied(&connection));
    let lines = lines.map_err(|error| FileError::of(path, &error))?;
    migrate::status(known, &lines).map_err(|cause| FileError::Schema { path: path.to_owned(), cause })
}

pub(super) fn migrate(
    path: &Path,
    known: &[Migration],
    now: Timestamp,
    patience: Duration,
) -> Result<Vec<MigrationStatus>, FileError> {
    let failed = |error: rusqlite::Error| FileError::of(path, &error);
    let mut connection = open::writer(path, patience)?;
    let mut made = Vec::new();
    loop {
        // Taken before looking, so that whoever waited here sees what the other one did.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(failed)?;
        let lines = applied(&transaction).map_err(failed)?;
        let due = migrate::pending(known, &lines)
            .map_err(|cause| FileError::Schema { path: path.to_owned(), cause })?;
        let Some(next) = due.first() else { return Ok(made) };
        apply(&transaction, next, now).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        made.push(MigrationStatus {
            version: next.version,
            name: next.name.to_owned(),
            applied_at: Some(now),
        });
    }
}

fn apply(connection: &Connection, own: &Migration, now: Timestamp) -> rusqlite::Result<()> {
    connection.execute_batch(TABLE)?;
    connection.execute_batch(own.text)?;
    connection
        .execute(
            "INSERT INTO keyward_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
            params![own.version, own.name, own.checksum(), now.as_micros()],
        )
        .map(drop)
}

/// What has been applied, in order; nothing in an empty file.
fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'keyward_migrations'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let text = "SELECT version, name, checksum, applied_at FROM keyward_migrations ORDER BY version";
    let mut statement = connection.prepare(text)?;
    let lines = statement.query_map([], |row| {
        Ok(Applied {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            at: Timestamp::from_micros(row.get(3)?),
        })
    })?;
    lines.collect()
}
