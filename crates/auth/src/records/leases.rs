//! Leases: which of several servers on one store does the periodic work. A lease only spares work twice done: whatever
//! runs under one is safe to run on two servers at once.

use super::StoreError;
use crate::values::Timestamp;
use async_trait::async_trait;

#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes or prolongs the lease `name` for `holder` until `until`: `false` if another holds it beyond `now`. Of many
    /// racers one gets it.
    async fn take(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives the lease back, if `holder` has it.
    async fn give_back(&self, name: &str, holder: &str) -> Result<(), StoreError>;
}
