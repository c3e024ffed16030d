//! Group F: what was answered is kept, whatever happens to the process, its neighbours or its database.

use super::http::{Call, call};
use super::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use rusqlite::Connection;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Registers people from several clients until the service is gone. Gives those who got a 201.
fn register_until_killed(server: Server, round: usize, enough: usize) -> Vec<String> {
    let made = Mutex::new(Vec::new());
    let address = server.address;
    std::thread::scope(|scope| {
        for client in 0..4 {
            let made = &made;
            scope.spawn(move || {
                for number in 0.. {
                    let email = format!("r{round}c{client}n{number}@example.com");
                    match registration(&email, PASSWORD).send_to(address) {
                        Ok(reply) => {
                            reply.expect(201);
                            made.lock().unwrap().push(email);
                        }
                        Err(_) => return,
                    }
                }
            });
        }
        until("registrations", SOON, || (made.lock().unwrap().len() >= enough).then_some(()));
        server.kill();
    });
    made.into_inner().unwrap()
}

#[test]
fn f_01_kill_9_under_registration_load_loses_nobody() {
    let home = Home::new();
    let mut made = Vec::new();
    for round in 0..5 {
        let server = home.start();
        made.extend(register_until_killed(server, round, 12));

        let begin = Instant::now();
        let server = home.start();
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let check: String =
            home.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        server.kill();
    }
    let server = home.start();
    // Also those whose 201 was on its way: whoever is there is there as a whole.
    let mut all: Vec<String> = Vec::new();
    let database = home.database();
    let mut statement = database.prepare("SELECT email FROM keyward_users").unwrap();
    all.extend(statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap));
    for email in &made {
        assert!(all.contains(email), "{email} had a 201");
    }
    assert!(all.len() <= made.len() + 5 * 4, "{} of {}", made.len(), all.len());
    for half in [
        "SELECT count(*) FROM keyward_users WHERE password IS NULL OR email_key IS NULL",
        "SELECT count(*) FROM keyward_users WHERE id NOT IN (SELECT user_id FROM keyward_events WHERE kind = 'registered')",
        "SELECT count(*) FROM keyward_events WHERE user_id NOT IN (SELECT id FROM keyward_users)",
    ] {
        assert_eq!(home.count(half), 0, "{half}");
    }
    let all = &Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(email) = { all.lock().unwrap().pop() } {
                    server.login(&email, PASSWORD).expect(200);
                }
            });
        }
    });
}

#[test]
fn f_09_two_that_start_at_once_share_one_database_and_one_key() {
    for _ in 0..3 {
        let home = Home::new().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
        let (one, other) = (home.starting(), home.starting());
        let (one, other) = (one.started(), other.started());
        assert_eq!(one.get("/.well-known/jwks.json").text, other.get("/.well-known/jwks.json").text);
        one.register("ada@example.com", PASSWORD).expect(201);
        other.register("ada@example.com", PASSWORD).expect_problem(409, "taken");
        let (first, second) =
            (one.token("ada@example.com", PASSWORD), other.token("ada@example.com", PASSWORD));
        one.me(&second).expect(200);
        other.me(&first).expect(200);
        // What one ends is over for the other at once.
        one.send(&call("POST", "/auth/logout").bearer(&second)).expect(204);
        other.me(&second).expect_problem(401, "invalid_token");
        let keys = std::fs::read_dir(home.path("keyward-data")).unwrap();
        let keys =
            keys.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("keyward.key"));
        assert_eq!(keys.count(), 1);
        assert_eq!(home.count("SELECT count(*) FROM keyward_migrations WHERE version = 1"), 1);
        // One of the two links was printed by each; one administrator is all there can be.
        let [a, b] = [&one, &other].map(|server| {
            let form = call("POST", &server.setup().unwrap());
            server.send(&form.form(&[
                ("email", &format!("{}@example.com", server.address.port())),
                ("password", PASSWORD),
            ]))
        });
        assert_eq!((a.status, b.status), (200, 404));
    }
}

#[test]
fn f_09_a_newer_schema_is_refused_and_left_as_it_is() {
    let home = Home::new();
    assert_eq!(home.run(&["migrate", "--json"]).expect(0).json()["applied"][0], "0001 accounts");
    let newer =
        "INSERT INTO keyward_migrations (version, name, checksum, applied_at) VALUES (99, 'later', 'x', 1)";
    home.database().execute(newer, []).unwrap();
    for message in [home.refused(), home.run(&["migrate"]).expect(1).stderr] {
        assert!(
            message.contains("newer Keyward") && message.contains("99") && message.contains("keyward.db"),
            "{message}"
        );
    }
    assert_eq!(home.count("SELECT count(*) FROM keyward_migrations"), 3);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let home = Home::new().set("KEYWARD_STORE_URL", "notes.txt");
    let text = "these are somebody's notes\n".repeat(100);
    home.write("notes.txt", &text);
    assert!(home.refused().contains("not an SQLite database"));
    assert_eq!(std::fs::read_to_string(home.path("notes.txt")).unwrap(), text);
}

