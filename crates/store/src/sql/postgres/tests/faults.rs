//! Connections that break, at the moments that matter: nothing is done twice, nothing by halves, and nobody notices where
//! nobody needs to.

use super::proxy::{Proxy, Trap};
use super::server::{Server, WITH_PASSWORD};
use super::*;
use keyward_auth::records::{Along, Change, Leftover};
use keyward_auth::values::{Format, Picture};

/// The command by itself: the one that begins a transaction ends in `READ COMMITTED`.
const COMMIT: &str = "\0\0\0\u{b}COMMIT\0";
const IGNORED: &str = "DELETE FROM keyward_keys WHERE id = 'nobody'";

async fn through(server: &Server) -> (Postgres, Proxy) {
    open(&server.url()).await;
    let proxy = Proxy::to(server.port).await;
    let url = server.url().replace(&server.port.to_string(), &proxy.port.to_string());
    (open(&url).await, proxy)
}

fn insert(sequence: i64) -> String {
    format!("INSERT INTO keyward_keys VALUES ('key-{sequence}', 'ES256', {sequence}, '', 1, 1)")
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn connections_that_were_closed_while_idle_are_not_noticed() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let store = postgres.store();
    for round in 1..=5 {
        store.keys.insert(&key(round)).await.unwrap();
        assert_eq!(keys(&postgres).await.len(), usize::try_from(round).unwrap());
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keyward'";
        server.admin().await.execute(kill, &[]).await.unwrap();
        // Both lanes, and the pool.
        for _ in 0..2 {
            assert_eq!(keys(&postgres).await.len(), usize::try_from(round).unwrap());
        }
    }
    store.keys.insert(&key(9)).await.unwrap();
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_read_whose_connection_breaks_is_read_again() {
    let server = Server::start().await;
    open(&server.url()).await.store().keys.insert(&key(1)).await.unwrap();
    for trap in [Trap::Before("keyward_keys"), Trap::After("keyward_keys")] {
        let (postgres, proxy) = through(&server).await;
        proxy.set(trap);
        // Its text passes when it is prepared, on each lane.
        for _ in 0..2 {
            assert_eq!(keys(&postgres).await, [1]);
        }
        assert!(proxy.is_sprung());
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_write_that_was_not_committed_is_written_again() {
    let server = Server::start().await;
    let (one, two) = (insert(1), insert(2));
    for trap in [Trap::Before("BEGIN"), Trap::After("BEGIN"), Trap::Before("INSERT"), Trap::After("INSERT")] {
        let (postgres, proxy) = through(&server).await;
        proxy.set(trap);
        let done = write(&postgres, &[&one, &two]).await;
        assert!(proxy.is_sprung());
        assert_eq!(done, Ok(2));
        assert_eq!(keys(&postgres).await, [1, 2]);
        server.admin().await.batch_execute("DELETE FROM keyward_keys").await.unwrap();
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_write_that_may_be_committed_is_not_written_again() {
    let server = Server::start().await;
    let (postgres, proxy) = through(&server).await;
    let add = "UPDATE keyward_guards SET members = members + 1";
    let members = async || -> i64 {
        server.admin().await.query_one("SELECT members FROM keyward_guards", &[]).await.unwrap().get(0)
    };
    // All in one go: whether it arrived cannot be known.
    proxy.set(Trap::After(COMMIT));
    failure(write(&postgres, &[add, IGNORED]).await);
    assert_eq!((proxy.is_sprung(), members().await), (true, 1));
    proxy.set(Trap::Before(COMMIT));
    failure(write(&postgres, &[add, IGNORED]).await);
    assert_eq!((proxy.is_sprung(), members().await), (true, 1));
    // With a look before the commit.
    let looking = || {
        let mut steps = steps(&[IGNORED]);
        steps.hit(add.to_owned(), Vec::new(), StoreError::Stale);
        steps
    };
    for (trap, expected) in [(Trap::After(COMMIT), 2), (Trap::Before(COMMIT), 2)] {
        proxy.set(trap);
        failure(postgres.connections.writers.apply(looking()).await.map(|done| done.met));
        assert_eq!((proxy.is_sprung(), members().await), (true, expected));
    }
    assert_eq!(postgres.connections.writers.apply(looking()).await.map(|done| done.met), Ok(1));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_change_and_its_leftover_are_both_there_or_neither() {
    let server = Server::start().await;
    let (postgres, proxy) = through(&server).await;
    let id = "01234567-89ab-7cde-8f01-23456789abcd".parse().unwrap();
    let insert = "INSERT INTO keyward_users (id, version, metadata, roles, epoch, created_at, updated_at)
        VALUES ('01234567-89ab-7cde-8f01-23456789abcd', 1, '{}', ' ', 0, 0, 0)";
    server.admin().await.batch_execute(insert).await.unwrap();
    let pictures = [1, 2].map(|number| Picture::new([number; 16], Format::Png));
    let store = postgres.store();
    for (trap, is_there) in [(Trap::Before(COMMIT), false), (Trap::After(COMMIT), true)] {
        let left = [Leftover { picture: pictures[1], user: id, due_at: NOW }];
        let change = Change { picture: Some(Some(pictures[0])), ..Change::default() };
        let along = Along { leftovers: &left, ..Along::default() };
        proxy.set(trap);
        failure(store.users.change(id, &change, NOW, along).await);
        assert!(proxy.is_sprung());
        // Over a line of its own: the server may not have noticed yet that the other was cut.
        let look = open(&server.url()).await.store();
        let shown = look.users.by_id(id).await.unwrap().unwrap().picture;
        let left = look.leftovers.claim(NOW, NOW + Duration::from_secs(60), 9).await.unwrap();
        assert_eq!((shown, left.len()), (is_there.then_some(pictures[0]), usize::from(is_there)));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_write_goes_on_when_nobody_waits() {
    let server = Server::start().await;
    let postgres = open(&server.url()).await;
    let slow = insert(1).replace("1, 1)", "1, (SELECT 1 FROM pg_sleep(0.5)))");
    let connections = Arc::clone(&postgres.connections);
    let caller = tokio::spawn(async move { connections.writers.apply(steps(&[&slow, &insert(2)])).await });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    let admin = server.admin().await;
    until("it writes", async || admin.query_one(asleep, &[]).await.unwrap().get::<_, i64>(0) == 1).await;
    caller.abort();
    assert!(caller.await.is_err());
    until("it is written", async || keys(&postgres).await == [1, 2]).await;
}

/// Functions that fail as races do, as often as a sequence says, which no rollback turns back.
async fn failing(server: &Server, code: &str, times: u32) -> Postgres {
    let postgres = open(&server.url()).await;
    let text = format!(
        "DROP FUNCTION IF EXISTS fail; DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries;
         CREATE FUNCTION fail() RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
         IF nextval('tries') <= {times} THEN RAISE 'as arranged, canary' USING ERRCODE = '{code}', DETAIL = 'canary'; END IF;
         RETURN 1; END $$"
    );
    server.admin().await.batch_execute(&text).await.unwrap();
    postgres
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn what_a_race_refused_is_tried_again() {
    let server = Server::start().await;
    let mut expected = Vec::new();
    for (sequence, code) in [(1, "40001"), (2, "40P01")] {
        let postgres = failing(&server, code, 3).await;
        let alone = insert(sequence).replace("'', 1, 1)", "'', 1, fail())");
        assert_eq!(write(&postgres, &[&alone]).await, Ok(1));
        let postgres = failing(&server, code, 3).await;
        let second = insert(sequence + 20).replace("'', 1, 1)", "'', 1, fail())");
        let first = insert(sequence + 10);
        let done = write(&postgres, &[&first, &second]).await;
        assert_eq!(done, Ok(2));
        expected.extend([sequence, sequence + 10, sequence + 20]);
        expected.sort_unstable();
        assert_eq!(keys(&postgres).await, expected);
    }
    // Not for ever.
    let postgres = failing(&server, "40001", 1000).await;
    let hopeless = insert(99).replace("'', 1, 1)", "'', 1, fail())");
    let text = failure(write(&postgres, &[&hopeless, IGNORED]).await);
    assert!(text.contains("40001"), "{text}");
    // Nor what is no race; and what PostgreSQL calls a detail is not repeated.
    let postgres = failing(&server, "22023", 1).await;
    let text = failure(write(&postgres, &[&hopeless]).await);
    assert!(text.contains("22023") && !text.contains("canary"), "{text}");
    assert_eq!(keys(&postgres).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn lists_that_lock_each_other_out_all_get_through() {
    let server = Server::start_with("deadlock_timeout = 20ms", WITH_PASSWORD).await;
    let postgres = open(&server.url()).await;
    for sequence in [1, 2] {
        postgres.store().keys.insert(&key(sequence)).await.unwrap();
    }
    let update =
        |sequence| format!("UPDATE keyward_keys SET signs_from = signs_from + 1 WHERE sequence = {sequence}");
    let writers = (0..4).map(|number| {
        let connections = Arc::clone(&postgres.connections);
        let (first, second) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
        let texts = [update(first), "SELECT 1 FROM pg_sleep(0.02)".to_owned(), update(second)];
        tokio::spawn(async move {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            connections.writers.apply(steps(&texts)).await.map(|done| done.met)
        })
    });
    let writers: Vec<_> = writers.collect();
    for writer in writers {
        assert_eq!(writer.await.unwrap(), Ok(3));
    }
    let all = postgres.store().keys.all().await.unwrap();
    assert!(all.iter().all(|key| key.signs_from == Timestamp::from_micros(NOW.as_micros() + 4)));
    assert!(server.log().contains("deadlock detected"));
}

/// Each writes what nobody else does. `Taken` would be one's own write, done before and tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn in_a_storm_what_was_answered_is_there_and_nothing_is_done_twice() {
    let server = Server::start().await;
    let (postgres, proxy) = through(&server).await;
    let end = Instant::now() + Duration::from_secs(4);
    let writers = (0..8_i64).map(|writer| {
        let postgres = postgres.clone();
        tokio::spawn(async move {
            let (mut answered, mut failed) = (Vec::new(), 0);
            for number in (1..).take_while(|_| Instant::now() < end) {
                let sequence = writer * 1_000_000 + number;
                let alone = insert(sequence);
                let texts =
                    if number % 2 == 0 { [alone.as_str(), IGNORED].to_vec() } else { vec![alone.as_str()] };
                match write(&postgres, &texts).await {
                    Ok(1) => answered.push(sequence),
                    Err(StoreError::Backend(_)) => failed += 1,
                    other => panic!("{other:?}"),
                }
            }
            (answered, failed)
        })
    });
    let writers: Vec<_> = writers.collect();
    let admin = server.admin().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keyward' ORDER BY random() LIMIT 2";
    let traps = [Trap::After(COMMIT), Trap::Before(COMMIT), Trap::After("INSERT"), Trap::Before("BEGIN")];
    for trap in traps.into_iter().cycle().take_while(|_| Instant::now() < end) {
        proxy.set(trap);
        admin.execute(kill, &[]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let (mut answered, mut failed) = (Vec::new(), 0);
    for writer in writers {
        let (own, others) = writer.await.unwrap();
        answered.extend(own);
        failed += others;
    }
    let there: std::collections::BTreeSet<i64> = keys(&open(&server.url()).await).await.into_iter().collect();
    let lost: Vec<_> = answered.iter().filter(|sequence| !there.contains(sequence)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    // The storm was one, and most came through it.
    assert!(failed > 0 && answered.len() > 5 * failed, "{} {failed}", answered.len());
}
