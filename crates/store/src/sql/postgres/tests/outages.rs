//! Servers that go and come back, freeze, fall silent, or hand over to another: the store is back soon after they are,
//! without a restart.

use super::proxy::{Proxy, Way};
use super::server::Server;
use super::*;

/// Well below the limit of time: nobody is waited for.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Reads on every lane, and writes.
async fn works(postgres: &Postgres) -> bool {
    let store = postgres.store();
    let read = async || store.keys.all().await.is_ok();
    read().await && read().await && store.parts[0].check().await.is_ok()
}

/// Many who ask all the time, as a service does; they end with the sender.
fn bustle(postgres: &Postgres) -> tokio::sync::watch::Sender<()> {
    let (stop, stopped) = tokio::sync::watch::channel(());
    for number in 0..8 {
        let (postgres, mut stopped) = (postgres.clone(), stopped.clone());
        tokio::spawn(async move {
            let store = postgres.store();
            let ask = async {
                loop {
                    let _ = if number % 2 == 0 {
                        store.keys.all().await.map(drop)
                    } else {
                        store.keys.remove("nobody").await
                    };
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                () = ask => {}
                _ = stopped.changed() => {}
            }
        });
    }
    stop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_server_that_restarts_is_found_again() {
    let mut server = Server::start().await;
    let postgres = open(&server.url()).await;
    let _bustle = bustle(&postgres);
    for signal in ["INT", "QUIT"] {
        assert!(works(&postgres).await);
        server.stop(signal);
        until("both fail at once", async || {
            let begin = Instant::now();
            failure(postgres.store().keys.all().await);
            failure(postgres.store().keys.insert(&key(1)).await);
            begin.elapsed() < AT_ONCE
        })
        .await;
        server.go_on().await;
        until("it works", async || works(&postgres).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn silence_is_waited_for_no_longer_than_the_limit() {
    let server = Server::start().await;
    open(&server.url()).await;
    let proxy = Proxy::to(server.port).await;
    let url = server.url().replace(&server.port.to_string(), &proxy.port.to_string());
    let postgres = open_with(&PostgresSettings { timeout: Duration::from_secs(1), ..settings(&url) }).await;
    let _bustle = bustle(&postgres);
    for way in [Way::Swallow, Way::Cut] {
        assert!(works(&postgres).await);
        proxy.turn(way);
        for _ in 0..2 {
            let begin = Instant::now();
            let store = postgres.store();
            let new = key(1);
            let (read, written) = tokio::join!(store.keys.all(), store.keys.insert(&new));
            failure(read);
            failure(written);
            assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
        }
        proxy.turn(Way::Through);
        until("it works", async || works(&postgres).await).await;
        // What was sent before it fell silent may have arrived since.
        postgres.store().keys.remove("key-1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_server_that_may_no_longer_be_written_is_left() {
    let (one, two) = (Server::start().await, Server::start().await);
    open(&two.url()).await;
    let url = format!("postgres://keyward:hunter2@127.0.0.1:{},127.0.0.1:{}/keyward", one.port, two.port);
    let postgres = open(&url).await;
    let _bustle = bustle(&postgres);
    postgres.store().keys.insert(&key(1)).await.unwrap();
    one.run("ALTER DATABASE keyward SET default_transaction_read_only = on").await;
    one.run("ALTER SYSTEM SET default_transaction_read_only = on").await;
    one.run("SELECT pg_reload_conf()").await;
    // Reads as well: what is written on the new one must be seen.
    until("it moved", async || works(&postgres).await && keys(&postgres).await.is_empty()).await;
    postgres.store().keys.insert(&key(2)).await.unwrap();
    // On each connection for reads, as soon as it is used.
    let has_moved = async || keys(&postgres).await == [2];
    until("every read sees it", async || has_moved().await && has_moved().await && has_moved().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_server_that_only_reads_fails_writes_until_it_writes_again() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    server.run("ALTER DATABASE keyward SET default_transaction_read_only = on").await;
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keyward'").await;
    let text = failure(postgres.store().keys.insert(&key(1)).await);
    assert!(text.contains("no server that can be written"), "{text}");
    failure(postgres.store().parts[0].check().await);
    server.run("ALTER DATABASE keyward RESET ALL").await;
    until("it works", async || works(&postgres).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_server_that_has_no_place_fails_soon_and_is_found_again() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    server.run("ALTER ROLE keyward CONNECTION LIMIT 0").await;
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keyward'").await;
    until("it says why", async || failure(postgres.store().keys.insert(&key(1)).await).contains("53300"))
        .await;
    server.run("ALTER ROLE keyward CONNECTION LIMIT -1").await;
    until("it works", async || works(&postgres).await).await;
}
