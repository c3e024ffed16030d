//! HTTP itself: methods, heads that are too long, and requests that two readers would read differently.

use crate::app::{TestApp, exchange, get, request};
use serde_json::Value;

#[tokio::test]
async fn h_08_methods() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (method, path, allowed) in [
        ("POST", "/users/me", "DELETE,GET,HEAD,PATCH,PUT"),
        ("PATCH", "/me", "DELETE,GET,HEAD,PUT"),
        ("GET", "/auth/login", "POST"),
        ("DELETE", "/auth/login", "POST"),
        ("TRACE", "/users/me", "DELETE,GET,HEAD,PATCH,PUT"),
        ("FOO", "/users", "GET,HEAD,POST"),
        ("OPTIONS", "/users", "GET,HEAD,POST"),
        ("PUT", "/users", "GET,HEAD,POST"),
        ("PROPFIND", "/profile/x", "GET,HEAD,PUT"),
        ("POST", "/health/live", "GET,HEAD"),
    ] {
        let reply = app.refused(path, &admin.by(request(method, path)), 405, "method_not_allowed", "").await;
        let mut names: Vec<&str> = reply.header("allow").split(',').collect();
        names.sort_unstable();
        assert_eq!(names.join(","), allowed, "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/users/me/nothing"),
        ("DELETE", "/"),
        ("GET", "//users"),
        ("GET", "/users/me/../me/x"),
    ] {
        app.refused(path, &admin.by(request(method, path)), 404, "not_found", "").await;
    }
    for head in [
        "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\r\n",
    ] {
        let reply = exchange(&app, head.as_bytes()).await;
        assert!((400..500).contains(&reply.status()) && !reply.text.contains("secret"), "{reply:?}");
    }
}

#[tokio::test]
async fn h_08_head_is_get_without_a_body() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for route in keyward_web::table().iter().filter(|route| route.method == "GET") {
        let path = route.path.replace("{user}", &admin.id).replace("{id}", &admin.id).replace("{token}", "x");
        for is_admin in [false, true] {
            let by = |asked| if is_admin { admin.by(asked) } else { asked };
            let head = app.send(&by(request("HEAD", &path))).await;
            let full = app.send(&by(get(&path))).await;
            assert!(head.body.is_empty());
            assert_eq!(head.status, full.status, "{path}");
            for name in ["content-type", "etag", "cache-control", "www-authenticate"] {
                assert_eq!(head.header(name), full.header(name), "{path} {name}");
            }
        }
    }
}

