//! What lies about: names under which there may be objects of a picture that is nobody's. A name stands here from before its
//! first object is written until its last is gone, but for the time in which it is somebody's picture; so no crash leaves
//! an object of which nobody knows.

use super::StoreError;
use crate::values::{Picture, Timestamp, UserId};
use async_trait::async_trait;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leftover {
    pub picture: Picture,
    /// Whose picture it was, or was to be.
    pub user: UserId,
    /// When it is to be looked at, and taken away if it is not that user's picture then.
    pub due_at: Timestamp,
}

#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Keeps it; of a name that is kept already only the time changes.
    async fn put(&self, leftover: &Leftover) -> Result<(), StoreError>;

    /// Up to `most` that are due at `now`, the longest due first, each for this caller alone until `until`, which is its
    /// `due_at` then. Of many racers one gets it.
    async fn claim(&self, now: Timestamp, until: Timestamp, most: usize)
    -> Result<Vec<Leftover>, StoreError>;

    /// Forgets it if it is due when this one says: `false` if it is not there, or is due at another time by now.
    async fn remove(&self, leftover: &Leftover) -> Result<bool, StoreError>;
}
