//! Migrations: several at once, ones that fail, and what is not Keyward's.

use super::server::Server;
use super::*;
use crate::sql::migrate::{ALL, Migration};
use crate::sql::postgres::session::Session;
use keyward_auth::records::{Along, Change};
use keyward_auth::values::{Format, Picture};

async fn session(server: &Server) -> Session {
    Postgres::open(&settings(&server.url())).await.unwrap().session().await.unwrap()
}

async fn count(server: &Server, text: &str) -> i64 {
    server.admin().await.query_one(text, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn of_many_migrators_each_finds_it_done() {
    let server = Server::start().await;
    for round in 0..5 {
        server.admin().await.batch_execute("DROP OWNED BY keyward").await.unwrap();
        server.admin().await.batch_execute("GRANT ALL ON SCHEMA public TO keyward").await.unwrap();
        let url = server.url();
        let migrators = (0..8).map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let postgres = Postgres::open(&settings(&url)).await.unwrap();
                let made = postgres.migrate(NOW).await.unwrap();
                assert!(postgres.status().await.unwrap().iter().all(|line| line.applied_at.is_some()));
                made.len()
            })
        });
        let migrators: Vec<_> = migrators.collect();
        let mut made = 0;
        for migrator in migrators {
            made += migrator.await.unwrap();
        }
        assert_eq!(made, ALL.len(), "{round}");
        assert_eq!(
            count(&server, "SELECT count(*) FROM keyward_migrations").await,
            i64::try_from(made).unwrap()
        );
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn an_applications_tables_stay_as_they_are() {
    let server = Server::start().await;
    let own = "CREATE TABLE users (id SERIAL PRIMARY KEY, email TEXT); INSERT INTO users (email) VALUES ('a@b.test');
        CREATE TABLE sessions (id INT); CREATE TABLE migrations (version INT)";
    server.admin().await.batch_execute(own).await.unwrap();
    open(&server.url()).await;
    let strange = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
        AND relname NOT LIKE 'keyward\\_%'";
    assert_eq!(count(&server, strange).await, 3);
    assert_eq!(count(&server, "SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_failing_migration_leaves_what_was_before() {
    let server = Server::start().await;
    let session = session(&server).await;
    let broken = [
        Migration { version: 1, name: "one", text: "CREATE TABLE keyward_one (id TEXT)" },
        Migration { version: 2, name: "two", text: "CREATE TABLE keyward_two (id TEXT); SELECT nothing" },
    ];
    assert!(matches!(schema::migrate(&session, &broken, NOW).await, Err(Failure::Server(_))));
    assert_eq!(count(&server, "SELECT count(*) FROM keyward_migrations").await, 1);
    assert_eq!(count(&server, "SELECT count(*) FROM pg_class WHERE relname = 'keyward_two'").await, 0);
    let mended = [
        Migration { version: 1, name: "one", text: "CREATE TABLE keyward_one (id TEXT)" },
        Migration { version: 2, name: "two", text: "CREATE TABLE keyward_two (id TEXT)" },
    ];
    assert_eq!(schema::migrate(&session, &mended, NOW).await.ok().unwrap().len(), 1);
    // A Keyward that knows less than the database.
    assert!(matches!(schema::migrate(&session, &mended[..1], NOW).await, Err(Failure::Schema(_))));
    let refused = Postgres::open(&settings(&server.url())).await.unwrap().migrate(NOW).await.unwrap_err();
    assert!(matches!(refused, OpenError::Server(ServerError::Schema { .. })), "{refused}");
}

/// A database of before there were mails.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn whoever_waited_for_an_address_before_an_upgrade_is_found_after_it() {
    let server = Server::start().await;
    schema::migrate(&session(&server).await, &ALL[..2], NOW).await.ok().unwrap();
    let insert = "INSERT INTO keyward_users VALUES ('01234567-89ab-7cde-8f01-23456789abcd', 1, NULL, NULL, 'a@b.test',
        'a@b.test', NULL, 'Wanted@b.test', NULL, NULL, NULL, '{}', ' user ', NULL, NULL, 0, NULL, 0, 0, NULL)";
    server.admin().await.batch_execute(insert).await.unwrap();
    let postgres = open(&server.url()).await;
    let wanted = keyward_auth::values::Email::parse("wANTED@b.test").unwrap();
    let waiting = postgres.store().users.waiting_for(&wanted, 9).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].email.as_ref().unwrap().as_str(), "a@b.test");
}

/// A database of before there were pictures.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn whoever_was_there_before_pictures_has_none_and_is_as_before() {
    let server = Server::start().await;
    schema::migrate(&session(&server).await, &ALL[..3], NOW).await.ok().unwrap();
    let insert = "INSERT INTO keyward_users VALUES ('01234567-89ab-7cde-8f01-23456789abcd', 7, 'ada', 'ada', 'A@b.test',
        'a@b.test', 5, NULL, 'Ada', NULL, 'en', '{\"a\":1}', ' admin user ', NULL, '$hash', 3, NULL, 1, 2, 4, 8, 9, NULL)";
    server.admin().await.batch_execute(insert).await.unwrap();
    let store = open(&server.url()).await.store();
    let id = "01234567-89ab-7cde-8f01-23456789abcd".parse().unwrap();
    let there = store.users.by_id(id).await.unwrap().unwrap();
    assert_eq!((there.version, there.epoch, there.picture), (7, 3, None));
    assert_eq!((there.email.as_ref().unwrap().as_str(), there.metadata.as_str()), ("A@b.test", "{\"a\":1}"));
    let undone = there.undone.map(|undone| (undone.to.as_micros(), undone.at.as_micros()));
    assert_eq!((there.is_administrator(), undone), (true, Some((8, 9))));
    // And can have one.
    let picture = Picture::new([7; 16], Format::Jpeg);
    let change = Change { picture: Some(Some(picture)), ..Change::default() };
    let hung = store.users.change(id, &change, NOW, Along::default()).await.unwrap();
    assert_eq!((hung.version, hung.picture), (8, Some(picture)));
}

/// As by `kill -9`, of the process or of its connection.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_killed_migration_is_made_by_the_next() {
    const SLOW: &[Migration] = &[Migration {
        version: 1,
        name: "one",
        text: "CREATE TABLE keyward_one (id TEXT); SELECT pg_sleep(60)",
    }];
    const QUICK: &[Migration] =
        &[Migration { version: 1, name: "one", text: "CREATE TABLE keyward_one (id TEXT)" }];
    let server = Server::start().await;
    let slow = session(&server).await;
    let killed = tokio::spawn(async move { schema::migrate(&slow, SLOW, NOW).await.err() });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    until("it sleeps", async || count(&server, asleep).await == 1).await;
    // Another one waits for it, and goes on as soon as it is gone.
    let quick = session(&server).await;
    let waiting =
        tokio::spawn(async move { schema::migrate(&quick, QUICK, NOW).await.map(|made| made.len()) });
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("it waits", async || count(&server, blocked).await == 1).await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    assert_eq!(count(&server, kill).await, 1);
    assert!(matches!(killed.await.unwrap(), Some(Failure::Server(_))));
    assert!(matches!(waiting.await.unwrap(), Ok(1)));
    assert_eq!(count(&server, "SELECT count(*) FROM keyward_migrations").await, 1);
}