#[tokio::test]
async fn h_05_heads_that_are_too_long() {
    let app = TestApp::start().await;
    let many: String = (0..1000).map(|number| format!("X-{number}: y\r\n")).collect();
    for (name, head) in [
        (
            "a token of 64 kB",
            format!("GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", "x".repeat(64_000)),
        ),
        (
            "a token of 1 MB",
            format!("GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", "x".repeat(1_000_000)),
        ),
        ("1000 headers", format!("GET /me HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("an address of 100 kB", format!("GET /users/{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000))),
        ("a query of 100 kB", format!("GET /users?q={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000))),
        ("a long method", format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "A".repeat(100_000))),
    ] {
        let reply = exchange(&app, head.as_bytes()).await;
        assert!(matches!(reply.status(), 400 | 414 | 431), "{name}: {reply:?}");
        assert_eq!((reply.replies(), reply.closed), (1, true), "{name}");
    }
    // Long, and not too long: refused for what it says.
    app.refused("8 kB", &get("/me").bearer(&"x".repeat(8_200)), 401, "invalid_token", "").await;
}

/// A request that would be hidden in another, if two readers disagreed on where that one ends.
const HIDDEN: &str = "GET /health/live HTTP/1.1\r\nHost: hidden\r\n\r\n";

#[tokio::test]
async fn h_07_no_request_hides_in_another() {
    let app = TestApp::start().await;
    let before = app.everything().await;
    // Each would be a 422 if it were read: what is refused is refused for its framing.
    let start = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    for (name, request) in [
        (
            "two encodings",
            format!(
                "{start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"
            ),
        ),
        (
            "an unknown encoding",
            format!("{start}Transfer-Encoding: xchunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
        ),
        (
            "chunked not last",
            format!("{start}Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
        ),
        ("two lengths", format!("{start}Content-Length: 0\r\nContent-Length: 44\r\n\r\n{HIDDEN}")),
        ("two lengths in one", format!("{start}Content-Length: 0, 44\r\n\r\n{HIDDEN}")),
        ("a length with a sign", format!("{start}Content-Length: +2\r\n\r\n{{}}{HIDDEN}")),
        ("a negative length", format!("{start}Content-Length: -1\r\n\r\n{HIDDEN}")),
        ("a length in hexadecimal", format!("{start}Content-Length: 0x2\r\n\r\n{{}}{HIDDEN}")),
        ("an endless length", format!("{start}Content-Length: 99999999999999999999999\r\n\r\n{HIDDEN}")),
        ("a blank before the colon", format!("{start}Content-Length : 2\r\n\r\n{{}}{HIDDEN}")),
        ("a folded line", format!("{start}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{{}}{HIDDEN}")),
        (
            "a folded encoding",
            format!("{start}Transfer-Encoding:\r\n chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
        ),
        ("a bare return in a value", format!("{start}X-A: b\rContent-Length: 2\r\n\r\n{{}}{HIDDEN}")),
        ("a NUL in a value", format!("{start}X-A: b\0c\r\nContent-Length: 2\r\n\r\n{{}}{HIDDEN}")),
        ("a chunk that is no number", format!("{start}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n{HIDDEN}")),
        (
            "a chunk beyond all numbers",
            format!("{start}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n{HIDDEN}"),
        ),
        (
            "a chunk with a sign",
            format!("{start}Transfer-Encoding: chunked\r\n\r\n+2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
        ),
        (
            "an endless extension",
            format!("{start}Transfer-Encoding: chunked\r\n\r\n1;{}\r\n", "x".repeat(100_000)),
        ),
        (
            "a chunk of another length",
            format!("{start}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"),
        ),
        (
            "another version",
            format!("POST /auth/login HTTP/1.7\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}{HIDDEN}"),
        ),
        (
            "chunks in HTTP/1.0",
            format!(
                "POST /auth/login HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}"
            ),
        ),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned()),
    ] {
        let reply = exchange(&app, request.as_bytes()).await;
        assert_eq!(reply.status(), 400, "{name}: {reply:?}");
        assert_eq!((reply.replies(), reply.closed), (1, true), "{name}: {reply:?}");
    }
    // Length and chunks: read as chunks alone, and then the connection is closed (RFC 9112, section 6.1), so that what
    // comes behind is never read as a request.
    for both in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let request = format!("{start}{both}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}");
        let reply = exchange(&app, request.as_bytes()).await;
        assert!(matches!(reply.status(), 400 | 422), "{both}: {reply:?}");
        assert_eq!((reply.replies(), reply.closed), (1, true), "{both}: {reply:?}");
    }
    assert_eq!(app.everything().await, before);
}

#[tokio::test]
async fn h_07_two_honest_requests_are_two() {
    let app = TestApp::start().await;
    let both = format!("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}");
    let reply = exchange(&app, both.as_bytes()).await;
    assert_eq!((reply.replies(), reply.status()), (2, 200), "{reply:?}");
}

#[tokio::test]
async fn a_trailing_slash_is_the_same_route() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for path in [
        "/users/?limit=1",
        "/users/me/",
        "/users/adminone/",
        "/users/me/sessions/",
        "/auth/check/?role=admin",
    ] {
        admin.get(path).await.must(200);
    }
    for path in ["/health/live/", "/docs/", "/openapi.json/"] {
        app.anonymous().get(path).await.must(200);
    }
    app.refused("two slashes", &admin.by(get("/users//")), 404, "not_found", "").await;
}

#[tokio::test]
async fn request_ids_are_taken_if_sane() {
    let app = TestApp::start().await;
    for sane in ["checkout-7f3a", "0123456789abcdef", "A.b_c-d123", &"x".repeat(64)] {
        let reply = app.send(&get("/health/live").header("x-request-id", sane)).await;
        assert_eq!(reply.header("x-request-id"), sane);
    }
    let mut made = std::collections::BTreeSet::new();
    for strange in [
        "",
        "short",
        "with blank",
        "a/b/c/d/e/f",
        "<script>alert(1)</script>",
        "%0d%0aX-Y: z",
        &"x".repeat(65),
    ] {
        let reply = app.send(&get("/nothing").header("x-request-id", strange)).await;
        let id = reply.header("x-request-id").to_owned();
        assert_ne!(id, strange);
        assert_eq!(reply.json()["instance"], Value::from(format!("urn:keyward:request:{id}")));
        assert!(made.insert(id), "each has its own");
    }
}
