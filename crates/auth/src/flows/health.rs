//! Whether the service can do its work: every part of the store answers.

use crate::Keyward;
use crate::records::StoreError;

impl Keyward {
    /// Whether each part of the store answers, by name.
    pub async fn health(&self) -> Vec<(&'static str, Result<(), StoreError>)> {
        let mut parts = Vec::with_capacity(self.store.parts.len());
        for part in &self.store.parts {
            parts.push((part.name(), part.check().await));
        }
        parts
    }
}
