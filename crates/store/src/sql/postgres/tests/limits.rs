//! Bounds: of time, of connections, of what is kept; and that nothing of a value is shown.

use super::server::Server;
use super::*;
use crate::sql::row::Record;
use crate::sql::statement::Text;

static COUNT: Record<i64> = Record { table: "counts", columns: "id", read: |row| row.int(0) };

fn hasty(url: &str, connections: usize) -> PostgresSettings {
    PostgresSettings { connections, timeout: Duration::from_secs(3), ..settings(url) }
}

const ASLEEP: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_slow_statement_is_given_up_on_both_sides() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let asleep = async || admin.query_one(ASLEEP, &[]).await.unwrap().get::<_, i64>(0);
    let postgres = open_with(&hasty(&server.url(), 6)).await;
    let insert = "INSERT INTO keyward_keys VALUES ('k', 'a', 1, '', 1, 1)";
    let sleep = "SELECT 1 FROM pg_sleep(30)";
    for texts in [[insert, sleep].as_slice(), &[sleep]] {
        let begin = Instant::now();
        failure(write(&postgres, texts).await);
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    }
    let begin = Instant::now();
    failure(postgres.connections.lanes.all(sleep, &[], &COUNT).await);
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    until("the server stops too", async || asleep().await == 0).await;
    assert_eq!(keys(&postgres).await, Vec::<i64>::new());
    assert_eq!(write(&postgres, &[insert]).await, Ok(1));
}

/// Where the server has no limit of its own, it is told.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_server_is_asked_to_stop() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let session = Arc::new(postgres.session().await.unwrap());
    let own = Arc::clone(&session);
    let sleeping = tokio::spawn(async move { own.query("SELECT 1 FROM pg_sleep(60)", &[]).await.err() });
    let admin = server.admin().await;
    let asleep = async || admin.query_one(ASLEEP, &[]).await.unwrap().get::<_, i64>(0);
    until("it sleeps", async || asleep().await == 1).await;
    postgres.link.give_up(&session);
    let error = sleeping.await.unwrap().unwrap();
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED));
    assert_eq!(asleep().await, 0);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn who_finds_no_connection_waits_no_longer_than_the_limit() {
    let server = Server::start().await;
    let postgres = open_with(&hasty(&server.url(), 3)).await;
    let admin = server.admin().await;
    admin.batch_execute("BEGIN; LOCK TABLE keyward_keys").await.unwrap();
    let store = postgres.store();
    let writers = (1..=4).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.keys.insert(&key(number)).await })
    });
    let writers: Vec<_> = writers.collect();
    let begin = Instant::now();
    let mut texts = Vec::new();
    for writer in writers {
        texts.push(failure(writer.await.unwrap()));
    }
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    // Two have a connection, which the lock holds up; how many give it back before the rest give up is chance.
    let (unanswered, unserved): (Vec<_>, Vec<_>) =
        texts.iter().partition(|text| text.contains("did not answer"));
    assert!(
        unanswered.len() >= 2 && unserved.iter().all(|text| text.contains("store.connections")),
        "{texts:?}"
    );
    assert!(!unserved.is_empty(), "{texts:?}");
    admin.batch_execute("ROLLBACK").await.unwrap();
    store.keys.insert(&key(9)).await.unwrap();
    assert_eq!(keys(&postgres).await, [9]);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'keyward'";
    until("no more than three", async || admin.query_one(count, &[]).await.unwrap().get::<_, i64>(0) <= 3)
        .await;
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn long_reads_have_more_time_and_few_places() {
    let server = Server::start().await;
    let postgres = open_with(&hasty(&server.url(), 6)).await;
    let long = "SELECT CAST(1 AS BIGINT) FROM pg_sleep(1.5)";
    let scans = (0..4).map(|_| {
        let connections = Arc::clone(&postgres.connections);
        let text = Text::from(long.to_owned());
        tokio::spawn(async move { connections.scanners.scan(text, Vec::new(), &COUNT).await })
    });
    let scans: Vec<_> = scans.collect();
    let admin = server.admin().await;
    let asleep = async || admin.query_one(ASLEEP, &[]).await.unwrap().get::<_, i64>(0);
    until("two read", async || asleep().await == 2).await;
    // Beside them, indexed reads and writes are as quick as ever.
    postgres.store().keys.insert(&key(1)).await.unwrap();
    assert_eq!((keys(&postgres).await, asleep().await), (vec![1], 2));
    for scan in scans {
        assert_eq!(scan.await.unwrap(), Ok(vec![1]));
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_connection_keeps_only_so_many_statements() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let session = postgres.session().await.unwrap();
    for number in 0..700 {
        session.query(&format!("SELECT CAST({number} AS BIGINT)"), &[]).await.unwrap();
    }
    let count = session.query("SELECT count(*) FROM pg_prepared_statements", &[]).await.unwrap();
    let count: i64 = count.rows[0].get(0);
    assert!((1..=257).contains(&count), "{count}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn what_cannot_be_read_is_named_and_not_shown() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let insert = "INSERT INTO keyward_keys VALUES ('k', 'canary', 1, 'canary', 1, 1)";
    write(&postgres, &[insert]).await.unwrap();
    for (column, kind) in [("sequence", "INTEGER"), ("sealed", "TEXT"), ("created_at", "NUMERIC")] {
        let alter =
            format!("ALTER TABLE keyward_keys ALTER {column} TYPE {kind} USING {column}::TEXT::{kind}");
        server.admin().await.batch_execute(&alter).await.unwrap();
        // The plans of before are of no use, which nobody needs to notice.
        let text = failure(postgres.store().keys.all().await);
        assert_eq!(text, format!("keyward_keys: what is stored in {column} of k cannot be read"));
        let back = if kind == "TEXT" { "BYTEA" } else { "BIGINT" };
        let alter =
            format!("ALTER TABLE keyward_keys ALTER {column} TYPE {back} USING {column}::TEXT::{back}");
        server.admin().await.batch_execute(&alter).await.unwrap();
        assert_eq!(keys(&postgres).await, [1]);
    }
    write(&postgres, &["UPDATE keyward_keys SET id = 'k' || chr(10)"]).await.unwrap();
    let twice = failure(write(&postgres, &[insert, insert]).await.map_err(|error| match error {
        StoreError::Taken(_) => StoreError::Backend("taken".into()),
        other => other,
    }));
    assert!(!twice.contains("canary"), "{twice}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn readiness_reads_writes_and_tells_the_time() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let part = postgres.store().parts[0].clone();
    assert_eq!(part.name(), "postgres");
    let time = part.check().await.unwrap().unwrap();
    let own = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    assert!(own.abs_diff(u128::try_from(time.as_micros()).unwrap()) < 5_000_000, "{time}");
    let admin = server.admin().await;
    admin.batch_execute("BEGIN; SELECT * FROM keyward_leases FOR UPDATE").await.unwrap();
    let begin = Instant::now();
    assert!(failure(part.check().await).contains("1s"));
    assert!(begin.elapsed() < SOON);
}
