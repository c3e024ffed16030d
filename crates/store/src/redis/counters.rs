//! Counters in Redis: a number each, the moment at which the bucket is full, gone by itself when it is. While Redis does
//! not answer, every process counts for itself.

use super::Shared;
use super::script::Script;
use super::trouble::Failure;
use crate::memory;
use async_trait::async_trait;
use keyward_auth::records::{self, Bucket, CounterKey, StoreError, Taken};
use keyward_auth::values::Timestamp;
use redis::Value;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

pub(super) struct Counters {
    shared: Arc<Shared>,
    take: Script,
    give_back: Script,
    /// Where it is counted while Redis does not answer.
    own: memory::Counters,
    is_out: AtomicBool,
}

impl Counters {
    pub(super) fn new(shared: Arc<Shared>, own: memory::Counters) -> Self {
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        Self { shared, take, give_back, own, is_out: AtomicBool::new(false) }
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
        let mut text = format!("{}:c:{{", self.shared.prefix);
        for byte in key.0 {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('}');
        text
    }

    /// Whether Redis did it. Says once when that changes.
    fn is_done<T>(&self, done: Result<T, Failure>) -> Option<T> {
        let is_out = done.is_err();
        if self.is_out.load(Ordering::Relaxed) != is_out
            && self.is_out.swap(is_out, Ordering::Relaxed) != is_out
        {
            match done.as_ref().err() {
                Some(Failure::Refused(error) | Failure::Unknown(error)) => {
                    tracing::warn!(%error, "rate limits are counted by each process for itself until Redis is back");
                }
                Some(Failure::NoScript) => {
                    tracing::warn!("Redis keeps no scripts; each process counts for itself")
                }
                None => tracing::info!("rate limits are counted in Redis again"),
            }
        }
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
