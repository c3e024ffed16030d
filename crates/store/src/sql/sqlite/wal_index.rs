//! Whether anything was committed since: the header of SQLite's WAL-index, the file that all processes share beside the
//! database. It changes with every commit, whoever makes it, and is what SQLite itself compares when a reader begins
//! (the format is documented: "WAL-mode File Format", section 2.2). Only read here, never written.

use super::identity::{Identity, identity};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Both copies of the header: while a writer changes it, it is like no header that was read before.
pub(super) type Header = [u8; 96];

pub(super) struct WalIndex(File);

/// One handle for each file, whoever opens it: closing any handle drops the locks that SQLite holds on that file for this
/// whole process, so it must not be closed before the last connection is.
static OPEN: Mutex<Vec<(Identity, Weak<WalIndex>)>> = Mutex::new(Vec::new());

impl WalIndex {
    /// The WAL-index of a database that some connection has open. To be dropped after the last of them.
    pub(super) fn of(database: &Path) -> io::Result<Arc<Self>> {
        let mut path = database.as_os_str().to_owned();
        path.push("-shm");
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked up by name before it is opened, since a second handle would have to be closed again.
        let name = identity(Path::new(&path))?;
        open.retain(|(_, index)| index.strong_count() > 0);
        if let Some(index) = open.iter().find(|(of, _)| *of == name).and_then(|(_, index)| index.upgrade()) {
            return Ok(index);
        }
        let index = Arc::new(Self(File::open(&path)?));
        open.push((name, Arc::downgrade(&index)));
        Ok(index)
    }

    /// The header now; `None` if it cannot be read, and then nothing is known.
    pub(super) fn header(&self) -> Option<Header> {
        let mut header = [0; 96];
        self.0.read_exact_at(&mut header, 0).ok().map(|()| header)
    }
}
