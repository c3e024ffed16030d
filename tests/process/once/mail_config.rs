//! What is set about mail, from the outside: what is refused at the start, what starts with a warning, and who sees the
//! inbox of a service that listens to everybody.

use crate::process::http::{Reply, call};
use crate::process::server::{Home, PASSWORD};
use serde_json::json;
use std::net::{IpAddr, SocketAddr, UdpSocket};

fn with(env: &[(&str, &str)]) -> Home {
    let home = env.iter().fold(Home::new(), |home, (name, value)| home.set(name, value));
    let is_placed = env.iter().any(|(name, _)| ["PORT", "KEYWARD_SERVER_LISTEN"].contains(name));
    if is_placed { home } else { home.set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0") }
}

const PUBLIC: (&str, &str) = ("KEYWARD_SERVER_PUBLIC_URL", "https://accounts.example.com");
const EVERYWHERE: (&str, &str) = ("KEYWARD_SERVER_LISTEN", "0.0.0.0:0");
const SMTP: (&str, &str) = ("SMTP_URL", "smtp://kim:canary@smtp.example.com");

#[test]
fn what_cannot_be_right_is_refused() {
    for (env, parts) in [
        (&[PUBLIC, ("KEYWARD_MAIL_INBOX", "yes")][..], &["mail.inbox", "server.public_url"][..]),
        (&[PUBLIC, ("KEYWARD_MAIL_INBOX", "true")], &["mail.inbox", "server.public_url"]),
        (&[PUBLIC, SMTP, ("KEYWARD_MAIL_FOLDER", "mails")], &["mail.url", "mail.folder"]),
        (&[SMTP, ("KEYWARD_MAIL_INBOX", "yes")], &["mail.url", "mail.inbox"]),
        (&[EVERYWHERE, SMTP], &["server.public_url"]),
        (&[EVERYWHERE, ("KEYWARD_MAIL_FOLDER", "mails")], &["server.public_url"]),
        (
            &[EVERYWHERE, ("KEYWARD_ACCOUNTS_VERIFICATION", "required")],
            &["accounts.verification", "SMTP_URL"],
        ),
        (&[PUBLIC, ("KEYWARD_ACCOUNTS_VERIFICATION", "required")], &["accounts.verification", "SMTP_URL"]),
        (&[("PORT", "0"), ("KEYWARD_ACCOUNTS_VERIFICATION", "required")], &["accounts.verification"]),
        (&[PUBLIC, ("SMTP_URL", "http://kim:canary@smtp.example.com")], &["SMTP_URL", "smtp://"]),
        (
            &[PUBLIC, ("SMTP_URL", "smtp://kim:canary@smtp.example.com?ca=/nowhere/ca.pem")],
            &["/nowhere/ca.pem"],
        ),
        (&[PUBLIC, SMTP, ("KEYWARD_MAIL_FROM", "nobody")], &["mail.from"]),
        (&[PUBLIC, SMTP, ("KEYWARD_MAIL_FROM", "A\nBcc: b@c.test <a@b.test>")], &["mail.from"]),
        (&[PUBLIC, ("KEYWARD_MAIL_FOLDER", "/proc/nowhere")], &["mail.folder", "/proc/nowhere"]),
        (&[("KEYWARD_MAIL_TEMPLATES", "/nowhere")], &["mail.templates", "/nowhere"]),
        (&[("KEYWARD_MAIL_INBOX", "perhaps")], &["mail.inbox", "perhaps"]),
        (&[("KEYWARD_PRODUCT_COLOUR", "red")], &["product.colour"]),
        (&[("KEYWARD_PRODUCT_LOGO", "http://example.com/logo.png")], &["product.logo"]),
    ] {
        let message = with(env).refused();
        assert!(parts.iter().all(|part| message.contains(part)), "{env:?}: {message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn a_template_that_is_wrong_is_refused_with_its_place() {
    let home = with(&[]);
    std::fs::create_dir_all(home.path("templates/en")).unwrap();
    home.write("templates/en/verify.txt", "Hello {{ nme }}\n");
    let home = home.set("KEYWARD_MAIL_TEMPLATES", "templates");
    let message = home.refused();
    assert!(message.contains("verify.txt") && message.contains("nme"), "{message}");
    let done = home.run(&["config", "check"]).expect(1);
    assert!(done.stderr.contains("verify.txt"), "{done:?}");
    home.write("templates/en/verify.txt", "A word of our own: {{ code }} {{ link }}\n");
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let mail = crate::process::server::until("the mail", crate::process::server::SOON, || {
        server.get("/dev/mail.json").expect(200).json()["items"].as_array().unwrap().first().cloned()
    });
    let text = mail["text"].as_str().unwrap();
    assert!(
        text.starts_with("A word of our own: ") && text.contains(mail["code"].as_str().unwrap()),
        "{text}"
    );
    server.stop();
}

#[test]
fn a_public_service_without_mail_starts_and_says_so_loudly() {
    for env in [&[EVERYWHERE, PUBLIC][..], &[("PORT", "0")], &[PUBLIC], &[("KEYWARD_MAIL_INBOX", "no")]] {
        let home = with(env);
        let server = home.start();
        assert_eq!(server.said["mail"], json!(null));
        for path in ["/auth/password/forgot", "/forgot-password", "/auth/verify/resend"] {
            for email in ["ada@example.com", "nobody@example.com"] {
                let ask = call("POST", path).json(json!({"email": email}));
                server.send(&ask).expect_problem(503, "mail_not_configured");
            }
        }
        server.register("ada@example.com", PASSWORD).expect(201);
        server.token("ada@example.com", PASSWORD);
        server.get("/dev/mail").expect(404);
        server.get("/dev/mail.json").expect(404);
        server.get("/health/ready").expect(200);
        let (_, log) = server.stop();
        let warned = log.lines().any(|line| line.contains("\"WARN\"") && line.contains("SMTP_URL"));
        assert!(warned, "{env:?}: {log}");
        let done = home.run(&["config", "check"]).expect(0);
        assert!(format!("{}{}", done.stdout, done.stderr).contains("SMTP_URL"), "{done:?}");
    }
}

/// An address of this machine that is not loopback, if it has one: whichever it would send from. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[test]
fn an_inbox_that_listens_to_everybody_is_seen_at_the_machine_alone() {
    for public_url in ["", "http://localhost:8000", "http://127.0.0.1:8000"] {
        let home =
            with(&[EVERYWHERE, ("KEYWARD_MAIL_INBOX", "yes"), ("KEYWARD_SERVER_PUBLIC_URL", public_url)]);
        let server = home.start();
        server.register("ada@example.com", PASSWORD).expect(201);
        let host = format!("localhost:{}", server.address.port());
        let ask = |from: SocketAddr, host: &str| -> Reply {
            // `call` names localhost; whoever lies about that comes from elsewhere still.
            let mut stream = crate::process::http::connect(from).unwrap();
            let head = format!("GET /dev/mail.json HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
            Reply::read(&mut stream).unwrap()
        };
        ask(server.address, &host).expect(200);
        ask(server.address, "keyward:8000").expect_problem(404, "not_found");
        // Where there is no network there is nobody else either.
        if let Some(ip) = own_address() {
            let elsewhere = SocketAddr::new(ip, server.address.port());
            for host in [host.as_str(), "127.0.0.1", "[::1]", &elsewhere.to_string()] {
                ask(elsewhere, host).expect_problem(404, "not_found");
            }
        }
        server.stop();
    }
}

#[test]
fn mails_in_a_folder_are_whole_files() {
    let home = Home::new().set("KEYWARD_MAIL_FOLDER", "mails").set(PUBLIC.0, PUBLIC.1);
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let file = crate::process::server::until("the mail", crate::process::server::SOON, || {
        let files = std::fs::read_dir(home.path("mails")).ok()?;
        let mut paths = files.map(|file| file.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|is| is == "eml"))
    });
    let text = std::fs::read_to_string(file).unwrap();
    for part in [
        "To: ada@example.com\r\n",
        "From: Keyward <no-reply@accounts.example.com>\r\n",
        "multipart/alternative",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.replace("=\r\n", "").contains("https://accounts.example.com/link/kwl_"), "{text}");
    server.get("/dev/mail").expect(404);
    server.stop();
}
