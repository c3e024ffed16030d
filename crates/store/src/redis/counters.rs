//! Counters in Redis: a number each, the moment at which the bucket is full, gone by itself when it is. While Redis does
//! not answer, every process counts for itself.

use super::Shared;
use super::script::Script;
use super::trouble::Failure;
use crate::{hex, memory};
use async_trait::async_trait;
use keyward_auth::records::{self, Bucket, CounterKey, StoreError, Taken};
use keyward_auth::values::Timestamp;
use redis::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// `Rate::take` in whole microseconds, which all of its numbers are here: ARGV is now, interval and room. Returns the
/// moment as it was; the answer follows from that. Numbers are written by a format, since Lua would round them.
const TAKE: &str = "
local kept = redis.call('GET', KEYS[1])
local now = tonumber(ARGV[1])
local full_at = math.min(math.max(tonumber(kept or 0), now), now + tonumber(ARGV[3])) + tonumber(ARGV[2])
local debt = full_at - now
if debt > 0 and debt <= tonumber(ARGV[3]) then
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', string.format('%.0f', math.ceil(debt / 1000)))
end
return kept";

/// `Rate::give_back`: ARGV is now and interval.
const GIVE_BACK: &str = "
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local full_at = math.min(tonumber(kept), tonumber(ARGV[1]) + tonumber(ARGV[3])) - tonumber(ARGV[2])
local debt = full_at - tonumber(ARGV[1])
if debt > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', string.format('%.0f', math.ceil(debt / 1000)))
else
  redis.call('DEL', KEYS[1])
end
return 1";

/// How long nothing may have failed before it is said that all is well again.
const WELL_AGAIN: Duration = Duration::from_secs(2);

pub(super) struct Counters {
    shared: Arc<Shared>,
    take: Script,
    give_back: Script,
    /// Where it is counted while Redis does not answer.
    own: memory::Counters,
    is_out: AtomicBool,
    /// When Redis failed last, if it is not well yet. A full one refuses some commands and answers others.
    failed_at: Mutex<Option<Instant>>,
}

impl Counters {
    pub(super) fn new(shared: Arc<Shared>, own: memory::Counters) -> Self {
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        Self { shared, take, give_back, own, is_out: AtomicBool::new(false), failed_at: Mutex::default() }
    }

    async fn take_there(&self, buckets: &[Bucket], now: Timestamp) -> Result<Vec<Taken>, Failure> {
        let kept = self.take.run_each(&self.shared.connection, &self.runs(buckets, now)).await?;
        let taken = |(bucket, value): (&Bucket, Value)| {
            let full_at = match value {
                Value::Nil => None,
                value => {
                    let micros: Result<i64, _> = redis::from_redis_value(value);
                    let unread = |_| Failure::Refused("a counter in Redis holds no number".into());
                    Some(Timestamp::from_micros(micros.map_err(unread)?))
                }
            };
            Ok(bucket.rate.take(full_at, now).1)
        };
        buckets.iter().zip(kept).map(taken).collect()
    }

    async fn give_back_there(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), Failure> {
        self.give_back.run_each(&self.shared.connection, &self.runs(buckets, now)).await.map(drop)
    }

    /// The key of each bucket, and what both scripts are told: now, interval and room.
    fn runs(&self, buckets: &[Bucket], now: Timestamp) -> Vec<(String, (i64, i64, i64))> {
        let run = |bucket: &Bucket| {
            let interval = bucket.rate.interval();
            let room = interval * bucket.rate.most.max(1);
            (self.key(bucket.key), (now.as_micros(), micros(interval), micros(room)))
        };
        buckets.iter().map(run).collect()
    }

    fn key(&self, key: CounterKey) -> String {
        format!("{}:c:{{{}}}", self.shared.prefix, hex::written(key.0))
    }

    /// Whether Redis did it. Says once when that changes.
    fn is_done<T>(&self, done: Result<T, Failure>) -> Option<T> {
        if done.is_ok() && !self.is_out.load(Ordering::Relaxed) {
            return done.ok();
        }
        let mut failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        match (&done, *failed_at) {
            (Ok(_), Some(at)) if at.elapsed() > WELL_AGAIN => {
                *failed_at = None;
                tracing::info!("rate limits are counted in Redis again");
            }
            (Ok(_), _) => {}
            (Err(failure), before) => {
                *failed_at = Some(Instant::now());
                if before.is_none() {
                    let error = failure.text();
                    tracing::warn!(%error, "rate limits are counted by each process for itself until Redis is back");
                }
            }
        }
        self.is_out.store(failed_at.is_some(), Ordering::Relaxed);
        done.ok()
    }
}

#[async_trait]
impl records::Counters for Counters {
    async fn take(&self, buckets: &[Bucket], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        match self.is_done(self.take_there(buckets, now).await) {
            Some(taken) => Ok(taken),
            None => self.own.take(buckets, now).await,
        }
    }

    async fn give_back(&self, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError> {
        match self.is_done(self.give_back_there(buckets, now).await) {
            Some(()) => Ok(()),
            None => self.own.give_back(buckets, now).await,
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