/// Holds the lock of writers, as a backup or a careless tool would.
fn locked(home: &Home) -> Connection {
    let connection = home.database();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// The service waits for 5 seconds; the rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(8);

fn timed(server: &Server, call: &Call) -> (super::http::Reply, Duration) {
    let begin = Instant::now();
    (server.send(call), begin.elapsed())
}

#[test]
fn f_02_a_database_that_another_process_holds_is_a_503_and_comes_back() {
    let home = Home::new();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let token = server.token("ada@example.com", PASSWORD);
    let lock = locked(&home);
    std::thread::scope(|scope| {
        let writes = [
            registration("bob@example.com", PASSWORD),
            sign_in("ada@example.com", PASSWORD),
            call("GET", "/health/ready"),
            call("PATCH", "/users/me").bearer(&token).json(serde_json::json!({"first_name": "Ada"})),
        ];
        for write in writes {
            let server = &server;
            scope.spawn(move || {
                let (reply, time) = timed(server, &write);
                reply.expect_problem(503, "store_unavailable");
                assert!(time < PATIENCE, "{time:?}");
            });
        }
        // What only reads goes on.
        server.me(&token).expect(200);
        server.get("/health/live").expect(200);
    });
    let (reply, time) = timed(&server, &registration("bob@example.com", PASSWORD));
    reply.expect_problem(503, "store_unavailable");
    assert!(time < PATIENCE, "{time:?}");
    drop(lock);
    until("readiness", SOON, || (server.get("/health/ready").status == 200).then_some(()));
    // Nothing of what was refused has happened behind its back.
    assert_eq!(server.me(&token).expect(200).json()["first_name"], serde_json::Value::Null);
    server.register("bob@example.com", PASSWORD).expect(201);
}

#[test]
fn a_short_wait_for_another_writer_is_no_error() {
    let home = Home::new();
    let server = home.start();
    let lock = locked(&home);
    let waiting = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let (server, waiting) = (&server, &waiting);
        scope.spawn(move || {
            server.register("ada@example.com", PASSWORD).expect(201);
            waiting.store(false, Ordering::SeqCst);
        });
        // Much longer than the hash takes: it waits for the lock now.
        let begin = Instant::now();
        until("half a second", SOON, || (begin.elapsed() > Duration::from_millis(500)).then_some(()));
        assert!(waiting.load(Ordering::SeqCst), "the lock did not hold");
        drop(lock);
    });
}

/// The service may not make files longer than this: to it, the disk is full.
const DISK: u64 = 400 * 1024;

#[test]
fn f_06_a_full_disk_is_a_503_and_what_was_answered_stays() {
    use rustix::process::{Resource, Rlimit, prlimit};
    let home = Home::new();
    // The shell has the limit inherited and the signal ignored, which would end the process.
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", DISK / 512);
    let server = home.start_by("/bin/sh", &["-c", &script, super::server::BINARY, "serve", "--json"]);
    let metadata = serde_json::json!({"filler": "x".repeat(15_000)});
    let big = |number: usize| {
        let email = format!("n{number}@example.com");
        call("POST", "/auth/register")
            .json(serde_json::json!({"email": email, "password": PASSWORD, "metadata": metadata}))
    };
    let mut made = 0;
    let refused = until("a full disk", SOON, || {
        let reply = server.send(&big(made));
        if reply.status == 201 {
            made += 1;
            return None;
        }
        Some(reply)
    });
    refused.expect_problem(503, "store_unavailable");
    assert!(made > 2, "{made}");
    server.get("/health/live").expect(200);
    let limit = Rlimit { current: None, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).unwrap();
    until("room on the disk", SOON, || (server.send(&big(made)).status == 201).then_some(()));
    for number in 0..=made {
        server.login(&format!("n{number}@example.com"), PASSWORD).expect(200);
    }
    server.stop();
    let check: String = home.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn f_02_a_database_that_is_removed_is_told_by_readiness_and_is_no_crash() {
    let home = Home::new();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let token = server.token("ada@example.com", PASSWORD);
    // Moved away and back, it is the same file again.
    std::fs::rename(home.path("keyward-data"), home.path("elsewhere")).unwrap();
    server.get("/health/ready").expect_problem(503, "store_unavailable");
    std::fs::rename(home.path("elsewhere"), home.path("keyward-data")).unwrap();
    server.get("/health/ready").expect(200);
    server.login("ada@example.com", PASSWORD).expect(200);

    std::fs::remove_dir_all(home.path("keyward-data")).unwrap();
    let ready = server.get("/health/ready").expect_problem(503, "store_unavailable");
    assert!(ready.text.contains("sqlite") && !ready.text.contains("keyward.db"), "{ready}");
    let calls = [
        registration("bob@example.com", PASSWORD),
        sign_in("ada@example.com", PASSWORD),
        call("GET", "/users/me").bearer(&token),
    ];
    for call in calls.iter().cycle().take(12) {
        let (reply, time) = timed(&server, call);
        assert!(time < Duration::from_secs(6), "{time:?}");
        if reply.status >= 500 {
            reply.expect_problem(503, "store_unavailable");
        }
    }
    server.get("/health/live").expect(200);
    server.stop();
    // The next start is a first one.
    let server = home.start();
    assert!(server.setup().is_some());
    server.login("ada@example.com", PASSWORD).expect(401);
}
