//! The table of counters in the process, flooded: it does not grow, and whom it holds back it goes on holding back.
//! Alone in its process, since it measures that.

use keyward_auth::records::{Bucket, CounterKey, Counters as _, Rate, Taken};
use keyward_auth::values::Timestamp;
use keyward_store::memory::Counters;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_micros(1_795_254_000_000_000);
/// As at an account: what takes long to come back.
const SLOW: Rate = Rate { most: 10, window: Duration::from_secs(15 * 60) };
/// As at an address.
const QUICK: Rate = Rate { most: 60, window: Duration::from_secs(60) };

/// A key as a keyed digest would be, from a number (splitmix64).
fn key(number: u64) -> CounterKey {
    let mix = |state: u64| {
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let halves = [mix(number.wrapping_mul(2)), mix(number.wrapping_mul(2) + 1)];
    CounterKey((u128::from(halves[0]) << 64 | u128::from(halves[1])).to_le_bytes())
}

/// Memory of this process that is really there, in KiB; `None` where the system does not say.
fn resident() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[tokio::test]
async fn a_flood_neither_grows_it_nor_lets_anybody_off() {
    let before = resident();
    let counters = Counters::default();
    let made = resident();

    // Those who have tried too often.
    let held: Vec<CounterKey> = (1..=100).map(|number| key(u64::MAX / 4 + number)).collect();
    for key in &held {
        while matches!(
            counters.take(&[Bucket { key: *key, rate: SLOW }], NOW).await.unwrap()[0],
            Taken::Yes { .. }
        ) {}
    }
    for number in 0..10_000_000 {
        let quick = [Bucket { key: key(number), rate: QUICK }];
        counters.take(&quick, NOW + Duration::from_micros(number)).await.unwrap();
    }
    let flooded = resident();
    for key in &held {
        // 10 seconds later, of the 90 that one takes to come back.
        let slow = [Bucket { key: *key, rate: SLOW }];
        let taken = counters.take(&slow, NOW + Duration::from_secs(10)).await.unwrap()[0];
        assert!(matches!(taken, Taken::No { .. }), "{taken:?}");
    }

    if let (Some(before), Some(made), Some(flooded)) = (before, made, flooded) {
        assert!(made - before < 256, "{} KiB before anybody was counted", made - before);
        assert!(flooded - made < 4096, "{} KiB after the flood", flooded - made);
    }
}
