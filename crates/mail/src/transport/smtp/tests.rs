//! Sending, to servers that follow a script: what a real one does only on a bad day.

use super::*;
use lettre::address::Envelope;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

fn message() -> Message {
    let address = |text: &str| text.parse().unwrap();
    let envelope = Envelope::new(Some(address("a@b.test")), vec![address("c@d.test")]).unwrap();
    Message { envelope, bytes: b"Subject: s\r\n\r\n.a line\r\n".to_vec() }
}

fn smtp(port: u16, login: &str, query: &str) -> Smtp {
    Smtp::open(&SmtpUrl::parse(&format!("smtp://{login}127.0.0.1:{port}{query}")).unwrap(), "b.test").unwrap()
}

/// Answers each line that begins like this with these; what begins like nothing here is let pass in silence.
struct Script(&'static [(&'static str, &'static str)]);

const GOOD: Script = Script(&[
    ("", "220 ready\r\n"),
    ("EHLO", "250-h.test\r\n250 AUTH PLAIN\r\n"),
    ("MAIL", "250 ok\r\n"),
    ("RCPT", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    (".\r\n", "250 taken\r\n"),
    ("QUIT", "221 bye\r\n"),
]);

struct Server {
    port: u16,
    /// All lines that came, over whichever connection.
    lines: mpsc::UnboundedReceiver<String>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// The connections follow these scripts in turn, and the last one ever after.
    async fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, lines) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let script = scripts.get(number).or(scripts.last()).unwrap();
                tokio::spawn(follow(stream, script.0, tell.clone()));
            }
        });
        Self { port, lines, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The next line that begins like this.
    async fn line(&mut self, begin: &str) -> String {
        loop {
            let line = tokio::time::timeout(LONG, self.lines.recv()).await.unwrap().unwrap();
            if line.starts_with(begin) {
                return line;
            }
        }
    }
}

