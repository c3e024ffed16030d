//! A look into an SQLite file, by a connection of its own each time.

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::time::Duration;

pub(super) struct Sqlite(pub(super) PathBuf);

impl Sqlite {
    fn connection(&self) -> Connection {
        let connection = Connection::open_with_flags(&self.0, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.busy_timeout(Duration::from_secs(20)).unwrap();
        connection
    }

    pub(super) fn rows(&self, sql: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let texts = (0..columns).map(|column| Ok(text(row.get::<_, Value>(column)?)));
            Ok(texts.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    pub(super) fn execute(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }

    /// The file and its log.
    pub(super) fn stolen(&self) -> Vec<u8> {
        let files = [self.0.clone(), PathBuf::from(format!("{}-wal", self.0.display()))];
        files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
    }
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
