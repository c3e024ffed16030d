//! Counters: token buckets that slow down whoever asks too often. A bucket is one moment, the one at which it will be
//! full again (the generic cell rate algorithm), so that it is taken from by one atomic write and expires by itself.
//!
//! A counter that is lost is a full bucket. Nothing but pace depends on it.

use super::StoreError;
use crate::values::Timestamp;
use async_trait::async_trait;
use std::time::Duration;

/// Which bucket: a keyed digest of what is counted, so that a store holds no address and no e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CounterKey(pub [u8; 16]);

/// How large a bucket is: so many at once, and as many again in each window, evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub most: u32,
    pub window: Duration,
}

/// What is taken from: a name and a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub key: CounterKey,
    pub rate: Rate,
}

/// What came of an attempt to take one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was there; so many are left, and the bucket is full again after this long.
    Yes { left: u32, full_in: Duration },
    /// The bucket was empty; the next one is there after this long. Nothing was taken.
    No { wait: Duration },
}

#[async_trait]
pub trait Counters: Send + Sync {
    /// Takes one from each bucket that has one, all in one go; the answers are in the buckets' order. Each bucket is a
    /// step of its own: of many racers no more get one than there are.
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<Vec<Taken>, StoreError>;

    /// Puts one back into each that was taken from; a full bucket stays full.
    async fn give_back(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError>;
}

impl Rate {
    /// How long one takes to come back.
    pub fn interval(self) -> Duration {
        self.window / self.most.max(1)
    }

    /// What taking one makes of a bucket that will be full at `full_at`: the moment then, and the answer; `None` leaves
    /// the bucket as it is. Every store that can compute decides by this.
    pub fn take(self, full_at: Option<Timestamp>, now: Timestamp) -> (Option<Timestamp>, Taken) {
        let interval = self.interval();
        let room = interval * self.most.max(1);
        // No bucket is emptier than empty, whatever a clock that ran ahead has left behind.
        let emptied = full_at.unwrap_or(now).clamp(now, now + room);
        let next = emptied + interval;
        let debt = next.since(now);
        match room.checked_sub(debt) {
            Some(rest) => {
                let left = rest.as_micros() / interval.as_micros().max(1);
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                (Some(next), Taken::Yes { left, full_in: debt })
            }
            // Kept, so that it fills up from here on.
            None => (Some(emptied).filter(|_| full_at != Some(emptied)), Taken::No { wait: debt - room }),
        }
    }

    /// What giving one back makes of it; `None` if the bucket is full then.
    pub fn give_back(self, full_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let emptiest = now + self.interval() * self.most.max(1);
        Some(full_at.min(emptiest) - self.interval()).filter(|full_at| *full_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { most: 3, window: Duration::from_secs(30) };

    fn second(seconds: u64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000) + Duration::from_secs(seconds)
    }

    #[test]
    fn so_many_at_once_and_then_one_in_each_interval() {
        let mut full_at = None;
        for left in [2, 1, 0] {
            let (next, taken) = RATE.take(full_at, second(0));
            assert!(matches!(taken, Taken::Yes { left: rest, .. } if rest == left), "{taken:?}");
            full_at = next;
        }
        assert_eq!(RATE.take(full_at, second(0)), (None, Taken::No { wait: Duration::from_secs(10) }));
        assert_eq!(RATE.take(full_at, second(9)), (None, Taken::No { wait: Duration::from_secs(1) }));
        let (next, taken) = RATE.take(full_at, second(10));
        assert_eq!(taken, Taken::Yes { left: 0, full_in: Duration::from_secs(30) });
        assert!(matches!(RATE.take(next, second(10)).1, Taken::No { .. }));
    }

    #[test]
    fn a_moment_from_a_clock_that_ran_ahead_is_an_empty_bucket_and_no_worse() {
        let wait = Duration::from_secs(10);
        let (empty, taken) = RATE.take(Some(second(1_000_000)), second(0));
        assert_eq!((empty, taken), (Some(second(30)), Taken::No { wait }));
        assert!(matches!(RATE.take(empty, second(10)).1, Taken::Yes { .. }), "it fills up from here on");
        assert_eq!(RATE.give_back(second(1_000_000), second(0)), Some(second(20)));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (one, _) = RATE.take(None, second(0));
        assert_eq!(RATE.give_back(one.unwrap(), second(0)), None);
        let (two, _) = RATE.take(one, second(0));
        assert_eq!(RATE.give_back(two.unwrap(), second(0)), one);
    }
}
