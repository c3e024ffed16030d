//! Too much of everything: bodies, connections, sign-ins. The answer arrives, others are served, memory stays flat.

use crate::process::http::{Reply, call, connect};
use crate::process::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const GIGABYTE: u64 = 1 << 30;

/// Sends a gigabyte, or what of it the server lets in, and reads only then: the least patient of clients.
fn gigabyte(server: &Server, method: &str, path: &str, token: &str, chunked: bool) -> (Reply, u64) {
    let mut stream = connect(server.address).unwrap();
    let framing =
        if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {GIGABYTE}") };
    let kind =
        if path.ends_with("introspect") { "application/x-www-form-urlencoded" } else { "application/json" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'['; 64 * 1024];
    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
    chunk.extend_from_slice(&piece);
    chunk.extend_from_slice(b"\r\n");
    let piece = if chunked { chunk } else { piece };
    let mut sent = 0;
    while sent < GIGABYTE {
        match stream.write(&piece) {
            Ok(written) => sent += written as u64,
            Err(_) => break,
        }
    }
    let reply =
        Reply::read(&mut stream).unwrap_or_else(|error| panic!("{method} {path} chunked {chunked}: {error}"));
    (reply, sent)
}

#[test]
fn h_01_a_gigabyte_is_refused_early_and_the_refusal_arrives() {
    let server = Home::new().start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let token = server.token("ada@example.com", PASSWORD);
    let before = server.peak_memory();
    for (method, path) in [
        ("POST", "/auth/register"),
        ("POST", "/auth/login"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/password/change"),
        ("PUT", "/users/me"),
        ("PATCH", "/users/me"),
        ("DELETE", "/users/me"),
    ] {
        for chunked in [false, true] {
            let (reply, sent) = gigabyte(&server, method, path, &token, chunked);
            reply.expect_problem(413, "payload_too_large");
            assert!(sent < 64 << 20, "{method} {path} took {sent} bytes");
        }
    }
    let rise = server.peak_memory() - before;
    assert!(rise < 50.0, "{rise} MiB");
    server.me(&token).expect(200);
}

#[test]
fn p_03_fifty_passwords_of_ten_megabytes_cost_no_memory() {
    let server = Home::new().start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let before = server.peak_memory();
    let calls = ["/auth/register", "/auth/login"].map(|path| {
        call("POST", path).json(json!({"email": "ada@example.com", "password": "a".repeat(10 << 20)}))
    });
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (server, calls) = (&server, &calls);
            scope.spawn(move || server.send(&calls[number % 2]).expect_problem(413, "payload_too_large"));
        }
    });
    let rise = server.peak_memory() - before;
    assert!(rise < 50.0, "{rise} MiB");
    // And what fits into a body is too long for a password, before it is hashed.
    let begin = Instant::now();
    server.register("bob@example.com", &"a".repeat(60_000)).expect_problem(422, "invalid");
    assert!(begin.elapsed() < SOON);
}

#[test]
fn h_06_three_hundred_slow_connections_hold_nobody_up() {
    let server = Home::new().start();
    let mut slow: Vec<TcpStream> = (0..300).map(|_| connect(server.address).unwrap()).collect();
    let mut times = Vec::new();
    for round in 0..20 {
        for stream in &mut slow {
            let piece: &[u8] = if round == 0 { b"GET / HTTP/1.1\r\nX: " } else { b"y" };
            stream.write_all(piece).unwrap();
        }
        let begin = Instant::now();
        server.get("/health").expect(200);
        times.push(begin.elapsed());
    }
    times.sort();
    assert!(times[times.len() / 2] < Duration::from_millis(250), "{times:?}");
    assert!(server.peak_memory() < 100.0, "{} MiB", server.peak_memory());
}

#[test]
fn h_06_a_header_that_never_ends_and_an_idle_connection_are_closed_in_time() {
    let server = Home::new().set("KEYWARD_SERVER_HEADER_TIMEOUT", "1s").start();
    let starts: [&[u8]; 3] =
        [b"", b"GET / HTTP/1.1\r\nX: ", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"];
    for start in starts {
        let mut stream = connect(server.address).unwrap();
        stream.write_all(start).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let begin = Instant::now();
        let mut buffer = [0; 4096];
        // Less than what is shipped, which is 15 s.
        until("the end of a connection", Duration::from_secs(10), || {
            match stream.read(&mut buffer) {
                Ok(0) => return Some(()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return Some(()),
            }
            // A byte now and then does not buy more time.
            let _ = (start.ends_with(b"X: ")).then(|| stream.write_all(b"y"));
            None
        });
        assert!(begin.elapsed() > Duration::from_millis(800), "{:?}", begin.elapsed());
    }
}

#[test]
fn h_06_more_connections_than_there_are_places_wait() {
    let server = Home::new().set("KEYWARD_SERVER_MAX_CONNECTIONS", "10").start();
    let held: Vec<TcpStream> = (0..10).map(|_| connect(server.address).unwrap()).collect();
    let mut next = connect(server.address).unwrap();
    next.write_all(&call("GET", "/health/live").bytes()).unwrap();
    next.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(next.read(&mut [0; 16]).is_err(), "there was a place");
    drop(held);
    next.set_read_timeout(Some(SOON)).unwrap();
    Reply::read(&mut next).unwrap().expect(200);
}

#[test]
fn n_04_a_storm_of_sign_ins_is_turned_away_at_the_door() {
    // More at once than the limits let through from one address: here the door is what is looked at.
    let home = Home::new().set("KEYWARD_HASHING_QUEUE", "16").set("KEYWARD_LIMITS_SCALE", "1000");
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let token = server.token("ada@example.com", PASSWORD);
    let replies = Mutex::new(Vec::new());
    let storming = AtomicBool::new(true);
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        let (server, token, replies, storming) = (&server, &token, &replies, &storming);
        let health = scope.spawn(move || {
            let mut times = Vec::new();
            while storming.load(Ordering::SeqCst) {
                for path in ["/health", "/users/me"] {
                    let begin = Instant::now();
                    server.send(&call("GET", path).bearer(token)).expect(200);
                    times.push(begin.elapsed());
                }
            }
            times
        });
        let logins: Vec<_> = (0..100)
            .map(|_| {
                scope.spawn(move || {
                    let reply = server.send(&sign_in("ada@example.com", PASSWORD));
                    replies.lock().unwrap().push(reply);
                })
            })
            .collect();
        logins.into_iter().for_each(|login| login.join().unwrap());
        storming.store(false, Ordering::SeqCst);
        times = health.join().unwrap();
    });
    let mut turned_away = 0;
    for reply in replies.into_inner().unwrap() {
        if reply.status != 200 {
            reply.expect_problem(503, "busy");
            turned_away += 1;
        }
    }
    assert!((1..=90).contains(&turned_away), "{turned_away} of 100");
    times.sort();
    assert!(times[times.len() / 2] < Duration::from_millis(250), "{times:?}");
    assert!(times[times.len() - 1] < SOON, "{times:?}");
    assert!(server.peak_memory() < 120.0, "{} MiB", server.peak_memory());
    // It was turned away, not shut out.
    server.send(&registration("bob@example.com", PASSWORD)).expect(201);
}
