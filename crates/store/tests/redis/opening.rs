//! Opening: a line that says what to do for everything that may be wrong, within seconds and without a password.

use crate::log::Lines;
use crate::server::*;
use keyward_auth::records::{Along, Bucket, CounterKey, EventKind, Rate};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The line with which opening fails.
async fn refused(url: &str) -> String {
    let (opened, took) = timed(open(url)).await;
    assert!(took < SOON, "{took:?}");
    let line = opened.err().expect("it opened").to_string();
    assert!(line.starts_with("redis") && !line.contains('\n') && !line.contains("secret"), "{line}");
    line
}

async fn assert_refused(url: &str, hint: &str) {
    let line = refused(url).await;
    assert!(line.contains(hint), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_place_without_redis_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    // Nobody accepts: the system does, and then there is silence.
    assert_refused(&format!("redis://:secret@127.0.0.1:{port}"), "does not answer").await;
    drop(free);
    assert_refused(&format!("redis://:secret@127.0.0.1:{port}"), "cannot be reached").await;
    assert_refused("redis://:secret@no-such-host.invalid", "cannot be reached").await;

    // A web server, and one that hangs up.
    for (answer, hint) in
        [("HTTP/1.1 400 Bad Request\r\n\r\n", "as Redis does"), ("", "ended the connection")]
    {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let serve = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 100]);
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.shutdown(Shutdown::Both);
        });
        assert_refused(&format!("redis://:secret@127.0.0.1:{port}"), hint).await;
        serve.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_wrong_password_is_told() {
    let open_to_all = Server::start(&[]);
    let guarded = Server::start(&["--requirepass", "secret"]);
    let port = guarded.port;
    assert_refused(&format!("redis://127.0.0.1:{port}"), "asks for a password").await;
    assert_refused(&format!("redis://127.0.0.1:{port}/3"), "asks for a password").await;
    assert_refused(&format!("redis://:not-secret@127.0.0.1:{port}"), "refuses the user or the password")
        .await;
    assert_refused(&format!("redis://kim:secret@127.0.0.1:{port}"), "refuses the user or the password").await;
    open(&format!("redis://:secret@127.0.0.1:{port}/15")).await.unwrap();
    assert_refused(&format!("redis://:secret@127.0.0.1:{port}/16"), "no database 16").await;
    let line = refused(&format!("redis://:secret@127.0.0.1:{}", open_to_all.port)).await;
    assert!(line.contains("asks for no password"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_server_of_the_wrong_kind_is_told() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    assert_refused(&replica.url(), "is a read-only replica").await;
    let node = Server::start(&["--cluster-enabled", "yes"]);
    assert_refused(&node.url(), "cluster").await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn the_least_rights_are_enough_and_less_is_told() {
    let server = Server::start(&[]);
    let allow = |rules: &str| {
        let mut words = vec!["ACL", "SETUSER", "kim", "reset", "on", ">secret"];
        words.extend(rules.split(' '));
        server.tell(&words);
    };
    let url = format!("redis://kim:secret@127.0.0.1:{}", server.port);
    allow("~kw:*");
    // The line gives the rule.
    let line = refused(&url).await;
    let rule = line.rsplit("SETUSER NAME ").next().unwrap();
    assert_eq!(
        rule,
        "~kw:* +del +eval +evalsha +get +hdel +hget +hgetall +hmget +hset +info +pexpire +pttl +set +zadd +zrange +zrem +zrevrange"
    );
    for left_out in ["+evalsha", "+hdel", "+hset", "+zrevrange"] {
        allow(&rule.replace(&format!(" {left_out}"), ""));
        let missing = format!("(missing: {})", left_out[1..].to_uppercase());
        assert_refused(&url, &missing).await;
    }
    allow(&rule.replace("~kw:*", "~other:*"));
    assert_refused(&url, "~kw:*").await;

    allow(rule);
    let (store, ada, _folder) = beside_url(&url).await;
    for number in 1..=3 {
        let events = [event(number, EventKind::SignedIn, &ada)];
        store.sessions.insert(&session(number, &ada), 2, &events).await.unwrap();
    }
    let three = session(3, &ada);
    store.sessions.rotate(three.id, 1, NOW, three.idle_at).await.unwrap().unwrap();
    assert!(gets_in(&store, &three).await);
    assert_eq!(store.sessions.of_user(ada.id, NOW).await.unwrap().len(), 2);
    assert_eq!(store.sessions.end(three.id, ada.id, Along::default()).await, Ok(true));
    store.sessions.forget(ada.id, 1, None).await.unwrap();
    for owner in [Some(ada.id), None] {
        assert_eq!(store.codes.issue(&code(1, owner)).await, Ok(true));
    }
    assert_eq!(store.codes.try_at(PLACE, 5, NOW).await.unwrap().len(), 2);
    assert!(store.codes.read(PLACE, ada.id).await.unwrap().is_some());
    assert_eq!(store.codes.consume(&code(1, None), NOW).await, Ok(true));
    store.codes.forget(&[PLACE], ada.id).await.unwrap();
    let rate = Rate { most: 1, window: Duration::from_secs(60) };
    store.counters.take(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    assert_eq!(server.keys("kw:c:*").len(), 1);
    store.counters.give_back(&[Bucket { key: CounterKey([1; 16]), rate }], NOW).await.unwrap();
    assert_eq!(server.keys("kw:[suoc]:*"), Vec::<String>::new());
    store.parts[1].check().await.unwrap();
}

/// On one thread, to which the log belongs.
#[tokio::test]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_may_lose_sessions_is_told_in_the_log() {
    for (options, warnings) in [
        (&["--appendonly", "yes"][..], &[][..]),
        (&["--appendonly", "no"], &["keeps nothing on disk"]),
        (&["--save", "3600 1"], &["keeps snapshots at most"]),
        (
            &["--maxmemory-policy", "allkeys-lru", "--requirepass", "secret"],
            &["keeps nothing on disk", "maxmemory-policy allkeys-lru"],
        ),
    ] {
        let lines = Lines::default();
        let _log = lines.listen("redis::fitness");
        let server = Server::start(options);
        let password = if options.contains(&"secret") { ":secret@" } else { "" };
        open(&format!("redis://{password}127.0.0.1:{}", server.port)).await.unwrap();
        assert_eq!(lines.starting_with("WARN"), warnings.len(), "{}", lines.all());
        assert!(warnings.iter().all(|warning| lines.all().contains(warning)), "{}", lines.all());
        assert!(!lines.all().contains("secret"), "{}", lines.all());
    }
}

/// An authority, and a server's key that it certifies for `localhost`, as files in `folder`.
fn certify(folder: &Path) {
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(&format!("req -x509 {key} -subj /CN=Authority -keyout ca.key -out ca.pem"));
    openssl(&format!("req -x509 {key} -subj /CN=Another -keyout other.key -out other.pem"));
    for name in ["server", "client"] {
        openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
        let sign = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names";
        openssl(&format!("x509 -req -in {name}.csr {sign} -out {name}.pem"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn tls_is_spoken_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let tls = ["--port", "0", "--tls-port", "PORT", "--tls-ca-cert-file", &ca, "--tls-cert-file", &cert];
    let tls = [&tls[..], &["--tls-key-file", &key, "--requirepass", "secret"]].concat();
    let open_to_all = Server::start(&[&tls[..], &["--tls-auth-clients", "no"]].concat());
    let port = open_to_all.port;

    let (store, ada, _folder) = beside_url(&format!("rediss://:secret@localhost:{port}?ca={ca}")).await;
    store.sessions.insert(&session(1, &ada), 2, &[]).await.unwrap();
    assert!(gets_in(&store, &session(1, &ada)).await);

    assert_refused(&format!("rediss://:secret@localhost:{port}"), "?ca=PATH").await;
    assert_refused(&format!("rediss://:secret@localhost:{port}?ca={}", file("other.pem")), "TLS").await;
    // Certified for localhost alone.
    assert_refused(&format!("rediss://:secret@127.0.0.1:{port}?ca={ca}"), "TLS").await;
    assert_refused(&format!("rediss://:secret@localhost:{port}?ca={}", file("none.pem")), "none.pem").await;
    assert_refused(&format!("rediss://:secret@localhost:{port}?ca={}", file("ca.key")), "ca.key").await;
    // Without TLS where it is spoken, and with TLS where it is not.
    assert_refused(&format!("redis://:secret@localhost:{port}"), "write rediss://").await;
    let plain = Server::start(&[]);
    let line = refused(&format!("rediss://:secret@localhost:{}?ca={ca}", plain.port)).await;
    assert!(line.contains("TLS") || line.contains("does not answer"), "{line}");

    let knows_clients = Server::start(&tls);
    let url = format!("rediss://:secret@localhost:{}?ca={ca}", knows_clients.port);
    assert_refused(&url, "?cert=PATH").await;
    open(&format!("{url}&cert={}&key={}", file("client.pem"), file("client.key"))).await.unwrap();
}
