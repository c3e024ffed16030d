//! A look into an SQLite file, by a connection of its own each time.

use super::database::Database;
use async_trait::async_trait;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::Value;
use rusqlite::{Batch, Connection, OpenFlags};
use std::path::PathBuf;
use std::time::Duration;

pub(super) struct Sqlite(pub(super) PathBuf);

impl Sqlite {
    fn connection(&self) -> Connection {
        let connection = Connection::open_with_flags(&self.0, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }
}

#[async_trait]
impl Database for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.connection(), sql)
    }

    async fn execute(&self, sql: &str) {
        // Else a renaming would rewrite the references to the table as well.
        let first = if sql.contains(" RENAME TO ") { "PRAGMA foreign_keys = OFF; " } else { "" };
        self.connection().execute_batch(&format!("{first}{sql}")).unwrap();
    }

    /// The file and its log.
    async fn stolen(&self) -> Vec<u8> {
        let files = [self.0.clone(), PathBuf::from(format!("{}-wal", self.0.display()))];
        files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
    }
}

/// The rows of each statement.
pub(super) fn rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statements = Batch::new(connection, sql);
    let mut all = Vec::new();
    while let Some(mut statement) = statements.next().unwrap() {
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let texts = (0..columns).map(|column| Ok(text(row.get::<_, Value>(column)?)));
            Ok(texts.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
        });
        all.push(rows.unwrap().map(Result::unwrap).collect());
    }
    all
}

fn text(value: Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:02x?}"),
    }
}
