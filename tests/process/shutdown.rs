//! Case F-08: told to stop, the service finishes what it is asked already, takes nothing new, and ends with 0.

use super::http::{Reply, connect};
use super::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Hashing that takes long enough to be interrupted, one at a time.
fn slow() -> Home {
    Home::new().set("KEYWARD_HASHING_THREADS", "1").set("KEYWARD_PASSWORDS_ARGON2_PASSES", "6")
}

/// Sends all of it and does not wait.
fn sent(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn finishes_what_runs(signal: Signal) {
    let home = slow();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    // One that waits for nothing holds nobody up.
    let idle = sent(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // One whose body is still to come.
    let late = registration("late@example.com", PASSWORD).bytes();
    let (early_part, late_part) = late.split_at(late.len() - 10);
    let mut half = sent(&server, early_part);
    let mut calls: Vec<TcpStream> = (0..6)
        .map(|number| sent(&server, &registration(&format!("n{number}@example.com"), PASSWORD).bytes()))
        .collect();
    calls.extend((0..2).map(|_| sent(&server, &sign_in("ada@example.com", PASSWORD).bytes())));
    // The first is answered: the others have long arrived, and most wait for the hash.
    assert_eq!(Reply::read(&mut calls.remove(0)).unwrap().status, 201);
    server.signal(signal);
    until("the end of listening", SOON, || connect(server.address).is_err().then_some(()));
    half.write_all(late_part).unwrap();
    for mut call in calls {
        let reply = Reply::read(&mut call).unwrap();
        assert!(matches!(reply.status, 200 | 201), "{reply}");
    }
    Reply::read(&mut half).unwrap().expect(201);
    let (_, log) = server.ended(Duration::from_secs(15));
    assert!(log.contains("stopping") && log.lines().last().unwrap().contains("stopped"), "{log}");
    assert!(!log.contains("cut off") && !log.contains("\"ERROR\""), "{log}");
    drop(idle);
    assert_eq!(home.count("SELECT count(*) FROM keyward_users"), 8);
}

#[test]
fn f_08_sigterm_finishes_what_runs() {
    finishes_what_runs(Signal::TERM);
}

#[test]
fn f_08_sigint_finishes_what_runs() {
    finishes_what_runs(Signal::INT);
}

#[test]
fn f_08_what_does_not_finish_is_cut_off_after_the_grace() {
    let server = Home::new().set("KEYWARD_SERVER_SHUTDOWN_GRACE", "1s").start();
    let late = registration("late@example.com", PASSWORD).bytes();
    let mut half = sent(&server, &late[..late.len() - 10]);
    // Connections are taken in order: the first is served by now.
    server.get("/health/live").expect(200);
    let begin = Instant::now();
    server.signal(Signal::TERM);
    let (_, log) = server.ended(SOON);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(log.contains("cut off"), "{log}");
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 2"));
}

#[test]
fn f_08_with_nothing_to_do_it_ends_at_once() {
    let server = Home::new().start();
    let idle = sent(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.get("/health/live").expect(200);
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(idle);
}
