//! The yardstick *hash*: passwords that Keyward's own hashing machine verifies in a second, alone, with the default
//! parameters on all cores, asked for by as many tasks as there are clients otherwise. Prints one JSON object.

use crate::{Failure, config, say};
use keyward::wiring::World;
use keyward_auth::outside::Hasher;
use keyward_auth::values::{Password, PasswordHash};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) async fn run(seconds: f64, tasks: usize) -> Result<(), Failure> {
    let hasher = World::real(&config()?)?.hasher;
    let password = Password::parse("a quiet blue harbour").map_err(|invalid| invalid.to_string())?;
    let hash = hasher.hash(&password).await?;
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..tasks {
        tokio::spawn(forever(hasher.clone(), password.clone(), hash.clone(), done.clone()));
    }
    // What is begun and not finished counts as little at the start as at the end.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, ticks, start) = (done.load(Ordering::Relaxed), cpu_ticks()?, Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let (count, took) = (done.load(Ordering::Relaxed) - before, start.elapsed().as_secs_f64());
    let ticks = cpu_ticks()? - ticks;
    say(&json!({"count": count, "per_second": to_f64(count) / took, "cpu_ticks": ticks}).to_string())
}

/// User and system time of this process, see proc_pid_stat(5): fields 14 and 15, of which 3 is the first after the name.
fn cpu_ticks() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat is not as expected")?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = times.next().zip(times.next()).ok_or("/proc/self/stat is too short")?;
    Ok(user? + system?)
}

async fn forever(hasher: Arc<dyn Hasher>, password: Password, hash: PasswordHash, done: Arc<AtomicU64>) {
    while hasher.verify(&password, Some(&hash)).await.is_ok() {
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn to_f64(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
