//! A session: one row, or one hash in Redis, from sign-in to sign-out, however often it refreshes.

use super::{Along, Event, StoreError, User};
use crate::values::{SessionId, Timestamp, UserId};
use async_trait::async_trait;
use std::net::IpAddr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    /// The user's epoch, read together with the password hash that opened this session.
    pub epoch: i64,
    /// The generation of the refresh token that is good now.
    pub generation: i64,
    /// When this generation replaced the one before: the first use of its predecessor.
    pub rotated_at: Timestamp,
    /// When the person proved who it is. A refresh renews nothing.
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    /// The end if it is not used again.
    pub idle_at: Timestamp,
    /// The end in any case.
    pub ends_at: Timestamp,
    pub address: Option<IpAddr>,
    pub agent: Option<String>,
}

impl Session {
    /// Whether it lives now for this user: decided at use, whatever a sweeper has or has not done.
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        self.user == user.id
            && user.is_active()
            && (self.epoch == user.epoch || user.kept_session == Some(self.id))
            && now < self.expires_at()
    }

    pub fn expires_at(&self) -> Timestamp {
        self.idle_at.min(self.ends_at)
    }
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a new session and the events, and ends all but the user's newest `most`. `Stale` if the store knows that
    /// the user is gone.
    async fn insert(&self, session: &Session, most: usize, events: &[Event]) -> Result<(), StoreError>;

    /// As stored, expired or not.
    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// A session and a user, read side by side for every request that brings an access token: `None` unless both are
    /// there. Whether they belong together is for the caller to see.
    async fn with_user(&self, id: SessionId, user: UserId) -> Result<Option<(Session, User)>, StoreError>;

    /// Moves a session from `generation` to the next if it is still there and not expired at `now`; returns it as it
    /// is then. One of many racers gets it, the others get `None`.
    async fn rotate(
        &self,
        id: SessionId,
        generation: i64,
        now: Timestamp,
        idle_at: Timestamp,
    ) -> Result<Option<Session>, StoreError>;

    /// Ends one session of this user and keeps what goes along, or does neither: `false` if there was none.
    async fn end(&self, id: SessionId, user: UserId, along: Along<'_>) -> Result<bool, StoreError>;

    /// The sessions of a user that are not expired at `now`, newest first. Advisory: the epoch may have ended some.
    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Removes what a raised epoch has ended already: all of the user's sessions of an earlier epoch than `epoch`,
    /// but for `kept`. Only tidies up.
    async fn forget(&self, user: UserId, epoch: i64, kept: Option<SessionId>) -> Result<(), StoreError>;

    /// Removes up to `most` sessions that have expired at `now`; returns how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError>;
}
