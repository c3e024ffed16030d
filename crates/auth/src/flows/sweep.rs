//! Tidying up what time has ended: expired sessions and codes, old mails and events, keys that verify nothing any more.
//! Nothing depends on it, since every use decides for itself whether a thing has expired. One server at a time does it, by
//! a lease.

use super::{KeyState, KeysError};
use crate::Keyward;
use std::time::Duration;

/// How much is removed in one write, so that others are not kept waiting.
const AT_ONCE: usize = 500;
/// How long a retired key stays listed, for those who ask afterwards.
const RETIRED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const LEASE: &str = "sweep";
/// How long a server that ended without a word keeps the others from sweeping; longer than from one sweep to the next.
const LEASE_TIME: Duration = Duration::from_secs(150);

impl Keyward {
    /// Sweeps, unless another server does. `server` is a name that no other server has.
    pub async fn sweep(&self, server: &str) -> Result<(), KeysError> {
        let now = self.now();
        if !self.store.leases.take(LEASE, server, now, now + LEASE_TIME).await? {
            return Ok(());
        }
        while self.store.sessions.sweep(now, AT_ONCE).await? == AT_ONCE {}
        while self.store.codes.sweep(now, AT_ONCE).await? == AT_ONCE {}
        while self.store.mails.sweep(now - self.policy.mail_kept, AT_ONCE).await? == AT_ONCE {}
        while self.store.audit.sweep(now - self.policy.audit_kept, AT_ONCE).await? == AT_ONCE {}
        self.sweep_keys().await
    }

    /// Leaves the sweeping to others.
    pub async fn stop_sweeping(&self, server: &str) -> Result<(), KeysError> {
        Ok(self.store.leases.give_back(LEASE, server).await?)
    }

    async fn sweep_keys(&self) -> Result<(), KeysError> {
        if self.tokens.shared_secret.is_some() {
            return Ok(());
        }
        let now = self.now();
        for key in self.list_keys().await? {
            let long_gone = key.verifies_until.is_some_and(|end| end + RETIRED_KEPT < now);
            if key.state == KeyState::Retired && long_gone {
                self.store.keys.remove(&key.id).await?;
            }
        }
        Ok(())
    }
}
