//! The world besides storage, as the flows see it: time, chance, the hashing of passwords and the sending of mails. The
//! binary brings the real ones, tests bring ones that they can move.

mod mail;
mod pictures;

pub use mail::{Letter, Mailer, Undelivered};
pub use pictures::{Gallery, GalleryError, PaintError, Painter, Painting, Upload};

use crate::values::{Password, PasswordHash, Timestamp};
use async_trait::async_trait;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// A source of bytes that nobody can foresee.
pub trait Random: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// What came of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and the hash is of another algorithm or of other parameters than new ones are.
    RightButOutdated,
}

/// The hashing machine is full or going down; the caller may come back after a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct Busy;

#[async_trait]
pub trait Hasher: Send + Sync {
    /// A new hash with a fresh salt.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, Busy>;

    /// Costs one hash, also where there is nothing to compare with: then the answer is `Wrong`, after as long.
    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<Verdict, Busy>;

    /// The most bytes of a password that a new hash takes in; longer ones are refused, never cut.
    fn most_bytes(&self) -> usize;
}
