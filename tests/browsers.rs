//! What browsers are told: which origins may read, which forms do nothing, which headers stand on every reply.

use crate::app::{Request, TestApp, announce, exchange, get, patch, post, put, request};
use serde_json::json;

const APP: &str = "https://app.test";
const HOSTILE: [&str; 9] = [
    "https://evil.test",
    "null",
    "https://app.test.evil.test",
    "https://evilapp.test",
    "http://app.test",
    "https://app.test:8443",
    "https://APP.test.",
    "https://app.test/",
    "*",
];

fn preflight(path: &str, origin: &str) -> Request {
    request("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type")
}

const MAY_HOLD_A_PICTURE: [&str; 6] =
    ["put_me", "patch_me", "put_user", "patch_user", "put_my_picture", "put_picture"];

#[tokio::test]
async fn x_01_no_origin_is_allowed_unless_it_is_listed() {
    let shut = TestApp::start().await;
    for origin in HOSTILE.iter().chain(&[APP]) {
        for asked in [get("/health/live").header("origin", origin), preflight("/users/me", origin)] {
            let reply = shut.send(&asked).await;
            assert!(
                !reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")),
                "{origin}"
            );
        }
    }
    let app =
        TestApp::with(|setup| setup.set("http.cors_origins", "https://app.test,http://localhost:5173")).await;
    let ada = app.signed_in("ada").await;
    for origin in HOSTILE {
        for asked in [get("/users/me"), get("/nothing"), post("/auth/login").json(json!({}))] {
            let reply = app.send(&asked.header("origin", origin)).await;
            assert!(!reply.headers.contains_key("access-control-allow-origin"), "{origin}");
        }
        let reply = app.send(&preflight("/users/me", origin)).await;
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    for origin in [APP, "http://localhost:5173"] {
        let allowed = app.send(&preflight("/users/me", origin)).await.must(200);
        assert_eq!(allowed.header("access-control-allow-origin"), origin);
        assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
        // Errors too, or a page could not read why it was refused.
        for (asked, status) in
            [(ada.by(get("/users/me")), 200), (get("/users/me"), 401), (get("/nothing"), 404)]
        {
            let reply = app.send(&asked.header("origin", origin)).await.must(status);
            assert_eq!(reply.header("access-control-allow-origin"), origin);
            assert!(reply.header("vary").to_lowercase().contains("origin"), "{reply}");
            assert!(
                !reply.headers.contains_key("access-control-allow-credentials"),
                "no cookie is ever involved"
            );
        }
    }
}

#[tokio::test]
async fn x_02_a_form_of_another_site_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@x.test\r\n--b--\r\n";
    let bodies = [
        ("application/x-www-form-urlencoded", "email=a%40x.test&password=a+long+enough+one&everywhere=true"),
        ("text/plain", r#"{"email":"a@x.test","password":"a long enough one"}"#),
        ("multipart/form-data; boundary=b", multipart),
    ];
    for route in keyward_web::table() {
        // Meant to be forms, without a cookie that a browser would add.
        if route.method == "GET"
            || ["login", "refresh", "introspect", "setup", "link"].contains(&route.operation)
        {
            continue;
        }
        let path = route.path.replace("{user}", "ada").replace("{id}", &ada.id).replace("{session}", "x");
        for (kind, body) in bodies {
            let asked = request(route.method, &path)
                .header("origin", "https://evil.test")
                .header("sec-fetch-site", "cross-site");
            let before = app.everything().await;
            let reply = app
                .send(
                    &asked.clone().header("cookie", &format!("access_token={}", ada.access)).body(kind, body),
                )
                .await;
            // 403: nobody registers through a page of somewhere else.
            assert!(matches!(reply.status, 401 | 403 | 415), "{} {path} {kind}: {reply}", route.method);
            // With a token no browser adds, the type alone refuses; routes without a body need none, and what may hold a
            // picture is a form.
            let takes_it = ["end_session", "delete_user", "end_user_sessions", "send_reset"]
                .contains(&route.operation)
                || ["delete_my_picture", "delete_picture"].contains(&route.operation)
                || kind.starts_with("multipart/") && MAY_HOLD_A_PICTURE.contains(&route.operation);
            if !takes_it {
                let reply = app.send(&ada.by(asked).body(kind, body)).await;
                assert!(matches!(reply.status, 403 | 415), "{} {path} {kind}: {reply}", route.method);
            }
            assert_eq!(app.everything().await, before, "{} {path} {kind}", route.method);
        }
    }
}

#[tokio::test]
async fn x_03_headers_on_every_reply() {
    let app = TestApp::with(|setup| setup.set("server.public_url", "https://id.app.test")).await;
    let ada = app.signed_in("ada").await;
    app.hasher.set_busy(true);
    let busy = post("/auth/login").json(json!({"email": ada.email, "password": ada.password}));
    // The harness looks at the other headers of every reply.
    for (asked, status) in [
        (ada.by(get("/users/me")), 200),
        (get("/health/live"), 200),
        (get("/docs"), 200),
        (get("/users/me"), 401),
        (ada.by(get("/users")), 403),
        (get("/nothing"), 404),
        (request("TRACE", "/users"), 405),
        (post("/auth/login").body("text/plain", "x"), 415),
        (post("/auth/login").json(json!({})), 422),
        (post("/auth/login").body("application/json", vec![b' '; 100_000]), 413),
        (busy, 503),
    ] {
        let reply = app.send(&asked).await.must(status);
        assert_eq!(
            reply.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains",
            "{reply}"
        );
        if status != 200 {
            assert_eq!(reply.header("cache-control"), "no-store", "{reply}");
        }
    }
    app.hasher.set_busy(false);
    for path in ["/users/me", "/users/me/sessions", "/auth/check"] {
        assert_eq!(ada.get(path).await.header("cache-control"), "no-store", "{path}");
    }
    let plain = TestApp::start().await;
    let reply = plain.send(&get("/health/live")).await;
    assert!(!reply.headers.contains_key("strict-transport-security"), "not over http");
    let reply = exchange(&plain, announce("POST", "/auth/login", "", 1 << 30).as_bytes()).await;
    assert!(reply.text.contains("x-content-type-options: nosniff"), "{reply:?}");
}

#[tokio::test]
async fn x_04_nothing_that_is_read_changes_anything() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let before = app.everything().await;
    for route in keyward_web::table() {
        let path = route
            .path
            .replace("{user}", &ada.id)
            .replace("{id}", &ada.id)
            .replace("{session}", &ada.refresh[4..40]);
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            for by in [&ada, &admin] {
                let reply = by.send(request(method, &path)).await;
                assert!(matches!(reply.status, 200 | 403 | 404 | 405), "{method} {reply}");
            }
        }
    }
    assert_eq!(app.everything().await, before);
    assert_eq!((ada.me().await, admin.me().await), (200, 200));
}

