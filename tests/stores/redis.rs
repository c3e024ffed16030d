//! A prefix of its own on the Redis that `scripts/servers` started, and a look at what lies under it. Only what sessions
//! and codes are made of: counters and marks of life come and go by themselves.

use super::{Kept, aside, server, unique};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, RedisError, cmd};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

pub(super) struct Redis {
    pub(super) url: String,
    pub(super) prefix: String,
    /// The server of all tests: to be cleaned in the end.
    is_shared: bool,
    /// Keys and what `DUMP` said of them.
    remembered: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Redis {
    pub(super) fn empty() -> Self {
        let url = server("KEYWARD_TEST_REDIS_URL");
        Self { url, prefix: unique(), is_shared: true, remembered: Mutex::default() }
    }

    /// A server that the test brings, and takes away.
    pub(super) fn on(url: &str) -> Self {
        Self { url: url.to_owned(), prefix: unique(), is_shared: false, remembered: Mutex::default() }
    }

    /// A connection for one look: a test may have a runtime of its own.
    async fn connect(&self) -> MultiplexedConnection {
        connect(&self.url).await.unwrap()
    }

    /// The keys of sessions (`s`), of the lists of users (`u`) or of codes (`o`), in order.
    async fn keys(&self, connection: &mut MultiplexedConnection, kind: &str) -> Vec<String> {
        let mut keys: Vec<String> =
            ask(connection, cmd("KEYS").arg(format!("{}:{kind}:*", self.prefix))).await;
        keys.sort();
        keys
    }

    /// Keys and fields of all sessions (`s`) or codes (`o`).
    async fn hashes(
        &self,
        connection: &mut MultiplexedConnection,
        kind: &str,
    ) -> Vec<(String, BTreeMap<String, String>)> {
        let keys = self.keys(connection, kind).await;
        // An empty pipeline is an error to it.
        if keys.is_empty() {
            return Vec::new();
        }
        let mut hashes = Pipeline::new();
        for key in &keys {
            hashes.cmd("HGETALL").arg(key);
        }
        let hashes: Vec<BTreeMap<String, String>> = hashes.query_async(connection).await.unwrap();
        // Some may be gone since the list was made.
        keys.into_iter().zip(hashes).filter(|(_, fields)| !fields.is_empty()).collect()
    }

    pub(super) async fn sessions(&self) -> Vec<Kept> {
        let hashes = self.hashes(&mut self.connect().await, "s").await;
        let kept = |(key, fields): &(String, BTreeMap<String, String>)| {
            let number = |name: &str| fields[name].parse().unwrap();
            Kept {
                id: key.split(['{', '}']).nth(1).unwrap().to_owned(),
                user: fields["user"].clone(),
                epoch: number("epoch"),
                generation: number("generation"),
                rotated_at: number("rotated_at"),
            }
        };
        hashes.iter().map(kept).collect()
    }

    pub(super) async fn everything(&self) -> Vec<String> {
        let mut connection = self.connect().await;
        let hashes = self.hashes(&mut connection, "s").await;
        let mut everything: Vec<String> =
            hashes.into_iter().map(|(key, fields)| format!("{key}: {fields:?}")).collect();
        for key in self.keys(&mut connection, "u").await {
            let members: Vec<String> = ask(&mut connection, cmd("ZRANGE").arg(&key).arg(0).arg(-1)).await;
            everything.push(format!("{key}: {members:?}"));
        }
        everything
    }

    /// The one-time codes.
    pub(super) async fn codes(&self) -> Vec<String> {
        let codes = self.hashes(&mut self.connect().await, "o").await;
        codes.into_iter().map(|(key, fields)| format!("{key}: {fields:?}")).collect()
    }

    /// How long the key that stays longest stays without being touched; no key stays for ever.
    pub(super) async fn stay(&self) -> Duration {
        let mut connection = self.connect().await;
        let mut longest = Duration::ZERO;
        for key in self.keys(&mut connection, "s").await {
            let left: i64 = ask(&mut connection, cmd("PTTL").arg(key)).await;
            longest = longest.max(Duration::from_millis(left.try_into().unwrap()));
        }
        longest
    }

    pub(super) async fn remember(&self) {
        let mut connection = self.connect().await;
        let mut remembered = Vec::new();
        for key in [self.keys(&mut connection, "s").await, self.keys(&mut connection, "u").await].concat() {
            let dump = ask(&mut connection, cmd("DUMP").arg(&key)).await;
            remembered.push((key, dump));
        }
        *self.remembered.lock().unwrap() = remembered;
    }

    pub(super) async fn bring_back(&self) {
        let remembered = std::mem::take(&mut *self.remembered.lock().unwrap());
        let mut connection = self.connect().await;
        for (key, dump) in remembered {
            let there: bool = ask(&mut connection, cmd("EXISTS").arg(&key)).await;
            if !there {
                // For ever: a session's own times say when it is over.
                let () = ask(&mut connection, cmd("RESTORE").arg(&key).arg(0).arg(dump)).await;
            }
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if !self.is_shared {
            return;
        }
        let gone = aside(async {
            let mut connection = connect(&self.url).await?;
            let keys: Vec<String> =
                cmd("KEYS").arg(format!("{}:*", self.prefix)).query_async(&mut connection).await?;
            for key in keys {
                cmd("DEL").arg(key).query_async::<()>(&mut connection).await?;
            }
            Ok::<(), RedisError>(())
        });
        // A test that fails tells of one thing at a time.
        assert!(gone.is_ok() || std::thread::panicking(), "{gone:?}");
    }
}

async fn connect(url: &str) -> Result<MultiplexedConnection, RedisError> {
    let patience = Some(Duration::from_secs(60));
    let config = AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
    redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &mut Cmd) -> T {
    command.query_async(connection).await.unwrap()
}
