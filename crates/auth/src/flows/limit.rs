//! How often one address may ask for what is costly. Counted before the work is done, by address and, more generously,
//! by network; who asks without an address, on the command line, is not counted. Wrong passwords are
//! [`tries`](super::tries)' to count.

use super::Caller;
use crate::Keyward;
use crate::policy::Limits;
use crate::records::{Bucket, Rate, Taken};
use crate::values::{Network, UserId};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A kind of request that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What makes an account for oneself.
    Registrations,
    /// What hashes a password or causes a mail.
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

impl Keyward {
    /// Counts a request that belongs to all of these classes, and tells how the address stands with each of them then.
    pub async fn admit(&self, classes: &[Class], caller: &Caller) -> Result<Vec<Standing>, Limited> {
        let Some(address) = caller.address else { return Ok(Vec::new()) };
        let limits = &self.policy.limits;
        let rates: Vec<(Class, Rate)> = classes.iter().map(|class| (*class, class.rate(limits))).collect();
        let buckets: Vec<Bucket> =
            rates.iter().flat_map(|(class, rate)| self.of_address(class.as_str(), address, *rate)).collect();
        let taken = self.take(&buckets).await;

        let mut standings = Vec::with_capacity(rates.len());
        for ((class, rate), of_class) in rates.into_iter().zip(taken.chunks(2)) {
            let mut standing = Standing { class, rate, left: rate.most, full_in: Duration::ZERO };
            for one in of_class {
                match *one {
                    Taken::Yes { left, full_in } if left < standing.left => {
                        standing = Standing { left, full_in, ..standing };
                    }
                    Taken::Yes { .. } => {}
                    Taken::No { wait } => {
                        self.put_back(&granted(&buckets, &taken)).await;
                        let standing = Standing { left: 0, full_in: wait, ..standing };
                        return Err(Limited { wait, standing: Some(standing) });
                    }
                }
            }
            standings.push(standing);
        }
        Ok(standings)
    }

    /// Counts that a person ends all of one's sessions. Each time the codes that set a password are over: else whoever knows
    /// the password could do so all the time, and the owner would never come to use one.
    /// What came to nothing is to be put back: else who owns the account could be kept from it.
    pub(super) async fn count_ending(&self, user: UserId) -> Result<Bucket, Limited> {
        self.count_of(user, "endings", self.policy.limits.endings).await
    }

    /// Counts what a person does with the own account, or from it.
    pub(super) async fn count_of(&self, user: UserId, what: &str, rate: Rate) -> Result<Bucket, Limited> {
        let bucket = Bucket { key: self.tokens.counters.key(what, &[user.as_bytes()]), rate };
        match longest_wait(&self.take(&[bucket]).await) {
            None => Ok(bucket),
            Some(wait) => Err(Limited { wait, standing: None }),
        }
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

    /// Takes one from each. Counters that fail let everybody through: pace depends on them and nothing else, and a
    /// service that lets nobody in any more would be the worse failure.
    pub(super) async fn take(&self, buckets: &[Bucket]) -> Vec<Taken> {
        match self.store.counters.take(buckets, self.now()).await {
            Ok(taken) => {
                FAILS.store(false, Ordering::Relaxed);
                taken
            }
            Err(error) => {
                if !FAILS.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the counters fail; until they work again nobody is slowed down");
                }
                let full = |bucket: &Bucket| Taken::Yes { left: bucket.rate.most, full_in: Duration::ZERO };
                buckets.iter().map(full).collect()
            }
        }
    }

    /// Puts one back into each. What fails is forgotten: then somebody waits a little longer.
    pub(super) async fn put_back(&self, taken: &[Bucket]) {
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.store.counters.give_back(taken, self.now()).await {
            tracing::debug!(%error, "counters were not put back");
        }
    }
}

/// The buckets that gave one.
pub(super) fn granted(buckets: &[Bucket], taken: &[Taken]) -> Vec<Bucket> {
    let pairs = buckets.iter().zip(taken);
    pairs.filter(|(_, taken)| matches!(taken, Taken::Yes { .. })).map(|(bucket, _)| *bucket).collect()
}

/// How long until every bucket that was empty has one; `None` if none was.
pub(super) fn longest_wait(taken: &[Taken]) -> Option<Duration> {
    let wait = |taken: &Taken| match taken {
        Taken::Yes { .. } => None,
        Taken::No { wait } => Some(*wait),
    };
    taken.iter().filter_map(wait).max()
}

/// Whether the failure of the counters was told already: it is told once, not at each request.
static FAILS: AtomicBool = AtomicBool::new(false);
