//! Whether the service can do its work: every part of the store answers, and its clock agrees with ours.

use crate::Keyward;
use crate::records::StoreError;
use std::time::Duration;

/// What is wrong with a part.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sessions and codes would end early or late.
    #[error("the clocks are {} s apart; see to it that both follow a time server", .0.as_secs())]
    Clock(Duration),
}

impl Keyward {
    /// How each part of the store is, by name.
    pub async fn health(&self) -> Vec<(&'static str, Result<(), PartError>)> {
        let mut parts = Vec::with_capacity(self.store.parts.len());
        for part in &self.store.parts {
            let checked = match part.check().await {
                Ok(Some(theirs)) => {
                    let ours = self.now();
                    let apart = ours.since(theirs).max(theirs.since(ours));
                    let is_far = !self.policy.clock_skew.is_zero() && apart > self.policy.clock_skew;
                    if is_far { Err(PartError::Clock(apart)) } else { Ok(()) }
                }
                other => other.map(drop).map_err(PartError::from),
            };
            parts.push((part.name(), checked));
        }
        parts
    }
}
