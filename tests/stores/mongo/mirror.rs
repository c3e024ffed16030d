//! Collections as the tables that SQL has instead, in an SQLite in memory: a test asks both in the same words. Owns how a
//! field lies in a column and back. What waits in a document is shown where it will be, as it counts as kept.

use crate::stores::sqlite;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, Uuid};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::collections::BTreeMap;

const SCHEMA: [&str; 4] = [
    include_str!("../../../crates/store/migrations/0001_accounts.sql"),
    include_str!("../../../crates/store/migrations/0002_servers.sql"),
    include_str!("../../../crates/store/migrations/0003_mail.sql"),
    include_str!("../../../crates/store/migrations/0004_pictures.sql"),
];

/// The collections and the column that each has in the place of `_id`; first those in which something waits.
pub(super) const COLLECTIONS: [(&str, &str); 9] = [
    ("keyward_users", "id"),
    ("keyward_sessions", "id"),
    ("keyward_codes", ""),
    ("keyward_mails", "id"),
    ("keyward_events", "id"),
    ("keyward_keys", "id"),
    ("keyward_leases", "name"),
    ("keyward_leftovers", "picture"),
    ("keyward_guards", "name"),
];

struct Column {
    name: String,
    is_number: bool,
}

type Row = Vec<Value>;

/// Which documents a statement has made, changed and deleted.
pub(super) enum Written {
    New(Document),
    Changed(Bson, Document),
    Gone(Bson),
}

pub(super) struct Mirror {
    sqlite: Connection,
    /// By the names of the collections. The first row is that of the first document.
    ids: BTreeMap<&'static str, Vec<Bson>>,
}

impl Mirror {
    /// Of these collections; users and sessions are among them.
    pub(super) fn of(collections: &[(&'static str, Vec<Document>)]) -> Self {
        let sqlite = Connection::open_in_memory().unwrap();
        sqlite.execute_batch(&SCHEMA.concat()).unwrap();
        sqlite.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM keyward_guards").unwrap();
        let mut mirror = Self { sqlite, ids: BTreeMap::new() };
        for (table, documents) in collections {
            let is_row = |document: &&Document| !document.contains_key("deleted");
            for document in documents.iter().filter(is_row) {
                // Readiness writes a lease that nobody holds.
                if *table != "keyward_leases" || document.contains_key("holder") {
                    mirror.insert(table, document, "");
                    mirror.ids.entry(table).or_default().push(document.get("_id").unwrap().clone());
                }
            }
        }
        let all = || collections.iter().flat_map(|(_, documents)| documents);
        for grave in all().filter(|document| document.contains_key("deleted")) {
            mirror.forget(grave);
        }
        for document in all() {
            for item in document.get_array("pending").into_iter().flatten().filter_map(Bson::as_document) {
                mirror.insert_waiting(item);
            }
        }
        mirror.sqlite.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        mirror
    }

    /// What hangs on a user who is deleted is as good as gone.
    fn forget(&self, grave: &Document) {
        let id = cell(grave.get("_id"), false);
        for table in ["keyward_sessions", "keyward_codes", "keyward_mails"] {
            let delete = format!("DELETE FROM {table} WHERE user_id = ?");
            self.sqlite.execute(&delete, [&id]).unwrap();
        }
    }

    fn insert_waiting(&self, item: &Document) {
        let into = item.get_str("into").unwrap();
        if let Ok(document) = item.get_document("document") {
            let again = match into {
                "keyward_leftovers" => "ON CONFLICT DO UPDATE SET due_at = excluded.due_at",
                _ => "ON CONFLICT DO NOTHING",
            };
            self.insert(into, document, again);
        }
    }

    fn insert(&self, table: &str, document: &Document, again: &str) {
        let columns = self.columns(table);
        let marks = vec!["?"; columns.len()].join(", ");
        let cells = columns.iter().map(|column| {
            let path = path(table, &column.name);
            match (path.as_str(), cell(at(document, &path), column.is_number)) {
                // Of a code for an address that nobody has.
                ("user_id", Value::Null) if table == "keyward_codes" => Value::Text(String::new()),
                // All of before.
                ("undone.to", Value::Null) if document.contains_key("undone") => Value::Integer(i64::MIN),
                (_, cell) => cell,
            }
        });
        let insert = format!("INSERT INTO {table} VALUES ({marks}) {again}");
        self.sqlite.execute(&insert, params_from_iter(cells)).unwrap();
    }

    fn columns(&self, table: &str) -> Vec<Column> {
        let mut asked = self.sqlite.prepare("SELECT name, type FROM pragma_table_info(?)").unwrap();
        let column = |row: &rusqlite::Row<'_>| {
            Ok(Column { name: row.get(0)?, is_number: row.get::<_, String>(1)? == "BIGINT" })
        };
        asked.query_map([table], column).unwrap().map(Result::unwrap).collect()
    }

    /// The rows of each statement.
    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        sqlite::rows(&self.sqlite, sql)
    }

    /// What these statements do, by collection.
    pub(super) fn execute(&self, sql: &str) -> Vec<(&'static str, Vec<Written>)> {
        let tables = || COLLECTIONS.iter().map(|(table, _)| *table);
        let before: Vec<BTreeMap<i64, Row>> = tables().map(|table| self.numbered(table)).collect();
        self.sqlite.execute_batch(sql).unwrap();
        tables().zip(before).map(|(table, before)| (table, self.written(table, &before))).collect()
    }

