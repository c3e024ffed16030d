//! What an operator may have got wrong: told at once, in one line that says what to do, without the password.

use super::server::{Server, WITH_PASSWORD};
use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn refusal(url: &str) -> String {
    let begin = Instant::now();
    let error = Postgres::open(&settings(url)).await.err().unwrap_or_else(|| panic!("{url} was opened"));
    assert!(begin.elapsed() < SOON);
    one_line(&error)
}

fn one_line(error: &OpenError) -> String {
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hunter2") && !text.contains("wrong"), "{text}");
    }
    let text = error.to_string();
    assert!(text.starts_with("postgres://") && !text.contains('\n'), "{text}");
    text
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = refusal(&format!("postgres://keyward:hunter2@127.0.0.1:{free}/d")).await;
    assert_says(&text, &[&format!("127.0.0.1:{free}/d"), "refused", "is the server running"]);
    assert_says(&refusal("postgres://keyward:hunter2@nowhere.invalid/d").await, &["is the server running"]);
    assert_says(&refusal("postgres://keyward:hunter2@%2Fnowhere/d").await, &["is the server running"]);
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = refusal(&format!("postgres://keyward:hunter2@127.0.0.1:{port}/d")).await;
    assert_says(&text, &["within 2s", "is the server running"]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn who_may_not_come_in() {
    let logins = format!("hostnossl all plain 127.0.0.1/32 reject\n{WITH_PASSWORD}");
    let server = Server::start_with("", &logins).await;
    server.run("CREATE ROLE plain LOGIN PASSWORD 'hunter2'").await;
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").await;
    let port = server.port;
    let at = |login: &str, rest: &str| format!("postgres://{login}@127.0.0.1:{port}/{rest}");
    assert_says(&refusal(&at("keyward:wrong", "keyward")).await, &["28P01", "refused user or password"]);
    assert_says(&refusal(&at("keyward", "keyward")).await, &["the URL has none"]);
    assert_says(&refusal(&at("nobody:hunter2", "keyward")).await, &["refused user or password"]);
    assert_says(&refusal(&at("keyward:hunter2", "missing")).await, &["no such database", "CREATE DATABASE"]);
    assert_says(&refusal(&at("keyward:hunter2", "latin")).await, &["LATIN1", "ENCODING 'UTF8'"]);
    assert_says(&refusal(&at("plain:hunter2", "keyward")).await, &["pg_hba.conf", "sslmode=require"]);
    let no_tls = refusal(&at("keyward:hunter2", "keyward?sslmode=require")).await;
    assert_says(&no_tls, &["does not support TLS", "sslmode=disable"]);
    server.run("ALTER DATABASE keyward SET default_transaction_read_only = on").await;
    assert_says(&refusal(&server.url()).await, &["can only be read", "primary"]);
    server.run("ALTER DATABASE keyward RESET ALL; ALTER ROLE keyward CONNECTION LIMIT 0").await;
    assert_says(&refusal(&server.url()).await, &["store.connections"]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn who_may_not_make_tables() {
    let server = Server::start().await;
    server.run("CREATE ROLE guest LOGIN PASSWORD 'hunter2'").await;
    let url = server.url().replace("keyward:", "guest:");
    let guest = Postgres::open(&settings(&url)).await.unwrap();
    assert!(guest.status().await.unwrap().iter().all(|line| line.applied_at.is_none()));
    assert_says(&one_line(&guest.migrate(NOW).await.unwrap_err()), &["42501", "GRANT CREATE"]);
    // Where nothing is to be made, nobody asks for the right to.
    open(&server.url()).await;
    assert_says(&one_line(&guest.migrate(NOW).await.unwrap_err()), &["42501", "GRANT"]);
    let all = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest";
    server.admin().await.batch_execute(all).await.unwrap();
    assert!(guest.migrate(NOW).await.unwrap().is_empty());
    guest.store().keys.insert(&key(1)).await.unwrap();
    assert_eq!(keys(&guest).await, [1]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn one_of_several_hosts_that_can_be_written_is_found() {
    let (reading, writing) = (Server::start().await, Server::start().await);
    reading.run("ALTER DATABASE keyward SET default_transaction_read_only = on").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (silent, read, write) = (silent.local_addr().unwrap().port(), reading.port, writing.port);
    let url =
        format!("postgres://keyward:hunter2@127.0.0.1:{silent},127.0.0.1:{read},127.0.0.1:{write}/keyward");
    let postgres = open(&url).await;
    postgres.store().keys.insert(&key(1)).await.unwrap();
    assert_eq!(keys(&open(&writing.url()).await).await, [1]);
    let none =
        refusal(&format!("postgres://keyward:hunter2@127.0.0.1:{silent},127.0.0.1:{read}/keyward")).await;
    assert_says(&none, &["can only be read"]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_pgbouncer), ignore = "no PgBouncer: scripts/servers run cargo test")]
async fn a_pooler_that_nobody_told_of() {
    let url = std::env::var("KEYWARD_TEST_PGBOUNCER_URL").unwrap();
    let error = Postgres::open(&settings(&url)).await.err().unwrap();
    assert_says(&error.to_string(), &["store.pgbouncer = true"]);
    Postgres::open(&PostgresSettings { pgbouncer: true, ..settings(&url) }).await.unwrap();
}

/// A message of the protocol: a letter, the length, and the rest.
fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(rest.len() + 4).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), rest].concat()
}

/// A server that answers a greeting with what it is told to, and the first question with `off`.
async fn greeting(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            assert!(stream.read(&mut bytes).await.unwrap() > 0);
            stream.write_all(&answer).await.unwrap();
            if stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                let field = [1_u16.to_be_bytes().as_slice(), b"x\0", &[0; 18]].concat();
                let row = [1_u16.to_be_bytes().as_slice(), &3_u32.to_be_bytes(), b"off"].concat();
                let all = [
                    message(b'T', &field),
                    message(b'D', &row),
                    message(b'C', b"SHOW\0"),
                    message(b'Z', b"I"),
                ];
                stream.write_all(&all.concat()).await.unwrap();
                let _ = stream.read(&mut bytes).await;
            }
        }
    });
    port
}

#[tokio::test]
async fn an_old_server_and_a_pooler_are_named() {
    let hello = |version: &str| {
        let version = [b"server_version\0", version.as_bytes(), b"\0"].concat();
        [
            message(b'R', &0_u32.to_be_bytes()),
            message(b'S', &version),
            message(b'S', b"server_encoding\0UTF8\0"),
            message(b'K', &[0; 8]),
            message(b'Z', b"I"),
        ]
        .concat()
    };
    let at = |port: u16| format!("postgres://keyward:hunter2@127.0.0.1:{port}/d?sslmode=disable");
    let old = refusal(&at(greeting(hello("13.14 (Debian)")).await)).await;
    assert_says(&old, &["13.14", "14 or newer"]);
    for version in ["14.0", "17beta1", "11.2-YB-2.20.1.0-b0"] {
        Postgres::open(&settings(&at(greeting(hello(version)).await))).await.unwrap();
    }
    let pooler = message(b'E', b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0");
    assert_says(&refusal(&at(greeting(pooler).await)).await, &["store.pgbouncer = true"]);
}
