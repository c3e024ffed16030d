//! Case F-08: told to stop, the service finishes what it is asked already, takes nothing new, and ends with 0.

use super::http::{Call, Reply, connect};
use super::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Hashing that takes long enough to be interrupted, one at a time.
fn slow() -> Home {
    Home::on_chosen_store().set("KEYWARD_HASHING_THREADS", "1").set("KEYWARD_PASSWORDS_ARGON2_PASSES", "6")
}

fn sent(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

/// A request that the service has begun to answer, for it has asked for the body; and that body.
fn begun(server: &Server, call: Call) -> (TcpStream, Vec<u8>) {
    let bytes = call.header("Expect", "100-continue").bytes();
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut stream = sent(server, &bytes[..head]);
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    (stream, bytes[head..].to_vec())
}

fn finishes_what_runs(signal: Signal) {
    let home = slow();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    // One that waits for nothing holds nobody up.
    let idle = sent(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // One whose body is still to come.
    let (mut half, body) = begun(&server, registration("late@example.com", PASSWORD));
    let calls = (0..6).map(|number| registration(&format!("n{number}@example.com"), PASSWORD));
    let calls = calls.chain((0..2).map(|_| sign_in("ada@example.com", PASSWORD)));
    let begun: Vec<_> = calls.map(|call| begun(&server, call)).collect();
    let sent_whole = |(mut stream, body): (TcpStream, Vec<u8>)| {
        stream.write_all(&body).unwrap();
        stream
    };
    let mut calls: Vec<TcpStream> = begun.into_iter().map(sent_whole).collect();
    // The first is answered: the others have long arrived, and most wait for the hash.
    assert_eq!(Reply::read(&mut calls.remove(0)).unwrap().status, 201);
    server.signal(signal);
    until("the end of listening", SOON, || connect(server.address).is_err().then_some(()));
    half.write_all(&body).unwrap();
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
    let server = Home::on_chosen_store().set("KEYWARD_SERVER_SHUTDOWN_GRACE", "1s").start();
    let (mut half, _) = begun(&server, registration("late@example.com", PASSWORD));
    let begin = Instant::now();
    server.signal(Signal::TERM);
    let (_, log) = server.ended(SOON);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert!(log.contains("cut off"), "{log}");
    let mut rest = Vec::new();
    let _ = half.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 2"));
}

#[test]
fn f_08_with_nothing_to_do_it_ends_at_once() {
    let server = Home::on_chosen_store().start();
    let idle = sent(&server, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.get("/health/live").expect(200);
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    drop(idle);
}
