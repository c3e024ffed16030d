//! The proxy does to a connection what it says: else a test of a fault would test nothing.

use super::Proxy;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// A server that says its name to whoever comes, and then whatever it is told.
fn echo(name: &'static [u8; 1]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let _ = stream.write_all(name);
                let mut piece = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    let _ = stream.write_all(&piece[..read]);
                }
            });
        }
    });
    address
}

fn open(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn says(stream: &mut TcpStream, expected: &[u8]) {
    let mut said = vec![0; expected.len()];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(said, expected);
}

fn says_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(LONG)).unwrap();
}

fn is_reset(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn what_is_sent_arrives_whole_and_an_end_is_an_end() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    let sent: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let mut writer = stream.try_clone().unwrap();
    let piece = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&piece).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    writing.join().unwrap();
    assert!(back == sent, "{} of {}", back.len(), sent.len());
}

#[test]
fn a_delay_holds_back_each_direction() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    proxy.delay(SHORT);
    let begun = Instant::now();
    stream.write_all(b"x").unwrap();
    says(&mut stream, b"x");
    assert!(begun.elapsed() >= SHORT * 2, "{:?}", begun.elapsed());
    proxy.restore();
    let begun = Instant::now();
    stream.write_all(b"y").unwrap();
    says(&mut stream, b"y");
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
}

#[test]
fn silence_keeps_everything_until_it_is_over() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    proxy.silence();
    stream.write_all(b"x").unwrap();
    let mut new = open(&proxy);
    says_nothing(&mut new);
    says_nothing(&mut stream);
    proxy.restore();
    says(&mut stream, b"x");
    says(&mut new, b"a");
}

#[test]
fn a_cut_resets_what_there_is_and_lets_new_ones_in() {
    let proxy = Proxy::before(echo(b"a"));
    let (mut one, mut other) = (open(&proxy), open(&proxy));
    says(&mut one, b"a");
    says(&mut other, b"a");
    assert_eq!(proxy.connections(), 2);
    proxy.cut();
    is_reset(&mut one);
    is_reset(&mut other);
    let mut new = open(&proxy);
    says(&mut new, b"a");
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn a_cut_reaches_those_that_are_silent_too() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    proxy.silence();
    stream.write_all(b"x").unwrap();
    proxy.cut();
    is_reset(&mut stream);
}

#[test]
fn who_comes_when_it_has_vanished_is_refused_and_later_let_in() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    for _ in 0..20 {
        proxy.vanish();
        let refused = TcpStream::connect(proxy.address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        proxy.restore();
        says(&mut open(&proxy), b"a");
    }
    is_reset(&mut stream);
}

#[test]
fn it_can_lead_to_another_server() {
    let proxy = Proxy::before(echo(b"a"));
    let mut stream = open(&proxy);
    says(&mut stream, b"a");
    proxy.lead_to(echo(b"b"));
    is_reset(&mut stream);
    says(&mut open(&proxy), b"b");
}
