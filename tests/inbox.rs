//! The inbox of development: what it shows, and that nobody sees it who does not sit at the machine. Each rule by itself,
//! through a real socket.

use crate::app::{PUBLIC, TestApp, exchange, get, post, request};
use crate::codes::Way;
use crate::post::Post;
use serde_json::{Value, json};
use std::time::Duration;

async fn items(app: &TestApp, query: &str) -> Vec<Value> {
    app.posted().await;
    let reply = app.send(&get(&format!("/dev/mail.json{query}"))).await.must(200);
    assert!(reply.header("cache-control").contains("no-store"), "{reply}");
    reply.json()["items"].as_array().unwrap().clone()
}

async fn register(app: &TestApp, email: &str) {
    let body = json!({"email": email, "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
}

#[tokio::test]
async fn it_shows_mails_the_newest_first_and_of_whom_one_asks_for() {
    let app = TestApp::start().await;
    assert!(items(&app, "").await.is_empty());
    for name in ["ada", "bob", "eve"] {
        register(&app, &format!("{name}@example.com")).await;
        app.posted().await;
        app.clock.advance(Duration::from_secs(1));
    }
    let all = items(&app, "").await;
    let to: Vec<&str> = all.iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["eve@example.com", "bob@example.com", "ada@example.com"]);
    let members: Vec<&String> = all[0].as_object().unwrap().keys().collect();
    let mut expected = ["id", "to", "subject", "text", "html", "code", "link", "sent_at"];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!(all[0]["sent_at"], "2026-11-21T10:00:02Z");
    assert_eq!(all[0]["code"].as_str().unwrap().len(), 6);
    for (query, found) in
        [("?to=bob@example.com", 1), ("?to=BOB%40Example.com", 1), ("?to=kim@example.com", 0)]
    {
        assert_eq!(items(&app, query).await.len(), found, "{query}");
    }
    app.send(&get("/dev/mail.json?to=nobody")).await.must(422);
    let page = app.send(&get("/dev/mail")).await.must(200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.header("content-type").starts_with("text/html"), "{page}");
    for shown in ["eve@example.com", "bob@example.com", "ada@example.com", all[0]["code"].as_str().unwrap()] {
        assert!(html.contains(shown), "{shown} is not in {html}");
    }
    assert!(html.contains("sandbox"), "what a mail holds runs nothing: {html}");
    for path in ["/dev/mail", "/dev/mail.json"] {
        assert!(app.send(&request("HEAD", path)).await.must(200).body.is_empty());
        for method in ["POST", "PUT", "DELETE"] {
            app.send(&request(method, path)).await.must(405);
        }
    }
}

#[tokio::test]
async fn it_keeps_the_newest_two_hundred() {
    let app = TestApp::start().await;
    for number in 0..215 {
        register(&app, &format!("person{number}@example.com")).await;
        if number % 20 == 0 {
            app.posted().await;
        }
    }
    let all = items(&app, "").await;
    assert_eq!(all.len(), 200);
    assert!(items(&app, "?to=person214@example.com").await.len() == 1);
    assert!(items(&app, "?to=person0@example.com").await.is_empty());
}

/// The head of a request for the inbox; `{host}` is where the service is.
const STRANGERS: &[(&str, &str)] = &[
    ("GET {path} HTTP/1.1", "Host: evil.test"),
    ("GET {path} HTTP/1.1", "Host: evil.test:{port}"),
    ("GET {path} HTTP/1.1", "Host: localhost.evil.test"),
    ("GET {path} HTTP/1.1", "Host: 127.0.0.1.nip.io"),
    ("GET {path} HTTP/1.1", "Host: 10.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: 0.0.0.0:{port}"),
    ("GET {path} HTTP/1.1", "Host: [::ffff:10.0.0.1]:{port}"),
    ("GET {path} HTTP/1.1", "Host: keyward"),
    ("GET {path} HTTP/1.1", "Host:"),
    ("GET http://evil.test{path} HTTP/1.1", "Host: {host}"),
    ("GET http://{host}{path} HTTP/1.1", "Host: evil.test"),
    ("GET {path} HTTP/1.0", "Host: {host}"),
    ("GET {path} HTTP/1.0", "X-Nothing: 1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-For: 127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Host: localhost"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Proto: http"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nForwarded: for=127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nForwarded:"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nX-Real-IP: 127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nVia: 1.1 proxy"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nCF-Connecting-IP: 127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nTrue-Client-IP: 127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nX-Client-IP: 127.0.0.1"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nSec-Fetch-Site: cross-site"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nSec-Fetch-Site: same-site"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nReferer: https://id.example.com/dev/mail"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nOrigin: https://id.example.com"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nOrigin: null"),
];

const HERE: &[(&str, &str)] = &[
    ("GET {path} HTTP/1.1", "Host: {host}"),
    ("GET {path} HTTP/1.1", "Host: localhost"),
    ("GET {path} HTTP/1.1", "Host: LOCALHOST:{port}"),
    ("GET {path} HTTP/1.1", "Host: [::1]:{port}"),
    ("GET {path} HTTP/1.1", "Host: 127.8.8.8"),
    ("GET http://localhost:{port}{path} HTTP/1.1", "Host: localhost:{port}"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nSec-Fetch-Site: none"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nSec-Fetch-Site: same-origin"),
    ("GET {path} HTTP/1.1", "Host: {host}\r\nReferer: http://localhost:{port}/dev/mail?mail=1"),
];

async fn look(app: &TestApp, path: &str, (line, headers): (&str, &str)) -> (u16, String) {
    let (host, port) = (app.address.to_string(), app.address.port().to_string());
    let filled = |text: &str| text.replace("{path}", path).replace("{host}", &host).replace("{port}", &port);
    let head = format!(
        "{}\r\n{}\r\nX-Request-Id: one-and-the-same\r\nConnection: close\r\n\r\n",
        filled(line),
        filled(headers)
    );
    let reply = exchange(app, head.as_bytes()).await;
    let lines = reply.text.lines().filter(|line| !line.to_lowercase().starts_with("date:"));
    (reply.status(), lines.collect::<Vec<_>>().join("\n").replace(path, "{path}"))
}

#[tokio::test]
async fn who_does_not_sit_at_the_machine_finds_no_inbox() {
    for proxies in ["", "127.0.0.1"] {
        let app =
            TestApp::with(|setup| setup.behind(proxies).set("http.cors_origins", "https://app.example.com"))
                .await;
        register(&app, "ada@example.com").await;
        let code = app.code_for("ada@example.com").await;
        for path in ["/dev/mail", "/dev/mail.json", "/dev/mail.js", "/dev/mail.json?to=ada@example.com"] {
            for stranger in STRANGERS {
                let (status, text) = look(&app, path, *stranger).await;
                assert!([404, 400].contains(&status), "{path}, {stranger:?}: {text}");
                assert!(!text.contains(&code) && !text.contains("ada@"), "{path}, {stranger:?}: {text}");
                if status == 404 {
                    // As any path that there is not.
                    let (_, unknown) = look(&app, "/dev/none", *stranger).await;
                    assert_eq!(text, unknown, "{path}, {stranger:?}");
                }
            }
        }
        for friend in HERE {
            let (status, text) = look(&app, "/dev/mail.json", *friend).await;
            assert!(status == 200 && text.contains(&code), "{friend:?}: {text}");
        }
        // Twice named is named by nobody.
        let (host, other) = (app.address, "Host: evil.test");
        for headers in [
            format!("Host: {host}\r\n{other}"),
            format!("{other}\r\nHost: {host}"),
            format!("Host: {host}\r\nHost: {host}"),
        ] {
            let (status, text) = look(&app, "/dev/mail.json", ("GET {path} HTTP/1.1", &headers)).await;
            assert!([404, 400].contains(&status) && !text.contains(&code), "{headers}: {text}");
        }
    }
}

#[tokio::test]
async fn no_other_origin_reads_it_whichever_may_call_the_service() {
    let app = TestApp::with(|setup| setup.set("http.cors_origins", "https://app.example.com")).await;
    register(&app, "ada@example.com").await;
    let code = app.code_for("ada@example.com").await;
    for path in ["/dev/mail", "/dev/mail.json"] {
        for named in ["origin", "referer"] {
            let reply = app.send(&get(path).header(named, "https://app.example.com")).await.must(404);
            assert!(!String::from_utf8_lossy(&reply.body).contains(&code), "{reply}");
        }
        // Whoever says nothing of it is let in, and no browser hands that on.
        let reply = app.send(&get(path)).await.must(200);
        assert_eq!(reply.header("access-control-allow-origin"), "", "{reply}");
    }
}

#[tokio::test]
async fn what_a_mail_holds_is_shown_and_does_nothing() {
    let app = TestApp::start().await;
    let body = json!({
        "email": "ada@example.com", "password": "a phrase of its own",
        "first_name": "<script>alert(1)</script>\"'><img src=x onerror=x>",
    });
    app.anonymous().post("/auth/register", body).await.must(201);
    app.posted().await;
    let page = app.send(&get("/dev/mail")).await.must(200);
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap_or_default();
    assert!(!scripts.contains("unsafe") && !scripts.contains("http"), "{policy}");
}

#[tokio::test]
async fn without_it_there_is_none_and_nothing_can_be_sent() {
    for (key, value) in [("mail.inbox", "no"), ("server.public_url", PUBLIC)] {
        let app = TestApp::with(|setup| setup.set(key, value)).await;
        for path in ["/dev/mail", "/dev/mail.json", "/dev/mail.js"] {
            let (status, text) = look(&app, path, HERE[0]).await;
            assert_eq!((status, &text), (404, &look(&app, "/dev/none", HERE[0]).await.1), "{key}");
        }
        let document = app.send(&get("/openapi.json")).await.must(200);
        assert!(!String::from_utf8_lossy(&document.body).contains("/dev/mail"), "{key}");
        for way in [Way::Verify, Way::Reset] {
            for email in ["ada@example.com", "nobody@example.com"] {
                let reply = way.ask(&app, email).await.must(503);
                assert_eq!(reply.code(), "mail_not_configured", "{key}: {reply}");
            }
        }
        register(&app, "ada@example.com").await;
        // Verification is off: another address counts at once.
        let body = json!({"email": "ada@example.com", "password": "a phrase of its own"});
        let tokens = app.anonymous().post("/auth/login", body).await.must(200);
        let change = crate::app::put("/users/me").json(json!({"email": "new@example.com"}));
        let reply = app.send(&change.bearer(&tokens.text("access_token"))).await.must(200);
        assert_eq!(
            (reply.text("email"), reply.json()["pending_email"].clone()),
            ("new@example.com".into(), Value::Null)
        );
        let admin = app.admin().await;
        let reply = admin.post("/users", json!({"email": "kim@example.com"})).await.must(503);
        assert_eq!(reply.code(), "mail_not_configured", "{key}: {reply}");
        let reply = admin.send(post(&format!("/users/{}/password-reset", admin.id))).await.must(503);
        assert_eq!(reply.code(), "mail_not_configured", "{key}: {reply}");
        assert!(app.outbox().await.is_empty(), "{key}");
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn where_mails_are_sent_there_is_none() {
    let app = TestApp::with(|setup| setup.by_smtp(&Post::url())).await;
    let (status, text) = look(&app, "/dev/mail.json", HERE[0]).await;
    assert_eq!((status, &text), (404, &look(&app, "/dev/none", HERE[0]).await.1));
}
