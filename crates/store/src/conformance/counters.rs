//! Counters: so many at once, then one in each interval, whoever races for them.

use super::sample::*;
use keyward_auth::records::{Bucket, CounterKey, Rate, Store, Taken};
use keyward_auth::values::Timestamp;
use std::time::Duration;

/// Three, and another every 10 minutes: nothing that real time changes while a case runs.
const RATE: Rate = Rate { most: 3, window: Duration::from_secs(1800) };

fn key(number: u8) -> CounterKey {
    CounterKey([number; 16])
}

async fn take(store: &Store, key: CounterKey, rate: Rate, now: Timestamp) -> Taken {
    store.counters.take(&[Bucket { key, rate }], now).await.unwrap()[0]
}

async fn takes(store: &Store, key: CounterKey, rate: Rate, now: Timestamp) -> bool {
    matches!(take(store, key, rate, now).await, Taken::Yes { .. })
}

pub async fn so_many_at_once_and_then_one_in_each_interval(store: &Store) {
    for (left, full_in) in [(2, 600), (1, 1200), (0, 1800)] {
        let expected = Taken::Yes { left, full_in: Duration::from_secs(full_in) };
        assert_eq!(take(store, key(1), RATE, second(0)).await, expected);
    }
    for (now, wait) in [(0, 600), (0, 600), (599, 1)] {
        let expected = Taken::No { wait: Duration::from_secs(wait) };
        assert_eq!(take(store, key(1), RATE, second(now)).await, expected);
    }
    let expected = Taken::Yes { left: 0, full_in: Duration::from_secs(1800) };
    assert_eq!(take(store, key(1), RATE, second(600)).await, expected);
    assert!(!takes(store, key(1), RATE, second(600)).await);
    // Left alone for long, it is full again, and no fuller.
    for _ in 0..3 {
        assert!(takes(store, key(1), RATE, second(90_000)).await);
    }
    assert!(!takes(store, key(1), RATE, second(90_000)).await);
}

pub async fn racers_get_no_more_than_there_are(store: &Store) {
    let rate = Rate { most: 5, window: Duration::from_secs(3600) };
    let results =
        race(store, RACERS, |store, _| async move { takes(&store, key(1), rate, second(0)).await }).await;
    assert_eq!(results.into_iter().filter(|taken| *taken).count(), 5);
}

pub async fn what_is_given_back_can_be_taken_again(store: &Store) {
    for _ in 0..3 {
        assert!(takes(store, key(1), RATE, second(0)).await);
    }
    assert!(!takes(store, key(1), RATE, second(0)).await);
    store.counters.give_back(&[Bucket { key: key(1), rate: RATE }], second(0)).await.unwrap();
    assert!(takes(store, key(1), RATE, second(0)).await);
    assert!(!takes(store, key(1), RATE, second(0)).await);
}

pub async fn a_full_bucket_stays_full(store: &Store) {
    for _ in 0..9 {
        store.counters.give_back(&[Bucket { key: key(1), rate: RATE }], second(0)).await.unwrap();
    }
    assert!(takes(store, key(1), RATE, second(0)).await);
    for _ in 0..9 {
        store.counters.give_back(&[Bucket { key: key(1), rate: RATE }], second(0)).await.unwrap();
    }
    for left in [2, 1, 0] {
        let taken = take(store, key(1), RATE, second(0)).await;
        assert!(matches!(taken, Taken::Yes { left: rest, .. } if rest == left), "{taken:?}");
    }
    assert!(!takes(store, key(1), RATE, second(0)).await);
}

pub async fn buckets_do_not_mix(store: &Store) {
    let slow = Rate { most: 1, window: Duration::from_secs(86_400) };
    let mut near = [1; 16];
    near[15] = 2;
    assert!(takes(store, key(1), slow, second(0)).await);
    assert!(!takes(store, key(1), slow, second(0)).await);
    for other in [key(2), CounterKey(near), key(0)] {
        for _ in 0..3 {
            assert!(takes(store, other, RATE, second(0)).await);
        }
        assert!(!takes(store, other, RATE, second(0)).await);
    }
    store.counters.give_back(&[Bucket { key: key(2), rate: RATE }], second(0)).await.unwrap();
    assert!(!takes(store, key(1), slow, second(0)).await);
}

pub async fn many_are_taken_from_at_once_each_for_itself(store: &Store) {
    let bucket = |number, most| Bucket { key: key(number), rate: Rate { most, ..RATE } };
    let all = [bucket(1, 3), bucket(2, 1), bucket(3, 2)];
    assert_eq!(store.counters.take(&[], second(0)).await, Ok(Vec::new()));
    store.counters.give_back(&[], second(0)).await.unwrap();
    for expected in [[Some(2), Some(0), Some(1)], [Some(1), None, Some(0)], [Some(0), None, None]] {
        let taken = store.counters.take(&all, second(0)).await.unwrap();
        let left: Vec<Option<u32>> = taken.iter().map(left).collect();
        assert_eq!(left, expected);
    }
    store.counters.give_back(&all[..2], second(0)).await.unwrap();
    let taken = store.counters.take(&all, second(0)).await.unwrap();
    assert_eq!(taken.iter().map(left).collect::<Vec<_>>(), [Some(0), Some(0), None]);
}

fn left(taken: &Taken) -> Option<u32> {
    match taken {
        Taken::Yes { left, .. } => Some(*left),
        Taken::No { .. } => None,
    }
}

pub async fn a_clock_that_ran_ahead_empties_a_bucket_and_no_more(store: &Store) {
    let ahead = second(86_400);
    assert!(takes(store, key(1), RATE, ahead).await);
    let taken = take(store, key(1), RATE, second(0)).await;
    assert_eq!(taken, Taken::No { wait: RATE.interval() });
}

/// The arithmetic is that of [`Rate`], to the microsecond, also where an interval is no whole number of them.
pub async fn every_answer_is_the_rates_own(store: &Store) {
    let rates = [(7, 3601), (60, 3600), (1, 900), (11, 12_345)];
    for (number, (most, window)) in (1..).zip(rates) {
        let rate = Rate { most, window: Duration::from_secs(window) };
        let (mut full_at, mut now) = (None, second(0));
        for step in 0..200_u64 {
            now = now + Duration::from_micros(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (window * 170_000));
            if step % 5 == 4 {
                store.counters.give_back(&[Bucket { key: key(number), rate }], now).await.unwrap();
                full_at = full_at.and_then(|full_at| rate.give_back(full_at, now));
            }
            let (next, taken) = rate.take(full_at, now);
            assert_eq!(take(store, key(number), rate, now).await, taken, "step {step} of {rate:?}");
            full_at = next.or(full_at);
        }
    }
}
