//! Bad input: a store that cannot be used stops the start within seconds, with a line that says what to do and holds no
//! password, not even at the log level trace. What each driver makes of each failure is tested beside the drivers.

use crate::process::http::call;
use crate::process::log_hygiene::forms;
use crate::process::server::{Home, SOON, secret, sign_in, until};
use crate::stores::{Kind, OwnPostgres, OwnRedis, Place, Proxy, aside, server, through_proxy};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A start takes no longer than this to fail; the rest is for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The one line about a start with these URLs; it fails in time, and tells of no password.
#[track_caller]
pub(super) fn refused(urls: &[(&str, &str)]) -> String {
    let master = secret();
    let home = Home::new().set("KEYWARD_SECRETS_MASTER", &master).set("KEYWARD_LOG_LEVEL", "trace");
    let home = home.set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0");
    let home = urls.iter().fold(home, |home, (name, url)| home.set(name, url));
    let begun = Instant::now();
    let done = home.run(&["serve"]).expect(1);
    assert!(begun.elapsed() < PATIENCE, "{:?}: {done:?}", begun.elapsed());
    assert_eq!(done.stdout, "", "it listened");
    let said: Vec<&str> = done.stderr.lines().filter(|line| line.starts_with("keyward: ")).collect();
    let [line] = said[..] else { panic!("not one line: {done:?}") };
    let passwords = urls.iter().filter_map(|(_, url)| password(url));
    for secret in passwords.chain([master]) {
        for form in forms(&secret) {
            assert!(!done.stderr.contains(&form), "{form} in {done:?}");
        }
    }
    line.to_owned()
}

pub(super) fn password(url: &str) -> Option<String> {
    Some(url.split_once("://")?.1.rsplit_once('@')?.0.split_once(':')?.1.to_owned())
}

/// With another part of the URL.
pub(super) fn changed(url: &str, from: &str, to: &str) -> String {
    assert!(url.contains(from), "{from}");
    url.replace(from, to)
}

#[track_caller]
pub(super) fn assert_says(line: &str, words: &[&str]) {
    assert!(words.iter().all(|word| line.contains(word)), "{line}");
}