async fn follow(stream: TcpStream, script: &[(&str, &str)], tell: mpsc::UnboundedSender<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        if let Some((_, answer)) = script.iter().find(|(begin, _)| match *begin {
            "" => line.is_empty(),
            begin => line.starts_with(begin),
        }) {
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.is_empty() {
                return;
            }
        }
        line.clear();
        let read = stream.read_line(&mut line).await;
        if !read.is_ok_and(|read| read > 0) {
            return;
        }
        let _ = tell.send(line.clone());
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let mut server = Server::start(vec![GOOD]).await;
    let smtp = smtp(server.port, "", "");
    for _ in 0..5 {
        smtp.send(&message(), &[], LONG).await.unwrap();
        assert_eq!(server.line("Subject").await, "Subject: s\r\n");
        // A dot at the beginning of a line is not the end.
        assert_eq!(server.line("..").await, "..a line\r\n");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn at_most_eight_connections_wait() {
    let server = Server::start(vec![GOOD]).await;
    let smtp = Arc::new(smtp(server.port, "", ""));
    let sending = (0..24).map(|_| {
        let smtp = smtp.clone();
        tokio::spawn(async move { smtp.send(&message(), &[], LONG).await })
    });
    for sent in sending.collect::<Vec<_>>() {
        sent.await.unwrap().unwrap();
    }
    assert!(smtp.idle.count() <= 8 && smtp.idle.count() > 0, "{}", smtp.idle.count());
}

#[tokio::test]
async fn one_that_was_ended_meanwhile_is_replaced() {
    let once = Script(&[
        ("", "220 ready\r\n"),
        ("EHLO", "250 h.test\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "250 ok\r\n"),
        ("DATA", "354 go on\r\n"),
        (".\r\n", "250 taken\r\n421 too long idle\r\n"),
    ]);
    let server = Server::start(vec![once, GOOD]).await;
    let smtp = smtp(server.port, "", "");
    smtp.send(&message(), &[], LONG).await.unwrap();
    smtp.send(&message(), &[], LONG).await.unwrap();
    assert_eq!(server.connections(), 2);
}

/// A late answer must not pass for the answer to the next mail.
#[tokio::test]
async fn a_connection_whose_mail_was_given_up_is_not_used_again() {
    let slow = Script(&[
        ("", "220 ready\r\n"),
        ("EHLO", "250 h.test\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "250 ok\r\n"),
        ("DATA", "354 go on\r\n"),
    ]);
    let refusing = Script(&[
        ("", "220 ready\r\n"),
        ("EHLO", "250 h.test\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "550 nobody\r\n"),
    ]);
    let server = Server::start(vec![slow, refusing]).await;
    let smtp = smtp(server.port, "", "");
    let late = smtp.send(&message(), &[], Duration::from_millis(500)).await.unwrap_err();
    assert!(
        matches!(&late, Undelivered::Later(text) if text.contains("did not say within 500ms")),
        "{late:?}"
    );
    let refused = smtp.send(&message(), &[], LONG).await.unwrap_err();
    assert!(matches!(&refused, Undelivered::Never(text) if text.ends_with("said 550 nobody")), "{refused:?}");
    assert_eq!((server.connections(), smtp.idle.count()), (2, 0));
}

/// Whoever is on the way writes behind the answer to STARTTLS what is to pass for answers within TLS.
#[tokio::test]
async fn what_was_written_before_tls_is_not_read_within() {
    for script in [
        // Behind it, and before it, so that it is read together with the answer to EHLO.
        Script(&[
            ("", "220 ready\r\n"),
            ("EHLO", "250-h.test\r\n250 STARTTLS\r\n"),
            ("STARTTLS", "220 go on\r\n250 forged\r\n"),
        ]),
        Script(&[
            ("", "220 ready\r\n"),
            ("EHLO", "250-h.test\r\n250 STARTTLS\r\n220 go on\r\n250 forged\r\n"),
            ("STARTTLS", "220 late\r\n"),
        ]),
    ] {
        let mut server = Server::start(vec![script]).await;
        let smtp = smtp(server.port, "u:p@", "?tls=required");
        let error = smtp.send(&message(), &[], LONG).await.unwrap_err();
        assert!(matches!(&error, Undelivered::Unreachable(text) if text.contains("TLS with")), "{error:?}");
        while let Ok(line) = server.lines.try_recv() {
            assert!(!line.starts_with("AUTH") && !line.starts_with("MAIL"), "{line}");
        }
    }
}

#[tokio::test]
async fn no_password_is_told_in_the_clear() {
    let mut server = Server::start(vec![GOOD]).await;
    let smtp = smtp(server.port, "u:p@", "?tls=required");
    let error = smtp.send(&message(), &[], LONG).await.unwrap_err();
    assert!(error.to_string().contains("offers no STARTTLS"), "{error}");
    assert!(server.line("QUIT").await.starts_with("QUIT"));
    while let Ok(line) = server.lines.try_recv() {
        assert!(!line.starts_with("AUTH"), "{line}");
    }
}

/// Whatever the server repeats: nothing of it is in the reason, which is kept and shown.
#[tokio::test]
async fn no_reason_holds_a_secret() {
    const TOKEN: &str = "kwl_AbCdEfGhIjKl";
    const HELLO: (&str, &str) = ("EHLO", "250-h.test\r\n250 AUTH PLAIN LOGIN\r\n");
    // `\0kim\0tops3cret` in base64.
    let refused_sign_in = ("AUTH", "535-5.7.8 AGtpbQB0b3BzM2NyZXQ=\r\n535 5.7.8 tops3cret\r\n");
    let (ready, signed_in, sender) = (("", "220 ready\r\n"), ("AUTH", "235 in\r\n"), ("MAIL", "250 ok\r\n"));
    let (rcpt, data) = (("RCPT", "250 ok\r\n"), ("DATA", "354 go on\r\n"));
    for (script, expected) in [
        (vec![ready, HELLO, refused_sign_in], "said 535 5.7.8; are user and password of mail.url right?"),
        (vec![ready, HELLO, ("AUTH", "454 AGtpbQB0b3BzM2NyZXQ=\r\n")], "said 454"),
        // No reply at all, a challenge that is none, and one too many.
        (vec![ready, HELLO, ("AUTH", "AGtpbQB0b3BzM2NyZXQ=\r\n")], "broke off, or does not speak SMTP"),
        (vec![ready, HELLO, ("AUTH", "334 tops3cret\r\n")], "broke off, or does not speak SMTP"),
        (vec![ready, HELLO, ("AUTH", "334 dG9wczNjcmV0\r\n")], "lets nobody sign in by AUTH PLAIN or LOGIN"),
        (vec![ready, HELLO, signed_in, ("MAIL", "553 kim AGtpbQB0b3BzM2NyZXQ=\r\n")], "said 553 …; may it"),
        (vec![ready, HELLO, signed_in, ("MAIL", "tops3cret\r\n")], "does not speak SMTP: …"),
        (
            vec![ready, HELLO, signed_in, sender, rcpt, data, (".\r\n", "554-no 3-1-4\r\n554 1-5-9\r\n")],
            "said 554 …",
        ),
        (
            vec![ready, HELLO, signed_in, sender, rcpt, data, (".\r\n", "554 https a CDEFGHIJKL\r\n")],
            "https a CDEF",
        ),
        (
            vec![ready, HELLO, signed_in, sender, rcpt, data, (".\r\n", "554 AbCd EfGh IjKl\r\n")],
            "said 554 …",
        ),
        (
            vec![ready, HELLO, signed_in, sender, rcpt, data, (".\r\n", "554 no\u{202e}\u{200b}pe\r\n")],
            "said 554 nope",
        ),
    ] {
        let server = Server::start(vec![Script(script.leak())]).await;
        let smtp = smtp(server.port, "kim:tops3cret@", "?tls=none");
        let told = smtp.send(&message(), &["314159", TOKEN], LONG).await.unwrap_err().to_string();
        assert!(told.contains(expected), "{expected}: {told}");
        let told = told.replace(&server.port.to_string(), "");
        for secret in ["tops3cret", "AGtpbQB0b3BzM2NyZXQ", "dG9wczNjcmV0", "AbCd", "314"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[tokio::test]
async fn a_server_that_talks_nonsense_or_without_end_is_no_server() {
    const ENDLESS: &str = "220-a line that is followed by another one of its kind, and so on\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for greeting in [&b"SSH-2.0-OpenSSH\r\n"[..], b"\xff\xfe\xfd\r\n", b""] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(greeting).await;
            let _ = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut [0; 64])).await;
        }
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(ENDLESS.as_bytes()).await.is_ok() {}
    });
    let smtp = smtp(port, "", "");
    for _ in 0..4 {
        let error = smtp.send(&message(), &[], LONG).await.unwrap_err();
        assert!(matches!(error, Undelivered::Unreachable(_)), "{error:?}");
        assert!(error.to_string().len() < 400 && !error.to_string().contains('\n'), "{error}");
    }
}
