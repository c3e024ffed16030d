//! Redis 6.2 or newer, the place of what expires: sessions, one-time codes and counters. Everything else stays in the main
//! store, also what ends all of a user's sessions, the audit log and the outbox; nothing here is needed to tell who a user
//! is.
//!
//! A key names a record, with the record's id in braces, so that a record lies in one slot and no command or script
//! needs two. Tried with Redis 7.0; Valkey, Sentinel and Cluster are untested, and Sentinel and Cluster are refused.
//! [`connection`] owns the wire and what to do when it breaks, `sessions`, `codes` and `counters` what is written.

mod codes;
mod connection;
mod counters;
mod fitness;
mod intents;
mod script;
mod sessions;
mod stay;
mod tls;
mod trouble;
mod url;

pub use trouble::OpenError;
pub use url::RedisUrl;

use crate::memory;
use async_trait::async_trait;
use connection::{Connection, Server};
use keyward_auth::records::{Part, Store, StoreError};
use keyward_auth::values::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use trouble::Trouble;

/// Where Redis is and how long it is waited for.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    pub url: RedisUrl,
    /// What every key begins with: `keyward` makes `keyward:s:{...}`. Keywards on one Redis that are not one service
    /// need different ones.
    pub prefix: String,
    /// The longest wait for the answer to a command.
    pub timeout: Duration,
}

/// How long opening may take in all.
const OPENING: Duration = Duration::from_secs(3);

/// A Redis, open. Clones share one connection, which is made anew by itself for as long as a clone is there.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

/// What records have at hand.
struct Shared {
    prefix: String,
    connection: Connection,
}

impl Redis {
    /// Connects, and sees that this Redis can do what is needed; warns in the log if it may lose sessions. Takes at most
    /// 3 seconds. Needs a tokio runtime, which must be there for as long as the store.
    ///
    /// # Errors
    /// Each is one line for the operator that says what is wrong, and what to do. None holds a password.
    pub async fn open(settings: &RedisSettings) -> Result<Self, OpenError> {
        let name = settings.url.to_string();
        let opened = async {
            let server = Server::new(settings)?;
            let link = server.connect().await?;
            fitness::look(&link, settings).await?;
            Ok((server, link))
        };
        let late = |_| Err(Trouble::Late(OPENING));
        let opened = tokio::time::timeout(OPENING, opened).await.unwrap_or_else(late);
        let (server, link) = opened.map_err(|trouble| OpenError { server: name, trouble })?;
        let connection = Connection::keep(server, link);
        Ok(Self(Arc::new(Shared { prefix: settings.prefix.clone(), connection })))
    }

    /// `store` as it is, but with sessions, one-time codes and counters here, and with this Redis among its parts. Events
    /// and mails of sessions stay in `store`: as intents before the change, as themselves after it.
    pub fn beside(&self, store: Store) -> Store {
        let sessions = sessions::Sessions {
            shared: Arc::clone(&self.0),
            users: Arc::clone(&store.users),
            audit: Arc::clone(&store.audit),
            earlier: Arc::clone(&store.sessions),
        };
        let codes = codes::Codes { shared: Arc::clone(&self.0), earlier: Arc::clone(&store.codes) };
        let counters = counters::Counters::new(Arc::clone(&self.0), memory::Counters::default());
        let mut parts = store.parts;
        parts.push(Arc::new(Reachable(Arc::clone(&self.0))));
        Store {
            sessions: Arc::new(sessions),
            codes: Arc::new(codes),
            counters: Arc::new(counters),
            parts,
            ..store
        }
    }
}

/// This Redis as readiness sees it.
struct Reachable(Arc<Shared>);

/// How long readiness waits: whoever asks has little patience, and a slow answer is one.
const PROMPT: Duration = Duration::from_secs(1);

#[async_trait]
impl Part for Reachable {
    fn name(&self) -> &'static str {
        "redis"
    }

    /// Writes a key: a full Redis, or a read-only one, goes on answering reads.
    async fn check(&self) -> Result<Option<Timestamp>, StoreError> {
        let probe = connection::probe(&self.0.prefix);
        let late = |_| StoreError::Backend(format!("no answer within {} s", PROMPT.as_secs()));
        tokio::time::timeout(PROMPT, self.0.connection.ask(&probe)).await.map_err(late)??;
        Ok(None)
    }
}
