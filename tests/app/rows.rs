//! A look into the database file behind the service's back: what is there, and that nothing came or went.

use super::{Reply, Request, TestApp};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

const TABLES: [&str; 5] =
    ["keyward_users", "keyward_sessions", "keyward_keys", "keyward_events", "keyward_guards"];

impl TestApp {
    pub(crate) fn database(&self) -> Connection {
        let path = self.folder.path().join("keyward.db");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        connection
    }

    /// The bytes of the database and its log, as a thief would have them.
    pub(crate) fn stolen(&self) -> Vec<u8> {
        ["keyward.db", "keyward.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(self.folder.path().join(name)).unwrap_or_default())
            .collect()
    }

    /// One row a line.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let connection = self.database();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let texts = (0..columns).map(|column| Ok(text(row.get::<_, Value>(column)?)));
            Ok(texts.collect::<rusqlite::Result<Vec<String>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        self.rows(&format!("SELECT count(*) FROM {table}"))[0].parse().unwrap()
    }

    /// The kinds of all events, in the order in which they were kept.
    pub(crate) fn events(&self) -> Vec<String> {
        self.rows("SELECT kind FROM keyward_events ORDER BY rowid")
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }

    /// Everything that is kept.
    pub(crate) fn everything(&self) -> Vec<String> {
        let of = |table: &&str| {
            let rows = self.rows(&format!("SELECT * FROM {table} ORDER BY rowid"));
            rows.into_iter().map(|row| format!("{table}: {row}")).collect::<Vec<_>>()
        };
        TABLES.iter().flat_map(of).collect()
    }

    /// The request is refused so, and nothing else happened: no row, no event.
    pub(crate) async fn refused(
        &self,
        name: &str,
        request: &Request,
        status: u16,
        code: &str,
        pointer: &str,
    ) -> Reply {
        let before = self.everything();
        let reply = self.send(request).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{name}: {reply}");
        let expected: Vec<&str> = Some(pointer).filter(|pointer| !pointer.is_empty()).into_iter().collect();
        assert_eq!(reply.pointers(), expected, "{name}: {reply}");
        assert_eq!(self.everything(), before, "{name}: something else happened");
        reply
    }

    /// The request is refused so, and one event of this kind is all that happened.
    pub(crate) async fn refused_and_noted(
        &self,
        name: &str,
        request: &Request,
        status: u16,
        code: &str,
        event: &str,
    ) {
        let before = self.everything();
        let reply = self.send(request).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{name}: {reply}");
        let mut after = self.everything();
        let new =
            after.iter().position(|row| !before.contains(row)).unwrap_or_else(|| panic!("{name}: no event"));
        let row = after.remove(new);
        assert!(row.starts_with("keyward_events: ") && row.contains(&format!("|{event}|")), "{name}: {row}");
        assert_eq!(after, before, "{name}: something else happened");
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
