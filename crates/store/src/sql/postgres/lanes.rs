//! Reads: a few connections that all share, each read sent at once behind those that wait for their answer. Owns when
//! such a connection is replaced. Writes nothing.

use super::error::{failed, is_of_connection, late};
use super::link::Link;
use super::session::Session;
use crate::sql::row::{Record, Row};
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Instant, timeout_at};

#[derive(Default)]
struct Lane {
    session: Mutex<Option<Arc<Session>>>,
    /// Held by whoever connects: when the last try that failed began, and what came of it.
    connecting: tokio::sync::Mutex<Option<(Instant, StoreError)>>,
}

pub(crate) struct Lanes {
    link: Arc<Link>,
    lanes: Vec<Lane>,
    next: AtomicUsize,
}

impl Lanes {
    pub(super) fn new(link: Arc<Link>, count: usize, first: Session) -> Self {
        let lanes: Vec<Lane> = (0..count).map(|_| Lane::default()).collect();
        if let Some(lane) = lanes.first() {
            *lane.lock() = Some(Arc::new(first));
        }
        Self { link, lanes, next: AtomicUsize::new(0) }
    }

    pub(crate) async fn one<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.rows(text, values).await?;
        rows.first().map(|row| record.read(&Row::Postgres(row, 0))).transpose()
    }

    pub(crate) async fn all<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        record: &Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.rows(text, values).await?;
        rows.iter().map(|row| record.read(&Row::Postgres(row, 0))).collect()
    }

    async fn rows(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len();
        let lane = &self.lanes[index];
        let mut using = None;
        let read = self.read(lane, &mut using, text, values);
        let deadline = Instant::now() + self.link.timeout;
        match timeout_at(deadline, read).await {
            Ok(answer) => answer,
            Err(_) => {
                if let Some(session) = using {
                    lane.leave(&session);
                    self.link.give_up(&session);
                }
                Err(late(self.link.timeout))
            }
        }
    }

    /// A read that failed with its connection is tried once more on a fresh one.
    async fn read(
        &self,
        lane: &Lane,
        using: &mut Option<Arc<Session>>,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let mut fresh = false;
        loop {
            let session = self.session(lane).await?;
            let session = using.insert(session);
            match session.query(text, values).await {
                Ok(answer) => return Ok(answer.rows),
                Err(error) => {
                    self.link.learn(session, &error);
                    let lost = is_of_connection(&error) || !self.link.is_good(session);
                    if lost {
                        lane.leave(session);
                    }
                    if fresh || !lost {
                        return Err(failed(&error));
                    }
                    fresh = true;
                }
            }
        }
    }

    /// The lane's connection, or a new one: one task connects, the others wait for it.
    async fn session(&self, lane: &Lane) -> Result<Arc<Session>, StoreError> {
        if let Some(session) = self.good(lane) {
            return Ok(session);
        }
        let asked = Instant::now();
        let mut connecting = lane.connecting.lock().await;
        if let Some(session) = self.good(lane) {
            return Ok(session);
        }
        if let Some((began, error)) = connecting.as_ref()
            && *began >= asked
        {
            // Tried and failed while this one waited: what it would find itself.
            return Err(error.clone());
        }
        let began = Instant::now();
        match self.link.connect().await {
            Ok(session) => {
                let session = Arc::new(session);
                *lane.lock() = Some(Arc::clone(&session));
                *connecting = None;
                Ok(session)
            }
            Err(error) => {
                let error = error.as_error();
                *connecting = Some((began, error.clone()));
                Err(error)
            }
        }
    }

    fn good(&self, lane: &Lane) -> Option<Arc<Session>> {
        lane.lock().as_ref().filter(|session| self.link.is_good(session)).cloned()
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody else shall read on this connection.
    fn leave(&self, session: &Arc<Session>) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *current = None;
        }
    }
}
