//! Group F for SQLite: a file that is none, a lock that another process holds, a full disk, a file that is removed.

use crate::process::http::{Call, call};
use crate::process::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use rusqlite::Connection;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
const PATIENCE: Duration = Duration::from_secs(20);

fn timed(server: &Server, call: &Call) -> (crate::process::http::Reply, Duration) {
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
const DISK: u64 = 600 * 1024;

#[test]
fn f_06_a_full_disk_is_a_503_and_what_was_answered_stays() {
    use rustix::process::{Resource, Rlimit, prlimit};
    let home = Home::new();
    // The shell has the limit inherited and the signal ignored, which would end the process.
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", DISK / 512);
    let server =
        home.start_by("/bin/sh", &["-c", &script, crate::process::server::BINARY, "serve", "--json"]);
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
    // What readiness writes is small, and may still find room a few times.
    let unready = until("readiness", SOON, || {
        let reply = server.get("/health/ready");
        (reply.status != 200).then_some(reply)
    });
    unready.expect_problem(503, "store_unavailable");
    let limit = Rlimit { current: None, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).unwrap();
    until("room on the disk", SOON, || (server.send(&big(made)).status == 201).then_some(()));
    server.get("/health/ready").expect(200);
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
        assert!(time < PATIENCE, "{time:?}");
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
