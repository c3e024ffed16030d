//! The real world: the system's clock, and randomness from the cryptographic library.

use keyward_auth::outside::{Clock, Random};
use keyward_auth::values::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Ids and secrets of foreseeable bytes would be worse than no service at all.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            tracing::error!("the system gives no randomness");
            std::process::abort();
        }
    }
}
