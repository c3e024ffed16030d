//! Stores that fail while people use the service: what is answered meanwhile, that nothing acknowledged is lost, and that
//! all comes back by itself. Behind proxies, and on servers that a test may break: the same whatever store the tests run on.

mod database;
mod failover;
mod load;
mod lost_sessions;
mod mail;
#[cfg(feature = "mongodb")]
mod mongo;
mod pictures;
mod postgres;
mod redis;

use crate::app::{Reply, Request, TestApp};
use load::{Habit, Load};
use std::time::{Duration, Instant};

/// How long a store is gone, or as it should not be.
const OUTAGE: Duration = Duration::from_secs(5);
/// Within this every request is answered while a store does not answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Within this all is well again when the store is.
const BACK: Duration = Duration::from_secs(10);

async fn until(what: &str, limit: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

/// What readiness says: the status and the parts that are gone.
async fn readiness(app: &TestApp) -> (u16, String) {
    let reply = app.anonymous().get("/health/ready").await;
    (reply.status, reply.text("detail"))
}

async fn is_ready(app: &TestApp) -> bool {
    readiness(app).await.0 == 200
}

/// The reply, and how long it took.
async fn timed(app: &TestApp, request: &Request) -> (Reply, Duration) {
    let begun = Instant::now();
    (app.send(request).await, begun.elapsed())
}
