//! Opening the file: who may read it, and all the settings of connections. Runs no statement of a record.

use super::error::FileError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Statements that a connection keeps prepared. The texts of the record files are some thirty; changes of users add one
/// for each set of columns that occurs.
const PREPARED: usize = 128;

/// One at a time in this process: see [`make`].
static OPENING: Mutex<()> = Mutex::new(());

/// A connection that writes; makes the database where there is none.
pub(super) fn writer(path: &Path, patience: Duration) -> Result<Connection, FileError> {
    let _one_at_a_time = OPENING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if path.is_dir() {
        return Err(FileError::Folder { path: path.to_owned() });
    }
    make(path).map_err(|cause| FileError::Path { path: path.to_owned(), cause: cause.to_string() })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(patience)?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            // So on file systems without shared memory, and where the file cannot be written.
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
                None,
            ));
        }
        connection.execute_batch(WRITER)?;
        // The first read makes the WAL: now, so that a folder that cannot be written is told of now.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        keep_plans(&connection)?;
        Ok(connection)
    };
    let deadline = Instant::now() + patience;
    let connection = loop {
        match open() {
            // Of two processes that turn a new file to WAL at once, SQLite tells one without any waiting, since each
            // would wait for the other.
            Err(error) if is_busy(&error) && Instant::now() < deadline => pause(),
            opened => break opened.map_err(|error| FileError::of(path, &error))?,
        }
    };
    match connection.is_readonly("main") {
        Ok(false) => {
            warn_of_readers(path);
            Ok(connection)
        }
        _ => Err(FileError::ReadOnly { path: path.to_owned() }),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

#[expect(clippy::disallowed_methods, reason = "SQLite gives nothing to wait on")]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// - `synchronous = FULL`: a commit that was answered survives a loss of power. WAL alone would sync at checkpoints only.
/// - `foreign_keys`: a deleted user takes the sessions along, and a session of nobody is refused.
/// - `journal_size_limit`: a WAL that grew under a long read shrinks again (64 MiB).
/// - `trusted_schema`: a tampered file's views and triggers may call nothing with side effects.
/// - `cache_size`, `temp_store`: 16 MiB of pages, and no temporary files.
const WRITER: &str = "PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA trusted_schema = OFF;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;";

/// - `query_only`: whatever the flags say.
/// - `mmap_size`: the first GiB is read where the system caches it, without a call and a copy for each page; measured,
///   that halves the time of a read. In return a failing disk ends the process instead of failing the read; what was
///   answered is durable either way.
/// - `cache_size`: 4 MiB for each thread, for what is beyond that and in the WAL.
const READER: &str = "PRAGMA query_only = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA mmap_size = 1073741824;
    PRAGMA cache_size = -4096;
    PRAGMA temp_store = MEMORY;";

/// A connection that only reads. Readers wait for nobody in WAL mode but for a moment in which the WAL is recovered.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(500))?;
    connection.execute_batch(READER)?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// Statements are planned once and kept. Without its "stability guarantee" SQLite plans some anew whenever another value
/// is bound, which costs a join by two keys three times what running it does.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(())
}

/// Makes the folder and an empty file, each for its owner alone, where they are missing. SQLite gives the WAL the rights
/// of the file.
///
/// A file that exists is not touched: closing any handle of it drops the locks that SQLite holds in this process.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true);
        maker.mode(0o700);
        maker.create(folder)?;
    }
    if path.exists() {
        return Ok(());
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn warn_of_readers(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        let path = path.display();
        tracing::warn!("others on this machine may read {path}, password hashes and all: chmod 600 {path}");
    }
}

/// Runs a statement that neither takes nor gives anything.
pub(super) fn command(connection: &Connection, text: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(text)?.execute([]).map(drop)
}