    fn numbered(&self, table: &str) -> BTreeMap<i64, Row> {
        let count = self.columns(table).len();
        let mut asked = self.sqlite.prepare(&format!("SELECT rowid, * FROM {table}")).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, (1..=count).map(|column| row.get(column)).collect::<rusqlite::Result<Row>>()?))
        };
        asked.query_map([], row).unwrap().map(Result::unwrap).collect()
    }

    fn written(&self, table: &'static str, before: &BTreeMap<i64, Row>) -> Vec<Written> {
        let (after, columns) = (self.numbered(table), self.columns(table));
        let ids = self.ids.get(table).map_or(&[][..], Vec::as_slice);
        let id = |number: i64| ids.get(usize::try_from(number - 1).unwrap()).cloned();
        let gone = before.keys().filter(|number| !after.contains_key(number));
        let mut written: Vec<Written> = gone.filter_map(|number| id(*number).map(Written::Gone)).collect();
        for (number, row) in &after {
            let old = before.get(number);
            let is_other = |column: usize| old.is_none_or(|old| old[column] != row[column]);
            let changed = || (0..columns.len()).filter(|column| is_other(*column));
            let field = |column: usize| {
                let name = columns[column].name.as_str();
                (path(table, name), bson(name, &row[column]))
            };
            if changed().next().is_none() {
                continue;
            }
            written.push(match id(*number) {
                Some(id) => Written::Changed(id, update(changed().map(field))),
                // What waits is made now: found to be there, it is not made again.
                None => Written::New(
                    (0..columns.len()).map(field).filter_map(|(name, value)| Some((name, value?))).collect(),
                ),
            });
        }
        written
    }
}

fn update(fields: impl Iterator<Item = (String, Option<Bson>)>) -> Document {
    let (mut set, mut unset) = (Document::new(), Document::new());
    for (name, value) in fields {
        match value {
            Some(value) => set.insert(name, value),
            None => unset.insert(name, ""),
        };
    }
    let parts = [("$set", set), ("$unset", unset)].into_iter().filter(|(_, part)| !part.is_empty());
    parts.map(|(name, part)| (name.to_owned(), Bson::from(part))).collect()
}

/// Where the value of a column lies in a document.
fn path(table: &str, column: &str) -> String {
    let is_key = COLLECTIONS.contains(&(table, column));
    match (table, column) {
        _ if is_key => "_id".into(),
        ("keyward_codes", "id") => "code".into(),
        ("keyward_users", "undone_to" | "undone_at") => column.replace('_', "."),
        _ => column.into(),
    }
}

fn at<'d>(document: &'d Document, path: &str) -> Option<&'d Bson> {
    match path.split_once('.') {
        Some((outer, inner)) => document.get_document(outer).ok()?.get(inner),
        None => document.get(path),
    }
}

fn cell(value: Option<&Bson>, is_number: bool) -> Value {
    match value {
        None => Value::Null,
        Some(Bson::Int64(number)) => Value::Integer(*number),
        Some(Bson::Int32(number)) => Value::Integer((*number).into()),
        Some(Bson::String(text)) if is_number => Value::Integer(micros(text)),
        Some(Bson::String(text)) => Value::Text(text.clone()),
        Some(Bson::Binary(binary)) if binary.subtype == BinarySubtype::Uuid => {
            Value::Text(binary.to_uuid().unwrap().to_string())
        }
        Some(Bson::Binary(binary)) => Value::Blob(binary.bytes.clone()),
        // The guard counts its members.
        Some(Bson::Array(members)) if is_number => Value::Integer(i64::try_from(members.len()).unwrap()),
        Some(Bson::Array(roles)) => {
            Value::Text(roles.iter().fold(" ".into(), |text, role| text + role.as_str().unwrap() + " "))
        }
        Some(other) => panic!("{other}"),
    }
}

/// `None` is a field that is not there.
fn bson(column: &str, value: &Value) -> Option<Bson> {
    let is_time =
        ["_at", "_to", "_from", "until"].iter().any(|end| column.ends_with(end)) && column != "asked_from";
    let is_id = matches!(column, "id" | "actor" | "user_id" | "session_id" | "kept_session");
    Some(match value {
        Value::Null => return None,
        Value::Integer(number) if is_time => time(*number).into(),
        Value::Integer(0) if column == "members" => Bson::Array(Vec::new()),
        Value::Integer(number) if column != "members" => (*number).into(),
        Value::Text(text) if column == "roles" => {
            text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into()
        }
        Value::Text(text) => match Uuid::parse_str(text) {
            Ok(id) if is_id => id.into(),
            _ => text.as_str().into(),
        },
        Value::Blob(bytes) => Binary { subtype: BinarySubtype::Generic, bytes: bytes.clone() }.into(),
        other => panic!("{column}: {other:?}"),
    })
}

/// `2026-11-22T02:11:34.123456Z` and back, of four digits for the year.
fn micros(text: &str) -> i64 {
    let seconds = DateTime::parse_rfc3339_str(format!("{}Z", &text[..19])).unwrap().timestamp_millis() / 1000;
    seconds * 1_000_000 + text[20..26].parse::<i64>().unwrap()
}

fn time(micros: i64) -> String {
    let seconds = DateTime::from_millis(micros.div_euclid(1_000_000) * 1000).try_to_rfc3339_string().unwrap();
    format!("{}.{:06}Z", seconds.trim_end_matches('Z'), micros.rem_euclid(1_000_000))
}
