//! Indexed reads, in place on a connection that belongs to the thread. One takes some 3 microseconds; handing it to
//! another thread would cost several times that.
//!
//! A reader stays in its snapshot from one read to the next for as long as that is the newest one. Taking a snapshot
//! means locks that all readers of the process share, which is where threads that serve requests would meet. The writer
//! sends all readers out of theirs before it begins, so that none stands in the way of a checkpoint.

use super::error::refused;
use super::open::{self, command};
use super::wal_index::{Header, WalIndex};
use crate::sql::row::{Record, Row};
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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

/// One thread's connection, and the header of the WAL-index that it is in the snapshot of, if it is in one.
struct Reader {
    connection: Connection,
    within: Option<Header>,
}

type Slot = Mutex<Option<Reader>>;

thread_local! {
    /// This thread's reader of each open database.
    static MINE: RefCell<Vec<(u64, Weak<Slot>)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) struct Readers {
    /// What tells one open database from another.
    id: u64,
    database: PathBuf,
    wal_index: Arc<WalIndex>,
    /// All threads' readers. Who serves requests locks only the own one, so it is free.
    slots: Mutex<Vec<Arc<Slot>>>,
    /// While the writer is at work nobody stays in a snapshot.
    writing: AtomicBool,
}

impl Readers {
    pub(super) fn new(database: PathBuf, wal_index: Arc<WalIndex>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: COUNT.fetch_add(1, Ordering::Relaxed),
            database,
            wal_index,
            slots: Mutex::default(),
            writing: AtomicBool::new(false),
        }
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

    /// Runs `work`, the writer's, with no reader in a snapshot that it took before.
    pub(super) fn while_writing<T>(&self, work: impl FnOnce() -> T) -> T {
        self.writing.store(true, Ordering::SeqCst);
        for slot in lock(&self.slots).iter() {
            let mut slot = lock(slot);
            if slot.as_mut().is_some_and(|reader| reader.leave().is_err()) {
                *slot = None;
            }
        }
        let done = work();
        self.writing.store(false, Ordering::SeqCst);
        done
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let slot = self.mine()?;
        let mut slot = lock(&slot);
        let reader = match slot.as_mut() {
            Some(reader) => reader,
            None => {
                let connection = open::reader(&self.database).map_err(|error| refused(&error))?;
                slot.insert(Reader { connection, within: None })
            }
        };
        let answer =
            self.enter(reader).map_err(|error| refused(&error)).and_then(|()| read(&reader.connection));
        if answer.is_err() {
            // After a failure of the disk, a fresh connection is the surest way back.
            *slot = None;
        }
        answer
    }

    /// Sees to it that the reader sees whatever was committed before now, by this process or another.
    fn enter(&self, reader: &mut Reader) -> rusqlite::Result<()> {
        // The header first: a commit between it and the snapshot only makes the snapshot look older than it is.
        let newest = if self.writing.load(Ordering::SeqCst) { None } else { self.wal_index.header() };
        if reader.within.is_some() && reader.within != newest {
            reader.leave()?;
        }
        if reader.within.is_none() && newest.is_some() {
            command(&reader.connection, "BEGIN")?;
            reader.within = newest;
        }
        Ok(())
    }

    /// This thread's slot here, made at its first read.
    fn mine(&self) -> Result<Arc<Slot>, StoreError> {
        let found = MINE.try_with(|mine| {
            let mut mine = mine.borrow_mut();
            if let Some(slot) =
                mine.iter().find(|(of, _)| *of == self.id).and_then(|(_, slot)| slot.upgrade())
            {
                return slot;
            }
            mine.retain(|(_, slot)| slot.strong_count() > 0);
            let slot = Arc::new(Slot::default());
            mine.push((self.id, Arc::downgrade(&slot)));
            lock(&self.slots).push(Arc::clone(&slot));
            slot
        });
        found.map_err(|_| StoreError::Backend("the thread is ending".into()))
    }
}

impl Reader {
    fn leave(&mut self) -> rusqlite::Result<()> {
        if self.within.take().is_some() { command(&self.connection, "COMMIT") } else { Ok(()) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

pub(super) fn all<T>(
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
