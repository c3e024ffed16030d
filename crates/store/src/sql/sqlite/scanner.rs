//! Long reads, beside the threads that serve requests, a few at a time. Their connections are not the threads' own: a
//! blocking pool has hundreds of threads that come and go.

use super::error::refused;
use super::open;
use super::reader::all;
use crate::sql::row::Record;
use crate::sql::statement::Text;
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many long reads run at once; more wait. Each takes a whole core.
const SCANS: usize = 2;

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
            let records = all(&connection, &text.for_sqlite(), &values, record)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok(records)
        };
        tokio::task::spawn_blocking(scan).await.unwrap_or_else(|_| Err(closed()))
    }
}
