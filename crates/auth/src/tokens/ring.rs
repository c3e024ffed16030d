//! The signing keys as they are in force: which one signs now, and which still verify. Made anew when the stored keys
//! change; never altered.

use super::{Algorithm, KeyError, Sealer, SigningKey};
use crate::records::StoredKey;
use crate::values::Timestamp;
use std::time::Duration;

pub struct RingKey {
    pub id: String,
    pub key: SigningKey,
    pub signs_from: Timestamp,
    /// Until when it verifies: its successor's beginning and the longest life of a token; `None` while it has none.
    pub verifies_until: Option<Timestamp>,
}

#[derive(Default)]
pub struct Ring {
    keys: Vec<RingKey>,
}

impl Ring {
    /// The ring of one algorithm's stored keys, in the order of their sequence. A token outlives its key's signing by
    /// at most `overlap`.
    pub fn open(
        stored: &[StoredKey],
        algorithm: Algorithm,
        sealer: &Sealer,
        overlap: Duration,
    ) -> Result<Self, KeyError> {
        let ours: Vec<&StoredKey> = stored.iter().filter(|key| key.algorithm == algorithm.as_str()).collect();
        let mut keys = Vec::with_capacity(ours.len());
        for (place, stored) in ours.iter().enumerate() {
            let private = sealer.open(&stored.id, &stored.sealed)?;
            keys.push(RingKey {
                key: SigningKey::read(algorithm, &stored.id, &private)?,
                id: stored.id.clone(),
                signs_from: stored.signs_from,
                verifies_until: ours.get(place + 1).map(|next| next.signs_from + overlap),
            });
        }
        Ok(Self { keys })
    }

    /// The ring of HS256: one key that never retires.
    pub fn shared(key: SigningKey) -> Self {
        Self {
            keys: vec![RingKey {
                id: String::new(),
                key,
                signs_from: Timestamp::from_micros(0),
                verifies_until: None,
            }],
        }
    }

    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The newest key whose time to sign has come; failing that, the oldest.
    pub fn signing(&self, now: Timestamp) -> Option<&RingKey> {
        self.keys.iter().rev().find(|key| key.signs_from <= now).or(self.keys.first())
    }

    /// The key whose tokens begin with exactly this header, if it still verifies.
    ///
    /// A header is never parsed: it either is what we write or it is nobody's. So neither `alg` nor `kid`, `jku`, `jwk`,
    /// `x5u` or `crit` of a token can choose anything (RFC 8725, sections 3.1 and 3.10).
    pub(super) fn verifying(&self, header: &str, now: Timestamp) -> Option<&RingKey> {
        self.keys
            .iter()
            .find(|key| key.key.header() == header && key.verifies_until.is_none_or(|end| now < end))
    }
}
