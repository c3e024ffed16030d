//! Hostile bodies: JSON in doubt, bytes that are no text, other types, and more than there may be.

use crate::app::{Person, Request, TestApp, announce, exchange, get, post, request};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Every route that reads a body, as an administrator may use it; the forms apart.
async fn json_routes() -> (TestApp, Person, Vec<Request>) {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let bodiless =
        ["end_session", "delete_user", "end_user_sessions", "send_reset", "introspect", "setup", "link"];
    let table = keyward_web::table();
    let reads_json = |operation: &str| !bodiless.contains(&operation) && !operation.ends_with("_picture");
    let routes = table.iter().filter(|route| route.method != "GET" && reads_json(route.operation));
    let routes = routes.map(|route| {
        let path = route.path.replace("{user}", &admin.id).replace("{id}", &admin.id);
        admin.by(request(route.method, &path))
    });
    let routes: Vec<Request> = routes.collect();
    assert!(routes.len() >= 18);
    (app, admin, routes)
}

#[tokio::test]
async fn h_02_deep_wide_and_huge_json() {
    let (app, _, routes) = json_routes().await;
    let wide: Vec<String> = (0..4_000).map(|number| format!("\"k{number}\":1")).collect();
    for route in &routes {
        for (name, body, status) in [
            ("deep lists", "[".repeat(10_000), 400),
            ("very deep lists", "[".repeat(65_000), 400),
            ("deep objects", "{\"a\":".repeat(10_000), 400),
            ("deep and closed", format!("{{\"metadata\":{}1{}}}", "[".repeat(200), "]".repeat(200)), 400),
            ("many keys", format!("{{{}}}", wide.join(",")), 422),
            ("a long text", format!("{{\"email\":\"{}\"}}", "x".repeat(60_000)), 422),
            ("a long key", format!("{{\"{}\":1}}", "x".repeat(60_000)), 422),
            ("a number beyond all", "{\"metadata\":{\"a\":1e999}}".into(), 400),
            ("a long number", format!("{{\"x\":{}}}", "9".repeat(60_000)), 400),
        ] {
            let before = app.everything().await;
            let reply = app.send(&route.clone().body("application/json", body)).await;
            assert_eq!(reply.status, status, "{name}: {reply}");
            assert!(reply.body.len() < 8_000, "{name}: a refusal is short");
            assert_eq!(app.everything().await, before, "{name}");
        }
    }
    // Beyond 2^63: a number that not every store can hold.
    let big = json!({"metadata": {"a": u64::MAX}});
    app.refused(
        "2^64",
        &routes[0]
            .clone()
            .json(json!({"email": "a@x.test", "password": "a long enough one", "metadata": big["metadata"]})),
        422,
        "invalid",
        "/metadata",
    )
    .await;
}

