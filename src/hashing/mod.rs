//! The machine that hashes passwords: it brings `keyward_auth::outside::Hasher` to real Argon2id and bcrypt, on threads
//! of its own. Owns algorithms, threads and memory; knows no users, and what a password may be is `keyward_auth`'s.

mod algorithms;
mod memory;
mod pool;
#[cfg(test)]
mod tests;

use algorithms::{BCRYPT_BYTES, Scheme};
use argon2::Params;
use async_trait::async_trait;
use keyward_auth::outside::{Busy, Hasher, Verdict};
use keyward_auth::values::{Password, PasswordHash};
use memory::Budget;
use std::sync::Arc;
use std::{io, thread};

/// How new passwords are hashed; both are always verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    Argon2id,
    Bcrypt,
}

/// The configuration's `passwords` and `hashing`. Bounds are the configuration's business, so that tests can be cheap.
#[derive(Debug, Clone)]
pub struct HashSettings {
    pub algorithm: HashAlgorithm,
    /// Memory of one Argon2id hash in KiB.
    pub memory_kib: u32,
    /// Passes of Argon2id over that memory.
    pub passes: u32,
    /// bcrypt's work factor: 2^cost rounds.
    pub bcrypt_cost: u32,
    /// How many passwords are hashed at a time; 0 is as many as there are cores, or as the container's quota allows.
    pub threads: usize,
    /// How many may wait; the next is told to come back later.
    pub queue: usize,
    /// What all threads together may use, in MiB. There are never more threads than fit, but always one.
    pub memory_budget_mib: usize,
}

/// Hashes and verifies on a few threads of lowered priority, see `pool`.
pub struct HashPool {
    scheme: Scheme,
    workers: pool::Workers,
}

impl HashPool {
    /// Starts the threads. Fails where the system gives none, or where no Argon2id has such parameters.
    pub fn new(settings: &HashSettings) -> io::Result<Arc<Self>> {
        let params = Params::new(settings.memory_kib, settings.passes, 1, Some(Params::DEFAULT_OUTPUT_LEN))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let standard = params.block_count();
        let total = settings.memory_budget_mib.saturating_mul(1024);
        let wanted = match settings.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let threads = wanted.min(total / standard).max(1);
        let budget = Budget::new(standard, threads, total);
        let workers = pool::Workers::start(threads, settings.queue, &budget)?;
        tracing::debug!(threads, largest_kib = budget.most(), "hashing is ready");
        let scheme = match settings.algorithm {
            HashAlgorithm::Argon2id => Scheme::Argon2id(params),
            HashAlgorithm::Bcrypt => Scheme::Bcrypt { cost: settings.bcrypt_cost },
        };
        Ok(Arc::new(Self { scheme, workers }))
    }
}

#[async_trait]
impl Hasher for HashPool {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, Busy> {
        let (scheme, password) = (self.scheme.clone(), password.clone());
        let made = self.workers.run(move |memory| scheme.hash(password.expose().as_bytes(), memory)).await?;
        made.map(PasswordHash::stored).ok_or_else(|| {
            tracing::error!("no hash was made: no randomness, or a password of more bytes than `most_bytes`");
            Busy
        })
    }

    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<Verdict, Busy> {
        let (scheme, password, hash) = (self.scheme.clone(), password.clone(), hash.cloned());
        self.workers
            .run(move |memory| {
                let hash = hash.as_ref().map(PasswordHash::expose);
                scheme.verify(password.expose().as_bytes(), hash, memory)
            })
            .await
    }

    fn most_bytes(&self) -> usize {
        match self.scheme {
            Scheme::Argon2id(_) => Password::MOST_BYTES,
            Scheme::Bcrypt { .. } => BCRYPT_BYTES,
        }
    }
}
