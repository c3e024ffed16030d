//! A primary that dies and a replica that takes over: Keyward was given the addresses of both and finds the new one by
//! itself. Replication is synchronous, as the documents ask for, so nothing acknowledged is lost.

use super::*;
use crate::stores::{OwnPostgres, Place};
use keyward::config::{Config, Sources};
use keyward::wiring::Database;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_new_primary_is_found_without_a_restart() {
    let mut primary = OwnPostgres::start().await;
    let replica = primary.replica().await;
    is_refused(&replica.url()).await;
    // The place is looked at where it will be in the end, the service begins where it is now.
    let place = Place::on_postgres(&replica.url());
    let both = primary
        .url()
        .replace(&primary.address.to_string(), &format!("{},{}", primary.address, replica.address));
    let app = TestApp::on(place, |setup| setup.set("store.url", &both)).await;
    let load = Load::on(&app).await;

    let begun = Instant::now();
    primary.kill();
    // Connection refused at one, and the other can only be read.
    load.all_refused().await;
    load.all_refused().await;
    assert_eq!(readiness(&app).await.0, 503);
    replica.run("ALTER SYSTEM SET synchronous_standby_names = ''").await;
    replica.run("SELECT pg_promote()").await;
    let back = load.all_served().await;
    assert!(is_ready(&app).await, "{back:?} after {:?}", begun.elapsed());
    load.end(&app, ANSWER).await;
}

/// A replica alone stops the start, at once and with what to do.
async fn is_refused(url: &str) {
    let env = [("DATABASE_URL", url), ("SECRET_KEY", &crate::stores::secret())];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let config = Config::load(&Sources { env, ..Sources::default() }).unwrap();
    let begun = Instant::now();
    let message = Database::open(&config).await.err().unwrap().to_string();
    assert!(message.contains("it can only be read; give the URL of the primary"), "{message}");
    assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
}
