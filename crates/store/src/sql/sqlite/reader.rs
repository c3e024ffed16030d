//! Reading: indexed reads in place on a connection that belongs to the thread, long ones beside the runtime. An indexed
//! read takes some 3 microseconds; handing it to another thread would cost several times that.

use super::error::refused;
use super::open;
use crate::sql::row::{Record, Row};
use crate::sql::statement::Text;
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Semaphore;

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Id(text) => ValueRef::Text(text),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// One thread's connection to one database, until that is closed.
struct Reader {
    database: Weak<Path>,
    connection: Connection,
}

thread_local! {
    static READERS: RefCell<Vec<Reader>> = const { RefCell::new(Vec::new()) };
}

pub(crate) struct Readers {
    /// Also what tells one open database from another.
    database: Arc<Path>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { database: path.into() }
    }

    pub(crate) fn one<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Option<T>, StoreError> {
        self.with(|connection| one(connection, text, values, record))
    }

    pub(crate) fn all<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.with(|connection| all(connection, text, values, record))
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        READERS
            .try_with(|readers| {
                let mut readers = readers.borrow_mut();
                let own = |reader: &Reader| {
                    std::ptr::addr_eq(reader.database.as_ptr(), Arc::as_ptr(&self.database))
                };
                let index = match readers.iter().position(own) {
                    Some(index) => index,
                    None => {
                        readers.retain(|reader| reader.database.strong_count() > 0);
                        let connection = open::reader(&self.database).map_err(|error| refused(&error))?;
                        readers.push(Reader { database: Arc::downgrade(&self.database), connection });
                        readers.len() - 1
                    }
                };
                let answer = read(&readers[index].connection);
                if answer.is_err() {
                    // After a failure of the disk, a fresh connection is the surest way back.
                    readers.swap_remove(index);
                }
                answer
            })
            .unwrap_or_else(|_| Err(StoreError::Backend("the thread is ending".into())))
    }
}

fn one<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    record: &Record<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(|error| refused(&error))?;
    let mut rows = statement.query(params_from_iter(values)).map_err(|error| refused(&error))?;
    let row = rows.next().map_err(|error| refused(&error))?;
    row.map(|row| record.read(&Row::Sqlite(row, 0))).transpose()
}

fn all<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    record: &Record<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(text).map_err(|error| refused(&error))?;
    let mut rows = statement.query(params_from_iter(values)).map_err(|error| refused(&error))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(|error| refused(&error))? {
        records.push(record.read(&Row::Sqlite(row, 0))?);
    }
    Ok(records)
}

/// How many long reads run at once; more wait. Each takes a whole core.
const SCANS: usize = 2;

/// Connections for long reads. Not the threads' own: a blocking pool has hundreds of threads that come and go.
pub(crate) struct Scanners {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Scanners {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), places: Arc::new(Semaphore::new(SCANS)) }
    }

    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        text: Text,
        values: Vec<Value<'static>>,
        record: &'static Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        let closed = || StoreError::Backend("long reads have ended".into());
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let scan = move || {
            // Held to the end of the read, whether or not somebody still waits for it.
            let _place = place;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match kept {
                Some(connection) => connection,
                None => open::reader(&path).map_err(|error| refused(&error))?,
            };
            let records = all(&connection, text.for_sqlite(), &values, record)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(records)
        };
        tokio::task::spawn_blocking(scan).await.unwrap_or_else(|_| Err(closed()))
    }
}
