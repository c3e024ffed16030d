//! Counters in the process: a table of fixed size, so that no flood of names makes it grow. What does not fit pushes out
//! what is nearest to being full again: buckets of minutes before those of a day, and of equal ones the fullest.

use async_trait::async_trait;
use keyward_auth::records::{self, Bucket, CounterKey, Rate, StoreError, Taken};
use keyward_auth::values::Timestamp;
use std::sync::{Mutex, PoisonError};

/// How many buckets compete for room. Which row a key falls into is a secret of whoever makes keys, so that nobody can
/// fill the row of somebody else on purpose.
const PLACES: usize = 16;
/// How many rows share a lock.
const ROWS: usize = 512;
const LOCKS: usize = 16;

/// A key and the moment at which its bucket is full; zeros are an empty place.
type Place = ([u8; 16], i64);
const EMPTY: Place = ([0; 16], 0);

/// 131,072 buckets, 3 MiB if all are used. Memory that no bucket has used yet is not taken from the system: a table of
/// zeros is asked for as such.
pub struct Counters([Mutex<Vec<Place>>; LOCKS]);

impl Default for Counters {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(vec![EMPTY; ROWS * PLACES])))
    }
}

#[async_trait]
impl records::Counters for Counters {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        let take_one = |bucket: &Bucket| self.with(bucket.key, |row| take(row, bucket.key, bucket.rate, now));
        Ok(buckets.iter().map(take_one).collect())
    }

    async fn give_back(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        for bucket in buckets {
            self.with(bucket.key, |row| give_back(row, bucket.key, bucket.rate, now));
        }
        Ok(())
    }
}

impl Counters {
    /// Works on the row of a key. The key is a digest: any part of it is as good as a hash.
    fn with<T>(&self, key: CounterKey, work: impl FnOnce(&mut [Place]) -> T) -> T {
        let row = usize::from(u16::from_le_bytes([key.0[0], key.0[1]])) % ROWS;
        let mut table = self.0[usize::from(key.0[2]) % LOCKS].lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut table[row * PLACES..][..PLACES])
    }
}

fn take(row: &mut [Place], key: CounterKey, rate: Rate, now: Timestamp) -> Taken {
    let place = find(row, key);
    let full_at = place.map(|place| Timestamp::from_micros(row[place].1));
    let (next, taken) = rate.take(full_at, now);
    if let Some(next) = next {
        let place = place.unwrap_or_else(|| nearest_to_full(row));
        row[place] = (key.0, next.as_micros());
    }
    taken
}

fn give_back(row: &mut [Place], key: CounterKey, rate: Rate, now: Timestamp) {
    if let Some(place) = find(row, key) {
        let full_at = rate.give_back(Timestamp::from_micros(row[place].1), now);
        row[place] = full_at.map_or(EMPTY, |full_at| (key.0, full_at.as_micros()));
    }
}

fn find(row: &[Place], key: CounterKey) -> Option<usize> {
    row.iter().position(|(of, _)| *of == key.0)
}

/// The place to give to another: an empty one, or the one with the least debt.
fn nearest_to_full(row: &[Place]) -> usize {
    (0..row.len()).min_by_key(|place| row[*place].1).unwrap_or_default()
}
