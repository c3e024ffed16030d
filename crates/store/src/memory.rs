//! Counters in the process: a table of fixed size, so that no flood of names makes it grow. What does not fit pushes out
//! what is nearest to being full again.

use async_trait::async_trait;
use keyward_auth::records::{self, CounterKey, Rate, StoreError, Taken};
use keyward_auth::values::Timestamp;
use std::sync::{Mutex, PoisonError};

/// How many buckets share a lock and compete for room.
const PLACES: usize = 16;
const ROWS: usize = 8192;

/// A key and the moment at which its bucket is full; zeros are an empty place.
type Place = ([u8; 16], i64);

/// 131,072 buckets, 3 MiB if all are used.
pub struct Counters(Vec<Mutex<[Place; PLACES]>>);

impl Default for Counters {
    fn default() -> Self {
        Self((0..ROWS).map(|_| Mutex::new([([0; 16], 0); PLACES])).collect())
    }
}

#[async_trait]
impl records::Counters for Counters {
    async fn take(&self, key: CounterKey, rate: Rate, now: Timestamp) -> Result<Taken, StoreError> {
        Ok(self.with(key, |places| {
            let place = find(places, key);
            let full_at = place.map(|place| Timestamp::from_micros(places[place].1));
            let (next, taken) = rate.take(full_at, now);
            if let Some(next) = next {
                let place = place.unwrap_or_else(|| nearest_to_full(places));
                places[place] = (key.0, next.as_micros());
            }
            taken
        }))
    }

    async fn give_back(&self, key: CounterKey, rate: Rate, now: Timestamp) -> Result<(), StoreError> {
        self.with(key, |places| {
            if let Some(place) = find(places, key) {
                let full_at = rate.give_back(Timestamp::from_micros(places[place].1), now);
                places[place] = full_at.map_or(([0; 16], 0), |full_at| (key.0, full_at.as_micros()));
            }
        });
        Ok(())
    }
}

impl Counters {
    fn with<T>(&self, key: CounterKey, work: impl FnOnce(&mut [Place; PLACES]) -> T) -> T {
        // The key is a digest: any part of it is as good as a hash.
        let row = usize::from(u16::from_le_bytes([key.0[0], key.0[1]])) % ROWS;
        work(&mut self.0[row].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn find(places: &[Place], key: CounterKey) -> Option<usize> {
    places.iter().position(|(of, _)| *of == key.0)
}

/// The place to give to another: an empty one, or the one with the least debt.
fn nearest_to_full(places: &[Place]) -> usize {
    (0..places.len()).min_by_key(|place| places[*place].1).unwrap_or_default()
}