#[tokio::test]
async fn the_pages_load_what_they_name() {
    let app = TestApp::start().await;
    for page in ["/docs", "/redoc"] {
        let reply = app.anonymous().get(page).await.must(200);
        let html = String::from_utf8(reply.body.clone()).unwrap();
        assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
        let addresses: Vec<&str> = html.split('"').filter(|text| text.starts_with('/')).collect();
        assert!(addresses.len() >= 2, "{addresses:?}");
        for address in addresses {
            let asset = app.send(&get(address)).await.must(200);
            assert!(asset.body.len() > 100, "{address}");
            let again = get(address).header("if-none-match", asset.header("etag"));
            if !asset.header("etag").is_empty() {
                app.send(&again).await.must(304);
            }
        }
    }
}

#[tokio::test]
async fn unknown_fields_may_be_ignored_but_rights_are_refused() {
    let app = TestApp::with(|setup| setup.set("http.unknown_fields", "ignore")).await;
    let ada = app.signed_in("ada").await;
    for request in [put("/users/me"), patch("/profile"), put("/users/ada")] {
        ada.send(request.clone().json(json!({"nickname": "x", "first_name": "Ada"}))).await.must(200);
        for name in crate::register::RIGHTS {
            let asked = ada.by(request.clone().json(json!({name: "admin"})));
            // Not known to the route and not harmless; `verified_at` and their like are listed with the rights.
            app.refused(name, &asked, 422, "invalid", &format!("/{name}")).await;
        }
        app.refused(
            "roles",
            &ada.by(request.clone().json(json!({"roles": ["admin"]}))),
            403,
            "forbidden",
            "",
        )
        .await;
    }
    let body = json!({"email": ada.email, "password": ada.password, "remember": true});
    app.anonymous().post("/auth/login", body).await.must(200);
}
