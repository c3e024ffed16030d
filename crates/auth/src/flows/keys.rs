//! The signing keys: made at the first start, rotated by hand, watched for what other processes did. Keys are only
//! ever added; which one signs and which still verify follows from their order.

use crate::Keyward;
use crate::records::{StoreError, StoredKey, Unique};
use crate::tokens::{Algorithm, KeyError, Ring, SigningKey};
use crate::values::Timestamp;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// HS256 signs with `SECRET_KEY`, which is changed in the configuration.
    #[error("HS256 signs with SECRET_KEY, which is not rotated here: set another one and restart")]
    Shared,
    #[error("another rotation is under way; look at the list and try again")]
    Raced,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and signs from its time on.
    Coming,
    Signing,
    /// Signs no more; its tokens are still good.
    Verifying,
    Retired,
}

/// A key as an operator sees it.
#[derive(Debug, Clone)]
pub struct KnownKey {
    pub id: String,
    pub algorithm: String,
    pub state: KeyState,
    pub created_at: Timestamp,
    pub signs_from: Timestamp,
    pub verifies_until: Option<Timestamp>,
}

impl Keyward {
    /// Puts the stored keys in force, and makes the first one where there is none. Called at the start, and again
    /// whenever they may have changed; keys that are in force already stay as they are.
    pub async fn load_keys(&self) -> Result<(), KeysError> {
        if let Some(secret) = &self.tokens.shared_secret {
            if self.tokens.access.ring().keys().is_empty() {
                self.tokens.access.install(Ring::shared(SigningKey::shared(secret)));
            }
            return Ok(());
        }
        let mut stored = self.stored_keys().await?;
        if stored.is_empty() {
            match self.add_key(1, self.now()).await {
                // Another process was quicker; its key is ours.
                Ok(()) | Err(KeysError::Raced) => stored = self.stored_keys().await?,
                Err(error) => return Err(error),
            }
        }
        let ring = self.tokens.access.ring();
        if !ring.keys().iter().map(|key| &key.id).eq(stored.iter().map(|key| &key.id)) {
            self.tokens.access.install(self.open_ring(&stored)?);
        }
        Ok(())
    }

    /// Adds a key, which signs after a lead in which every node learns of it. The keys before it go on verifying for
    /// as long as their last token may live.
    pub async fn rotate_keys(&self) -> Result<(), KeysError> {
        if self.tokens.shared_secret.is_some() {
            return Err(KeysError::Shared);
        }
        let last = self.stored_keys().await?.last().map_or(0, |key| key.sequence);
        let lead = if last == 0 { std::time::Duration::ZERO } else { self.policy.key_lead };
        self.add_key(last + 1, self.now() + lead).await?;
        self.load_keys().await
    }

    /// Every stored key of the algorithm in use, oldest first.
    pub async fn list_keys(&self) -> Result<Vec<KnownKey>, KeysError> {
        let stored = self.stored_keys().await?;
        let ring = self.open_ring(&stored)?;
        let now = self.now();
        let signing = ring.signing(now).map(|key| key.id.clone());
        let known = ring.keys().iter().zip(&stored).map(|(key, stored)| KnownKey {
            id: key.id.clone(),
            algorithm: stored.algorithm.clone(),
            state: match key.verifies_until {
                _ if signing.as_ref() == Some(&key.id) => KeyState::Signing,
                _ if now < key.signs_from => KeyState::Coming,
                Some(end) if end <= now => KeyState::Retired,
                _ => KeyState::Verifying,
            },
            created_at: stored.created_at,
            signs_from: key.signs_from,
            verifies_until: key.verifies_until,
        });
        Ok(known.collect())
    }

    fn open_ring(&self, stored: &[StoredKey]) -> Result<Ring, KeyError> {
        let overlap = self.policy.access_ttl + self.policy.clock_leeway;
        Ring::open(stored, self.tokens.algorithm, &self.tokens.sealer, overlap)
    }

    async fn stored_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let mut keys = self.store.keys.all().await?;
        keys.retain(|key| key.algorithm == self.tokens.algorithm.as_str());
        Ok(keys)
    }

    async fn add_key(&self, sequence: i64, signs_from: Timestamp) -> Result<(), KeysError> {
        let algorithm: Algorithm = self.tokens.algorithm;
        let mut id = [0; 12];
        self.random.fill(&mut id);
        let id = BASE64.encode(id);
        let private = zeroize::Zeroizing::new(SigningKey::generate(algorithm)?);
        let key = StoredKey {
            sealed: self.tokens.sealer.seal(&id, &private)?,
            id,
            algorithm: algorithm.as_str().to_owned(),
            sequence,
            created_at: self.now(),
            signs_from,
        };
        match self.store.keys.insert(&key).await {
            Err(StoreError::Taken(Unique::Key)) => Err(KeysError::Raced),
            other => Ok(other?),
        }
    }
}