#[tokio::test]
async fn h_03_and_h_04_json_in_doubt_is_refused_everywhere() {
    let (app, _, routes) = json_routes().await;
    for route in &routes {
        for (name, body) in [
            ("a key twice", &br#"{"email":"a@x.test","email":"b@x.test"}"#[..]),
            ("a key twice, deep", br#"{"metadata":{"a":{"b":1,"b":2}}}"#),
            ("a key twice, escaped", br#"{"password":"a","\u0070assword":"b"}"#),
            ("a byte order mark", b"\xef\xbb\xbf{}"),
            ("something after it", br#"{} {}"#),
            ("a comment", br#"{/* */}"#),
            ("NaN", br#"{"a":NaN}"#),
            ("a comma too many", br#"{"a":1,}"#),
            ("single quotes", br#"{'a':1}"#),
            ("nothing", b""),
            ("a blank", b" "),
            ("cut off", br#"{"email":"#),
            ("no UTF-8", b"{\"email\":\"\xff\"}"),
            ("no UTF-8 in a key", b"{\"\xc3\":1}"),
            ("half a surrogate", br#"{"email":"\ud800"}"#),
            ("UTF-16", b"\xff\xfe{\0}\0"),
            ("a control character", b"{\"email\":\"a\nb\"}"),
            ("NUL", b"{\"email\":1}\0"),
        ] {
            // Sign-out may come with a type and no body.
            if body.is_empty() && route.path.ends_with("logout") {
                continue;
            }
            app.refused(name, &route.clone().body("application/json", body), 400, "invalid_json", "").await;
        }
        let proto = br#"{"__proto__":{"roles":["admin"]},"constructor":1}"#;
        let reply = app.send(&route.clone().body("application/json", &proto[..])).await;
        assert_eq!(reply.status, 422, "{reply}");
    }
    for path in ["/auth/login", "/auth/refresh"] {
        for form in [&b"username=%ff&password=x"[..], b"username=a\xff&password=x", b"refresh_token=%c3%28"] {
            let asked = post(path).body("application/x-www-form-urlencoded", form);
            app.refused("a form", &asked, 400, "malformed_request", "").await;
        }
    }
}

#[tokio::test]
async fn h_04_bytes_that_are_no_text_elsewhere() {
    let (app, admin, _) = json_routes().await;
    for path in ["/users/%ff", "/profile/%c3%28", "/users/%ff/logout", "/users?q=%ff", "/auth/check?role=%ff"]
    {
        let asked = if path.ends_with("logout") { post(path) } else { get(path) };
        app.refused(path, &admin.by(asked), 400, "malformed_request", "").await;
    }
    app.refused("a NUL", &admin.by(get("/users/a%00b")), 404, "not_found", "").await;
    app.refused("a NUL asked for", &admin.by(get("/users?after=%00")), 422, "invalid", "/after").await;
    admin.get("/users?q=%00").await.must(200);
    for head in [
        "GET /users/\u{ff} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /\u{0} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\u{0}b\r\n\r\n",
        "GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \u{e9}\r\n\r\n",
        "GET /me HTTP/1.1\r\nHost: x\r\nX-Request-Id: \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\r\n\r\n",
    ] {
        let reply = exchange(&app, head.as_bytes()).await;
        assert!(matches!(reply.status(), 400 | 401 | 404), "{head:?}: {reply:?}");
        assert_eq!(reply.replies(), 1);
    }
}

#[tokio::test]
async fn h_10_other_types_of_bodies() {
    let (app, admin, routes) = json_routes().await;
    let body = br#"{"email":"a@x.test","password":"a long enough one"}"#;
    for route in &routes {
        for kind in [
            "text/plain",
            "application/xml",
            "text/json",
            "application/json; charset=utf-16",
            "application/jsonx",
            "multipart/mixed; boundary=x",
            "image/png",
            "application/octet-stream",
            "garbage",
            "json",
        ] {
            app.refused(kind, &route.clone().body(kind, &body[..]), 415, "unsupported_media_type", "").await;
        }
        let form = app.send(&route.clone().body("multipart/form-data; boundary=x", &body[..])).await;
        assert!(matches!(form.status, 400 | 415), "{form}");
        app.refused("no type", &route.clone().body("", &body[..]), 415, "unsupported_media_type", "").await;
        for encoding in ["gzip", "deflate", "br", "zstd", "gzip, identity"] {
            let asked =
                route.clone().header("content-encoding", encoding).body("application/json", &body[..]);
            app.refused(encoding, &asked, 415, "unsupported_media_type", "").await;
        }
    }
    for kind in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=UTF-8",
        "application/merge-patch+json",
    ] {
        let asked = crate::app::patch("/users/me").body(kind, &br#"{"first_name":"Ada"}"#[..]);
        admin.send(asked).await.must(200);
    }
}

#[tokio::test]
async fn h_01_a_gigabyte_is_refused_by_its_announcement() {
    let (app, admin, routes) = json_routes().await;
    let before = app.everything().await;
    let token = format!("Authorization: Bearer {}\r\n", admin.access);
    let mut asked = Vec::new();
    for route in &routes {
        for length in [1 << 30, 65_537] {
            let head = announce(&route.method, &route.path, &token, length);
            // A part of it, and then the client waits: the refusal comes all the same.
            asked.push(head + &"x".repeat(10_000));
        }
    }
    let begun = Instant::now();
    let app = std::sync::Arc::new(app);
    let replies = crate::app::all(asked.into_iter().map(|bytes| {
        let app = app.clone();
        async move { exchange(&app, bytes.as_bytes()).await }
    }))
    .await;
    for reply in replies {
        assert_eq!((reply.status(), reply.replies()), (413, 1), "{reply:?}");
        assert!(reply.text.contains("payload_too_large"));
        // Who sends the next request by this connection would not be heard.
        assert!(reply.text.contains("\r\nconnection: close\r\n"), "{reply:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(app.everything().await, before);
    assert_eq!(app.hasher.work(), 2, "the administrator's own");
}

/// Sends until it is refused; gives the reply and how much had been sent by then.
async fn pour(app: &TestApp, head: &str, piece: &[u8]) -> (String, usize) {
    let (mut read, mut write) = TcpStream::connect(app.address).await.unwrap().into_split();
    write.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 8192];
    let mut sent = 0;
    loop {
        tokio::select! {
            got = read.read(&mut buffer) => {
                return (String::from_utf8_lossy(&buffer[..got.unwrap_or(0)]).into_owned(), sent);
            }
            done = write.write_all(piece) => match done {
                Ok(()) => sent += piece.len(),
                // Closed while it was sending: what the server said is still to be read.
                Err(_) => {
                    let got = read.read(&mut buffer).await.unwrap_or(0);
                    return (String::from_utf8_lossy(&buffer[..got]).into_owned(), sent);
                }
            },
        }
    }
}

#[tokio::test]
async fn h_01_who_goes_on_sending_is_cut_off_and_hears_why() {
    let app = TestApp::start().await;
    for path in ["/auth/register", "/auth/login", "/auth/refresh"] {
        let head = announce("POST", path, "", 1 << 30);
        let (reply, sent) = pour(&app, &head, &[b' '; 16_384]).await;
        assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("payload_too_large"), "{path}: {reply}");
        assert!(sent < 16 << 20, "{path}: {sent} bytes were taken");
        // Without a length: what is too much shows when it comes.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let piece = [b"4000\r\n".to_vec(), vec![b' '; 0x4000], b"\r\n".to_vec()].concat();
        let (reply, sent) = pour(&app, &head, &piece).await;
        assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("payload_too_large"), "{path}: {reply}");
        assert!(sent < 16 << 20, "{path}: {sent} bytes were taken");
    }
    // Exactly as much as is allowed is read to the end.
    let body = format!("{}{}", json!({"refresh_token": "x"}), " ".repeat(64 * 1024 - 21));
    assert_eq!(body.len(), 64 * 1024);
    let reply = app.send(&post("/auth/refresh").body("application/json", body.clone())).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_grant"));
    app.refused(
        "one more",
        &post("/auth/refresh").body("application/json", body + " "),
        413,
        "payload_too_large",
        "",
    )
    .await;
}
