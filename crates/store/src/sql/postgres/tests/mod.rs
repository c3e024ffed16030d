//! What is PostgreSQL's alone: URLs, TLS, what is wrong with a server, and servers that go. What every backend must do is
//! in `conformance`.

mod faults;
mod limits;
mod opening;
mod outages;
mod proxy;
mod schemas;
mod secure;
mod server;
mod urls;

use super::*;
use crate::sql::statement::Steps;
use keyward_auth::records::StoredKey;
use std::time::Instant;

/// What comes soon comes before a test gives up on it: how fast is what `bench/` measures, and a machine that runs other
/// tests may stand still for seconds.
const SOON: Duration = Duration::from_secs(25);
const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn settings(url: &str) -> PostgresSettings {
    PostgresSettings {
        url: PostgresUrl::parse(url).unwrap(),
        connections: 6,
        timeout: Duration::from_secs(4),
        pgbouncer: false,
    }
}

/// The store behind a URL, migrated.
async fn open(url: &str) -> Postgres {
    open_with(&settings(url)).await
}

async fn open_with(settings: &PostgresSettings) -> Postgres {
    let postgres = Postgres::open(settings).await.unwrap();
    postgres.migrate(NOW).await.unwrap();
    postgres
}

fn key(sequence: i64) -> StoredKey {
    StoredKey {
        id: format!("key-{sequence}"),
        algorithm: "ES256".into(),
        sequence,
        sealed: vec![1],
        created_at: NOW,
        signs_from: NOW,
    }
}

/// A list of one made-up statement each, as a record file would write it.
fn steps(texts: &[&str]) -> Steps {
    let mut steps = Steps::default();
    for text in texts {
        steps.run((*text).to_owned(), Vec::new());
    }
    steps
}

/// How many rows they met, applied as one.
async fn write(postgres: &Postgres, texts: &[&str]) -> Result<usize, StoreError> {
    postgres.connections.writers.apply(steps(texts)).await.map(|done| done.met)
}

async fn keys(postgres: &Postgres) -> Vec<i64> {
    postgres.store().keys.all().await.unwrap().into_iter().map(|key| key.sequence).collect()
}

/// Waits until something is so, `SOON` at most.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// That it failed as a store does, which is not a refusal; what it said.
#[track_caller]
fn failure<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Err(StoreError::Backend(text)) => text,
        other => panic!("{other:?}"),
    }
}
