//! Signing keys as they are kept: sealed, and only ever added. When a key stops signing and verifying follows from its
//! successor, so that a rotation is one insert.

use super::StoreError;
use crate::values::Timestamp;
use async_trait::async_trait;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The `kid`.
    pub id: String,
    /// The name of the algorithm as in JWS: `ES256`.
    pub algorithm: String,
    /// 1, 2, 3 ... for each algorithm.
    pub sequence: i64,
    /// The private key, encrypted under the master secret.
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
    /// From when on it signs. It verifies, and is published, from its creation.
    pub signs_from: Timestamp,
}

#[async_trait]
pub trait Keys: Send + Sync {
    /// All, of every algorithm, by algorithm and sequence.
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// `Taken(Key)` if the sequence number is taken: another was quicker.
    async fn insert(&self, key: &StoredKey) -> Result<(), StoreError>;

    /// Removes one key, if it is there.
    async fn remove(&self, id: &str) -> Result<(), StoreError>;
}
