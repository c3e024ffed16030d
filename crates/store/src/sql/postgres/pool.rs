//! Connections for one user at a time: writes and long reads. Owns how long one waits for a connection, and that none
//! comes back in a state that nobody knows.

use super::link::{Link, NoSession};
use super::session::Session;
use deadpool::managed::{
    self, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult,
};
use keyward_auth::records::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How many may wait for a connection. More means that the server does not keep up, and a prompt error is better than a
/// long wait.
const QUEUE: usize = 4096;

/// How long one waits that was told that the server is full, before it asks again.
const PAUSE: Duration = Duration::from_millis(100);

struct Maker(Arc<Link>);

impl managed::Manager for Maker {
    type Type = Session;
    type Error = NoSession;

    async fn create(&self) -> Result<Session, NoSession> {
        self.0.connect().await
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<NoSession> {
        if self.0.proves_good(session).await { Ok(()) } else { Err(RecycleError::message("of no more use")) }
    }
}

pub(super) struct Pool {
    pub(super) link: Arc<Link>,
    sessions: managed::Pool<Maker>,
}

/// A connection of the pool; see [`Pool::put_back`].
pub(super) struct Borrowed(Object<Maker>);

impl std::ops::Deref for Borrowed {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Pool {
    pub(super) fn new(link: Arc<Link>, size: usize) -> Result<Self, managed::BuildError> {
        let sessions = managed::Pool::builder(Maker(Arc::clone(&link)));
        // The one that was used last: its statements are prepared, and what is too much falls asleep.
        let config = PoolConfig { queue_mode: QueueMode::Lifo, ..PoolConfig::new(size) };
        Ok(Self { link, sessions: sessions.config(config).build()? })
    }

    pub(super) async fn get(&self, deadline: Instant) -> Result<Borrowed, StoreError> {
        if self.sessions.status().waiting >= QUEUE {
            return Err(StoreError::Backend("PostgreSQL: too many are waiting for a connection".into()));
        }
        loop {
            return match timeout_at(deadline, self.sessions.get()).await {
                Ok(Ok(session)) => Ok(Borrowed(session)),
                // The server has no place for one more; those that are there come back in a moment.
                Ok(Err(PoolError::Backend(error)))
                    if error.is_crowded() && Instant::now() + PAUSE < deadline =>
                {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Ok(Err(PoolError::Backend(error))) => Err(error.as_error()),
                Ok(Err(error)) => Err(StoreError::Backend(format!("PostgreSQL: {error:?}"))),
                Err(_) => Err(StoreError::Backend(
                    "PostgreSQL: no connection was free in time; see store.connections".into(),
                )),
            };
        }
    }

    /// Gives a connection back, or parts with it where it cannot be used again.
    pub(super) fn put_back(&self, session: Borrowed) {
        if !self.link.is_good(&session) {
            drop(Object::take(session.0));
        }
    }

    /// Parts with a connection on which an answer did not come.
    pub(super) fn give_up(&self, session: Borrowed) {
        self.link.give_up(&session);
        drop(Object::take(session.0));
    }
}
