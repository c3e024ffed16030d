//! What is kept: one file per record, its struct and the trait that stores it.
//!
//! The methods are intentions, each atomic whatever races it, on one row or document. Values go in and come out whole.
//! A store reads no clock, draws no randomness and decides nothing. Absence is `None`; an error is a refusal by a
//! constraint or a failure of the store.

mod along;
mod audit;
mod codes;
mod counters;
mod keys;
mod leases;
mod leftovers;
mod mails;
mod session;
mod user;

pub use along::Along;
pub use audit::{Actor, Audit, Event, EventKind};
pub use codes::{Code, CodePlace, Codes, Purpose};
pub use counters::{Bucket, CounterKey, Counters, Rate, Taken};
pub use keys::{Keys, StoredKey};
pub use leases::Leases;
pub use leftovers::{Leftover, Leftovers};
pub use mails::{Mail, MailSearch, MailState, Mails, Outcome, Topic};
pub use session::{Session, Sessions};
pub use user::{Change, Direction, Search, SignIn, Undone, User, Users};

use crate::values::Timestamp;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// Where everything is kept, a record at a time: sessions may live elsewhere than users do.
#[derive(Clone)]
pub struct Store {
    pub users: Arc<dyn Users>,
    pub sessions: Arc<dyn Sessions>,
    pub keys: Arc<dyn Keys>,
    pub audit: Arc<dyn Audit>,
    pub leases: Arc<dyn Leases>,
    pub counters: Arc<dyn Counters>,
    pub codes: Arc<dyn Codes>,
    pub mails: Arc<dyn Mails>,
    pub leftovers: Arc<dyn Leftovers>,
    /// What must be reachable for the service to be ready.
    pub parts: Vec<Arc<dyn Part>>,
}

/// A backend as readiness sees it.
#[async_trait]
pub trait Part: Send + Sync {
    /// How operators call it: `sqlite`.
    fn name(&self) -> &'static str;

    /// Whether it answers, for reading and for writing; and what time it is there, if it has a clock of its own.
    async fn check(&self) -> Result<Option<Timestamp>, StoreError>;
}

/// What must be unique among users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    Email,
    /// The username or one that looks like it.
    Username,
    /// A signing key's place in its sequence.
    Key,
}

impl fmt::Display for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "this e-mail address is taken",
            Self::Username => "this username, or one that looks like it, is taken",
            Self::Key => "this place in the sequence of signing keys is taken",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Taken(Unique),
    /// The record is not as it was read: changed or gone.
    #[error("the record has changed")]
    Stale,
    /// The guard row refused: the last administrator would leave, or a first one is already there.
    #[error("the guard of administrators refused")]
    Guarded,
    /// The store could not do it; whether it did is unknown. The text is for the log alone.
    #[error("the store failed: {0}")]
    Backend(String),
}
