//! How often one address may ask for what is costly. Counted before the work is done, by address and, more generously,
//! by network; who asks without an address, on the command line, is not counted. Wrong passwords are
//! [`tries`](super::tries)' to count.

use super::Caller;
use crate::Keyward;
use crate::policy::Limits;
use crate::records::{CounterKey, Rate, Taken};
use crate::values::Network;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A kind of request that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What makes an account for oneself.
    Registrations,
    /// What hashes a password.
    Passwords,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registrations => "registrations",
            Self::Passwords => "passwords",
        }
    }

    fn rate(self, limits: &Limits) -> Rate {
        match self {
            Self::Registrations => limits.registrations,
            Self::Passwords => limits.passwords,
        }
    }
}

/// How an address stands with a class of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub class: Class,
    pub rate: Rate,
    /// How many more would be let through at once.
    pub left: u32,
    /// How long until that is all of `rate` again; where nothing is left, until there is one.
    pub full_in: Duration,
}

/// Too much was asked for. Nothing was done, and nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct Limited {
    /// How long to wait before the next try can be let through.
    pub wait: Duration,
    /// The class that was asked for too often, as its address may know; `None` where an account was tried too often.
    pub standing: Option<Standing>,
}

/// What is taken from: a name and a size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub(super) key: CounterKey,
    pub(super) rate: Rate,
}

impl Keyward {
    /// Counts a request that belongs to all of these classes, and tells how the address stands with each of them then.
    pub async fn admit(&self, classes: &[Class], caller: &Caller) -> Result<Vec<Standing>, Limited> {
        let Some(address) = caller.address else { return Ok(Vec::new()) };
        let mut taken = Vec::with_capacity(2 * classes.len());
        let mut standings = Vec::with_capacity(classes.len());
        for class in classes {
            let rate = class.rate(&self.policy.limits);
            let mut standing = Standing { class: *class, rate, left: rate.most, full_in: Duration::ZERO };
            for bucket in self.of_address(class.as_str(), address, rate) {
                match self.take(bucket).await {
                    Taken::Yes { left, full_in } if left < standing.left => {
                        standing = Standing { left, full_in, ..standing };
                    }
                    Taken::Yes { .. } => {}
                    Taken::No { wait } => {
                        self.put_back(&taken).await;
                        let standing = Standing { left: 0, full_in: wait, ..standing };
                        return Err(Limited { wait, standing: Some(standing) });
                    }
                }
                taken.push(bucket);
            }
            standings.push(standing);
        }
        Ok(standings)
    }

    /// The two buckets of an address: its own, and the larger one of its network.
    pub(super) fn of_address(&self, kind: &str, address: IpAddr, rate: Rate) -> [Bucket; 2] {
        let larger = Rate { most: rate.most.saturating_mul(Limits::NETWORK), ..rate };
        let key =
            |of: &str, network: Network| self.tokens.counters.key(kind, &[of.as_bytes(), network.as_bytes()]);
        [
            Bucket { key: key("host", Network::host(address)), rate },
            Bucket { key: key("network", Network::wide(address)), rate: larger },
        ]
    }

    /// Takes one. Counters that fail let everybody through: pace depends on them and nothing else, and a service that
    /// lets nobody in any more would be the worse failure.
    pub(super) async fn take(&self, bucket: Bucket) -> Taken {
        match self.store.counters.take(bucket.key, bucket.rate, self.now()).await {
            Ok(taken) => {
                FAILS.store(false, Ordering::Relaxed);
                taken
            }
            Err(error) => {
                if !FAILS.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the counters fail; until they work again nobody is slowed down");
                }
                Taken::Yes { left: bucket.rate.most, full_in: Duration::ZERO }
            }
        }
    }

    /// Puts one back into each. What fails is forgotten: then somebody waits a little longer.
    pub(super) async fn put_back(&self, taken: &[Bucket]) {
        for bucket in taken {
            if let Err(error) = self.store.counters.give_back(bucket.key, bucket.rate, self.now()).await {
                tracing::debug!(%error, "a counter was not put back");
            }
        }
    }
}

/// Whether the failure of the counters was told already: it is told once, not at each request.
static FAILS: AtomicBool = AtomicBool::new(false);
