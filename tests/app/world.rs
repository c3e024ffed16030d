//! A clock to move, chance that repeats, and a hasher that costs nothing, counts, and can be made busy, slow or broken.

use async_trait::async_trait;
use keyward_auth::outside::{Busy, Clock, Hasher, Random, Verdict};
use keyward_auth::values::{Password, PasswordHash, Timestamp};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::watch;

/// Stands still until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    /// 2026-11-21T10:00:00Z.
    pub(crate) fn start() -> Self {
        Self(AtomicI64::new(1_795_255_200_000_000))
    }

    /// Stands still at this moment, in microseconds since 1970.
    pub(crate) fn at(micros: i64) -> Self {
        Self(AtomicI64::new(micros))
    }

    /// Stands still at the present, for who is judged by a real clock: S3 judges links so.
    pub(crate) fn present() -> Self {
        Self::at(i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap())
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_seconds()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// SplitMix64 from a seed of each node: the same for every run, never twice the same within one.
pub(crate) struct TestRandom(Mutex<u64>);

impl TestRandom {
    pub(crate) fn of_node(number: u64) -> Self {
        Self(Mutex::new(20_261_121 + (number << 32)))
    }
}

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// `fake$<salt>$<password in hexadecimal>`: right or wrong as a real hash is, for nothing.
pub(crate) struct TestHasher {
    salt: AtomicU64,
    work: AtomicUsize,
    waiting: AtomicUsize,
    is_busy: AtomicBool,
    is_broken: AtomicBool,
    is_open: watch::Sender<bool>,
}

impl Default for TestHasher {
    fn default() -> Self {
        Self {
            salt: AtomicU64::new(0),
            work: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            is_busy: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            is_open: watch::Sender::new(true),
        }
    }
}

impl TestHasher {
    /// How many hashes were computed so far, comparisons included.
    pub(crate) fn work(&self) -> usize {
        self.work.load(Ordering::SeqCst)
    }

    /// How many computations wait at the closed gate.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn set_busy(&self, busy: bool) {
        self.is_busy.store(busy, Ordering::SeqCst);
    }

    /// Every computation panics from now on.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.is_broken.store(broken, Ordering::SeqCst);
    }

    /// Computations begin and do not end until the gate opens.
    pub(crate) fn close_gate(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn open_gate(&self) {
        self.is_open.send_replace(true);
    }

    async fn compute(&self) -> Result<(), Busy> {
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(Busy);
        }
        assert!(!self.is_broken.load(Ordering::SeqCst), "a hasher that was broken on purpose");
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.is_open.subscribe().wait_for(|open| *open).await.unwrap();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.work.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn hex(password: &Password) -> String {
    password.expose().bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[async_trait]
impl Hasher for TestHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, Busy> {
        self.compute().await?;
        let salt = self.salt.fetch_add(1, Ordering::SeqCst);
        Ok(PasswordHash::stored(format!("fake${salt}${}", hex(password))))
    }

    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<Verdict, Busy> {
        self.compute().await?;
        let is_right =
            hash.is_some_and(|hash| hash.expose().rsplit('$').next() == Some(hex(password).as_str()));
        Ok(match hash {
            Some(hash) if is_right && hash.expose().starts_with("old$") => Verdict::RightButOutdated,
            _ if is_right => Verdict::Right,
            _ => Verdict::Wrong,
        })
    }

    fn most_bytes(&self) -> usize {
        Password::MOST_BYTES
    }
}