/// Says nothing to whoever connects, which the system lets them do.
pub(super) fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
fn a_postgres_that_cannot_be_used_stops_the_start() {
    let place = aside(Place::empty(Kind::Postgres, PathBuf::new()));
    let url = place.settings()[0].1.clone();
    let (wrong, (listener, address)) = (secret(), silent());
    let host = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let own = password(&url).unwrap();
    let name = url.rsplit_once('/').unwrap().1.to_owned();
    let refused = |url: &str| refused(&[("DATABASE_URL", url)]);

    assert_says(&refused(&changed(&url, &own, &wrong)), &["refused user or password", "in the URL"]);
    assert_says(&refused(&changed(&url, &name, "nowhere")), &["no such database", "CREATE DATABASE"]);
    assert_says(
        &refused(&changed(&url, &host, &address.to_string())),
        &["no answer", "is the server running"],
    );
    drop(listener);
    assert_says(
        &refused(&changed(&url, &host, &address.to_string())),
        &["no answer", "is the server running"],
    );
    assert_says(&refused(&changed(&url, &host, "no-such-host.invalid")), &["is the server running"]);
    assert_says(&refused(&changed(&url, &host, "")), &["store.url", "host"]);
    assert_says(&refused(&changed(&url, "postgres://", "postgres:/")), &["DATABASE_URL"]);
    assert_says(&refused(&format!("{url}?sslmode=require")), &["does not support TLS", "sslmode=disable"]);
    assert_says(&refused(&format!("{url}?sslmode=perhaps")), &["sslmode"]);
    aside(place.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")));
    assert_says(&refused(&url), &["it can only be read", "the primary"]);
}

#[test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
fn a_postgres_that_nobody_vouches_for_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=db.example.com"])
        .args(["-addext", "subjectAltName=DNS:db.example.com", "-out", "cert.pem", "-keyout", "key.pem"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let server = aside(OwnPostgres::with_certificate(&file("cert.pem"), &file("key.pem")));
    let url = server.url();
    let refused = |query: &str| refused(&[("DATABASE_URL", &format!("{url}?{query}"))]);
    assert_says(&refused("sslmode=verify-full"), &["certificate", "sslrootcert=/path/to/ca.pem"]);
    let known = format!("sslmode=verify-full&sslrootcert={}", file("cert.pem"));
    assert_says(&refused(&known), &["give the host by the name that is in its certificate"]);
    assert_says(&refused("sslmode=verify-ca&sslrootcert=/nowhere/ca.pem"), &["/nowhere/ca.pem"]);
    let trusted = format!("{url}?sslmode=verify-ca&sslrootcert={}", file("cert.pem"));
    Home::new().set("KEYWARD_SECRETS_MASTER", &secret()).set("DATABASE_URL", &trusted).start().stop();
}

/// A server that answers whatever is asked with these replies, one after the other.
fn fake_redis(replies: Vec<String>) -> SocketAddr {
    let (listener, address) = silent();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for reply in replies {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(reply.as_bytes());
        }
        // Until the other side has enough.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

#[test]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
fn a_redis_that_cannot_be_used_stops_the_start() {
    let place = aside(Place::empty(Kind::Postgres, PathBuf::new()));
    let database = place.settings()[0].1.clone();
    let refused = |url: &str| refused(&[("DATABASE_URL", &database), ("REDIS_URL", url)]);
    let url = server("KEYWARD_TEST_REDIS_URL");
    let own = password(&url).unwrap();
    let host = url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let (wrong, (listener, address)) = (secret(), silent());

    assert_says(&refused(&changed(&url, &own, &wrong)), &["refuses the user or the password of the URL"]);
    let without = format!("redis://{host}/0");
    assert_says(&refused(&without), &["asks for a password", "redis://:PASSWORD@HOST"]);
    assert_says(&refused(&changed(&url, &host, &address.to_string())), &["does not answer within"]);
    drop(listener);
    assert_says(
        &refused(&changed(&url, &host, &address.to_string())),
        &["cannot be reached", "host and port"],
    );
    assert_says(&refused(&changed(&url, "/0", "/77")), &["has no database 77"]);
    assert_says(&refused(&changed(&url, "redis://", "rediss://")), &["speaks TLS if the URL says rediss"]);
    assert_says(&refused(&changed(&url, "redis://", "radish://")), &["REDIS_URL", "rediss:// for TLS"]);
    // PostgreSQL is no Redis.
    let other = database.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    assert_says(&refused(&changed(&url, &host, &other)), &["redis://", "see that"]);

    let (primary, replica) = (OwnRedis::start(&[]), OwnRedis::start(&[]));
    let port = primary.address.port().to_string();
    replica.tell(&["REPLICAOF", "127.0.0.1", &port]);
    assert_says(&refused(&replica.url()), &["read-only replica; name the primary"]);

    let info = "redis_version:5.0.14\r\nredis_mode:standalone\r\nrole:master\r\n";
    let info = format!("${}\r\n{info}\r\n", info.len());
    let old = fake_redis(vec!["+OK\r\n".into(), "+OK\r\n".into(), info]);
    assert_says(&refused(&format!("redis://:{own}@{old}/0")), &["Redis 5.0.14", "too old", "6.2"]);
}

/// PostgreSQL and Redis, each behind a proxy.
fn behind_proxies() -> (Home, Place, Vec<Proxy>) {
    let place = aside(Place::with_redis(&server("KEYWARD_TEST_REDIS_URL")));
    let mut home = Home::new().set("KEYWARD_SECRETS_MASTER", &secret());
    let mut proxies = Vec::new();
    for (key, value) in place.settings().into_iter().filter(|(key, _)| key.ends_with(".url")) {
        let (proxy, url) = through_proxy(&value);
        proxies.push(proxy);
        home.change(&format!("KEYWARD_{}", key.replace('.', "_").to_uppercase()), &url);
    }
    (home, place, proxies)
}

#[test]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
fn f_08_a_stop_does_not_wait_for_stores_that_do_not_answer() {
    let (home, _place, proxies) = behind_proxies();
    let server = home.start();
    server.register("ada@example.com", "a quiet blue harbour").expect(201);
    proxies.iter().for_each(Proxy::silence);
    let address = server.address;
    let waiting =
        std::thread::spawn(move || sign_in("ada@example.com", "a quiet blue harbour").send_to(address));
    let begun = Instant::now();
    until("a request that waits", SOON, || (begun.elapsed() > Duration::from_millis(200)).then_some(()));
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    waiting.join().unwrap().unwrap().expect(503);
}

#[test]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
fn g_01_stores_that_fail_are_told_of_without_their_passwords() {
    let (mut home, place, proxies) = behind_proxies();
    home.change("KEYWARD_LOG_LEVEL", "trace");
    home.change("KEYWARD_LOG_FORMAT", "json");
    let (master, given) = (secret(), "Kanari-sechs +/q7 zwitschert");
    home.change("KEYWARD_SECRETS_MASTER", &master);
    let server = home.start();
    server.register("ada@example.com", given).expect(201);
    let tokens = server.login("ada@example.com", given).expect(200).json();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let ask = || {
        let refresh = serde_json::json!({"refresh_token": refresh});
        server.me(&access).expect(503);
        server.login("ada@example.com", given).expect(503);
        server.send(&call("POST", "/auth/refresh").json(refresh)).expect(503);
        server.get("/health/ready").expect(503);
    };
    for proxy in &proxies {
        proxy.vanish();
        until("the outage", SOON, || (server.me(&access).status == 503).then_some(()));
        ask();
        proxy.restore();
        until("readiness", SOON, || (server.get("/health/ready").status == 200).then_some(()));
        server.me(&access).expect(200);
    }
    let (_, log) = server.stop();
    assert!(log.contains("not ready") && log.contains("DEBUG"), "{log}");
    let mut secrets = place.passwords();
    secrets.extend([master, given.into(), access.clone(), refresh.clone()]);
    secrets.extend(access.split('.').chain(refresh.split('.')).filter(|part| part.len() > 8).map(Into::into));
    for secret in secrets {
        for form in forms(&secret) {
            assert!(!log.contains(&form), "{form} in {log}");
        }
    }
}
