//! One-time codes in Redis: a hash for each place, with a field for each user, gone by itself soon after the last code in
//! it has expired. How a code is written is in `line.rs`, what is one step in `scripts.rs`.

mod line;
mod scripts;

use super::Shared;
use super::stay::stay;
use crate::hex;
use async_trait::async_trait;
use keyward_auth::records::{self, Code, CodePlace, StoreError};
use keyward_auth::values::{Timestamp, UserId};
use line::{field, read, rest, unreadable};
use redis::{Pipeline, Value};
use scripts::{CONSUME, ISSUE, TRY};
use std::sync::Arc;

/// How many users may wait for one address. Each of them costs a mail to it, of which there are fewer in the life of a code.
const MOST: usize = 16;

pub(super) struct Codes {
    pub(super) shared: Arc<Shared>,
    /// Those that the main store kept before there was a Redis.
    pub(super) earlier: Arc<dyn records::Codes>,
}

impl Codes {
    fn key(&self, place: CodePlace) -> String {
        format!("{}:o:{{{}}}", self.shared.prefix, hex::written(place.0))
    }
}

#[async_trait]
impl records::Codes for Codes {
    async fn issue(&self, code: &Code) -> Result<bool, StoreError> {
        let head = (field(code.user), code.id.to_string(), code.asked_at.as_micros(), code.tries);
        // It is issued no sooner than it was asked for.
        let ttl = stay(code.expires_at, code.asked_at);
        let (key, arguments) = (self.key(code.place), (head, rest(code), ttl, MOST));
        let issued = ISSUE.run(&self.shared.connection, &key, arguments).await?;
        Ok(issued == Value::Int(1))
    }

    async fn try_at(&self, at: CodePlace, most: u32, now: Timestamp) -> Result<Vec<Code>, StoreError> {
        let tried = TRY.run(&self.shared.connection, &self.key(at), (most, now.as_micros())).await?;
        let tried: Vec<String> = redis::from_redis_value(tried).map_err(|_| unreadable(at))?;
        let (lines, _) = tried.as_chunks::<2>();
        lines.iter().map(|[field, line]| read(at, field, line)).collect()
    }

    async fn at(&self, at: CodePlace) -> Result<Vec<Code>, StoreError> {
        let asked = self.shared.connection.ask(redis::cmd("HGETALL").arg(self.key(at))).await;
        let Ok(kept) = asked else { return Ok(Vec::new()) };
        let kept: Vec<(String, String)> = redis::from_redis_value(kept).unwrap_or_default();
        Ok(kept.iter().filter_map(|(field, line)| read(at, field, line).ok()).collect())
    }

    async fn read(&self, at: CodePlace, user: UserId) -> Result<Option<Code>, StoreError> {
        let field = field(Some(user));
        let kept = self.shared.connection.ask(redis::cmd("HGET").arg(self.key(at)).arg(&field)).await?;
        let line: Option<String> = redis::from_redis_value(kept).map_err(|_| unreadable(at))?;
        line.map(|line| read(at, &field, &line)).transpose()
    }

    async fn consume(&self, code: &Code, now: Timestamp) -> Result<bool, StoreError> {
        let arguments = (field(code.user), code.id.to_string(), now.as_micros());
        let consumed = CONSUME.run(&self.shared.connection, &self.key(code.place), arguments).await?;
        Ok(consumed == Value::Int(1))
    }

    async fn forget(&self, places: &[CodePlace], user: UserId) -> Result<(), StoreError> {
        if places.is_empty() {
            return Ok(());
        }
        let mut commands = Pipeline::with_capacity(places.len());
        for place in places {
            commands.cmd("HDEL").arg(self.key(*place)).arg(field(Some(user)));
        }
        Ok(self.shared.connection.ask_all(&commands).await.map(drop)?)
    }

    /// Redis does it by itself; what the main store kept before there was one still goes in its time.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.earlier.sweep(now, most).await
    }
}
