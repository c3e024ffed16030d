//! The links in mails: that they lead to the public URL whatever a request says, that looking at them uses nothing up, and
//! that their pages keep what is secret in them.

use crate::app::{InboxMail, TestApp, exchange, get, post, request};
use crate::codes::Way;
use serde_json::json;

/// A mail with a link of every kind, and what sending its form is answered with.
async fn links(app: &TestApp) -> Vec<(&'static str, InboxMail)> {
    let admin = app.admin().await;
    let mut links = Vec::new();
    for name in ["verified", "changed", "undone", "forgetful"] {
        let person = app.signed_in(name).await;
        let mail = app.mail_to(&person.email).await;
        match name {
            "verified" => links.push((name, mail)),
            "forgetful" => {
                Way::Reset.ask(app, &person.email).await.must(202);
                links.push((name, app.mail_to(&person.email).await));
            }
            _ => {
                let new = format!("new-{name}@example.com");
                person.put("/users/me", json!({"email": new})).await.must(200);
                let (to_new, to_old) = (app.mail_to(&new).await, app.mail_to(&person.email).await);
                links.push((name, if name == "changed" { to_new } else { to_old }));
            }
        }
    }
    admin.post("/users", json!({"email": "invited@example.com", "username": "invited"})).await.must(201);
    links.push(("invited", app.mail_to("invited@example.com").await));
    links
}

const FORM: [(&str, &str); 2] =
    [("password", "an entirely new phrase"), ("repeat", "an entirely new phrase")];

#[tokio::test]
async fn r_07_looking_at_a_link_uses_nothing_up() {
    let app = TestApp::start().await;
    let links = links(&app).await;
    let (before, codes) = (app.everything().await, app.place().codes().await);
    assert!(codes.len() >= links.len());
    for (name, mail) in &links {
        for number in 0..3 {
            for method in ["GET", "HEAD"] {
                let look = request(method, &mail.path());
                for look in [
                    look.clone(),
                    look.clone().header("accept", "text/html").header("user-agent", "Mozilla/5.0 SafeLinks"),
                    look.clone().header("purpose", "prefetch").header("sec-purpose", "prefetch;prerender"),
                    look.clone().header("range", "bytes=0-10"),
                ] {
                    let reply = app.send(&look).await.must(200);
                    assert_eq!(reply.body.is_empty(), method == "HEAD", "{name}, {number}: {reply}");
                }
            }
            for method in ["PUT", "PATCH", "DELETE"] {
                app.send(&request(method, &mail.path())).await.must(405);
            }
            assert_ne!(app.send(&request("OPTIONS", &mail.path())).await.status, 200);
        }
    }
    assert_eq!(app.everything().await, before);
    assert_eq!(app.place().codes().await, codes);
    for (name, mail) in &links {
        app.send(&post(&mail.path()).form(&FORM)).await.must(200);
        let again = app.send(&post(&mail.path()).form(&FORM)).await;
        assert_eq!(again.status, 404, "{name}: {again}");
    }
}

#[tokio::test]
async fn r_08_the_page_of_a_link_keeps_it_to_itself() {
    let app = TestApp::start().await;
    for (name, mail) in links(&app).await {
        let shown = app.send(&get(&mail.path())).await.must(200);
        let done = app.send(&post(&mail.path()).form(&FORM)).await.must(200);
        let over = app.send(&get(&mail.path()).header("accept", "text/html")).await.must(404);
        for page in [&shown, &done, &over] {
            assert!(page.header("content-type").starts_with("text/html"), "{name}: {page}");
            assert_eq!(page.header("referrer-policy"), "no-referrer", "{name}");
            assert!(page.header("cache-control").contains("no-store"), "{name}");
            assert!(page.header("x-robots-tag").contains("noindex"), "{name}");
            let policy = page.header("content-security-policy");
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
            {
                assert!(policy.contains(part), "{name}: {policy}");
            }
            assert!(
                !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
                "{policy}"
            );
            let html = String::from_utf8_lossy(&page.body).into_owned();
            for loaded in
                ["<script", "<img", "<link", "<iframe", "src=", "url(", "@import", "http://", "https://"]
            {
                assert!(!html.contains(loaded), "{name}: {loaded} in {html}");
            }
            assert!(!html.contains(&mail.token()) && !html.contains("kwl_"), "{name}: {html}");
            assert!(html.contains("name=\"viewport\""), "{name}: looks right on a phone");
        }
        let html = String::from_utf8_lossy(&shown.body).into_owned();
        assert_eq!(html.matches("<button").count(), 1, "{name}: {html}");
        assert_eq!(html.matches("<form method=\"post\">").count(), 1, "{name}: {html}");
    }
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs() {
    let app = TestApp::start().await;
    let long = "A".repeat(5000);
    let nowhere = ["x", "kwl_", "kwl_%00", "%F0%9F%92%A9", "..%2f..%2fetc", &long, "kwl_<script>"];
    for token in nowhere {
        let path = format!("/link/{}", token.replace('<', "%3C").replace('>', "%3E"));
        for method in ["GET", "POST"] {
            let ask = || match method {
                "GET" => get(&path),
                _ => post(&path).form(&FORM),
            };
            let problem = app.send(&ask()).await;
            assert!([404, 400].contains(&problem.status), "{method} {token}: {problem}");
            let page = app.send(&ask().header("accept", "text/html,*/*")).await;
            assert_eq!(page.status, problem.status, "{page}");
            assert!(!String::from_utf8_lossy(&page.body).contains("<script"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_page_speaks_the_language_of_the_browser() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let mail = app.mail_to(&ada.email).await;
    for (accepts, language) in
        [("", "en"), ("ar", "ar"), ("tlh, ar;q=0.2, en;q=0.1", "ar"), ("en, ar;q=0.9", "en")]
    {
        let look = get(&mail.path());
        let look = if accepts.is_empty() { look } else { look.header("accept-language", accepts) };
        let html = String::from_utf8_lossy(&app.send(&look).await.must(200).body).into_owned();
        let direction = if language == "ar" { "rtl" } else { "ltr" };
        assert!(
            html.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")),
            "{accepts}: {html}"
        );
    }
}

#[tokio::test]
async fn what_an_address_holds_is_text_on_the_page_and_in_the_mail() {
    let app = TestApp::start().await;
    let email = "o'hara&co{{7*7}}$x=\u{60}id\u{60}@example.com";
    let body = json!({"email": email, "first_name": "<b onload=x>Ada</b> {{7*7}}{% raw %}", "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
    // An address that nobody has proven gets no text of others.
    let mail = app.mail_to(email).await;
    assert!(!mail.text().contains("Ada") && !mail.html().contains("Ada"), "{mail:?}");
    app.send(&Way::Verify.give(email, mail.code())).await.must(200);
    Way::Reset.ask(&app, email).await.must(202);
    let mail = app.mail_to(email).await;
    for text in [mail.text(), mail.html()] {
        // Of a name stays what a name can be made of, and of the address everything.
        assert!(text.contains("Ada") && !text.contains("<b onload") && !text.contains("{%"), "{text}");
        assert!(text.matches("{{").count() == text.matches("co{{7*7}}$x=").count(), "{text}");
    }
    assert!(mail.text().contains(email) && !mail.html().contains(email), "{mail:?}");
    let html = String::from_utf8_lossy(&app.send(&get(&mail.path())).await.must(200).body).into_owned();
    assert!(html.contains("hara&amp;co{{7*7}}"), "{html}");
}

/// What a request may say about where it was sent to: the line, the headers, and whether it may be refused.
const LIES: &[(&str, &str)] = &[
    ("POST {path} HTTP/1.1", "Host: evil.test"),
    ("POST {path} HTTP/1.1", "Host: evil.test:443"),
    ("POST {path} HTTP/1.1", "Host: {host}@evil.test"),
    ("POST {path} HTTP/1.1", "Host: evil.test/{host}"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nHost: evil.test"),
    ("POST {path} HTTP/1.1", "Host: evil.test\r\nHost: {host}"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Host: evil.test"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Host: evil.test, {host}\r\nX-Forwarded-Port: 666"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Proto: javascript"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Forwarded-Server: evil.test\r\nX-Forwarded-Prefix: /evil"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nForwarded: host=evil.test;proto=javascript;for=203.0.113.9"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Host: evil.test\r\nX-Original-Host: evil.test"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nX-Original-URL: http://evil.test/\r\nX-Rewrite-URL: /evil"),
    ("POST {path} HTTP/1.1", "Host: {host}\r\nOrigin: https://evil.test\r\nReferer: https://evil.test/"),
    ("POST {path} HTTP/1.1", "Host:"),
    ("POST {path} HTTP/1.0", "X-Forwarded-Host: evil.test"),
    ("POST {path} HTTP/1.0", "Host: evil.test"),
    ("POST http://evil.test{path} HTTP/1.1", "Host: {host}"),
    ("POST http://evil.test{path} HTTP/1.1", "Host: evil.test"),
    ("POST http://{host}{path} HTTP/1.1", "Host: evil.test"),
    ("POST //evil.test{path} HTTP/1.1", "Host: {host}"),
];

#[tokio::test]
async fn r_01_links_lead_to_the_public_url_whatever_the_request_says() {
    for proxies in ["", "127.0.0.1"] {
        let app = TestApp::with(|setup| setup.behind(proxies)).await;
        let ada = app.signed_in("ada").await;
        app.mails_to(&ada.email).await;
        let mut sent = 0;
        for (path, body) in [
            ("/auth/password/forgot", json!({"email": ada.email})),
            ("/auth/verify/resend", json!({"email": ada.email})),
            ("/auth/register", json!({"email": "{new}", "password": "a phrase of its own"})),
        ] {
            for (number, (line, headers)) in LIES.iter().enumerate() {
                let (host, new) = (app.address.to_string(), format!("new{number}@example.com"));
                let filled = |text: &str| text.replace("{path}", path).replace("{host}", &host);
                let body = body.to_string().replace("{new}", &new);
                let whole = format!(
                    "{}\r\n{}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    filled(line),
                    filled(headers),
                    body.len()
                );
                let reply = exchange(&app, whole.as_bytes()).await;
                let case = format!("{line} | {headers}: {reply:?}");
                assert!(!reply.text.contains("evil"), "{case}");
                let to = if path == "/auth/register" { &new } else { &ada.email };
                let mails = app.mails_to(to).await;
                match reply.status() {
                    201 | 202 => {
                        sent += 1;
                        assert_eq!(mails.len(), 1, "{case}");
                        assert!(mails[0].link().starts_with(&format!("http://{host}/link/kwl_")), "{case}");
                        for text in [mails[0].text(), mails[0].html(), mails[0].subject()] {
                            assert!(!text.contains("evil") && !text.contains("javascript"), "{case}: {text}");
                        }
                    }
                    400 | 404 => assert!(mails.is_empty(), "{case}"),
                    _ => panic!("{case}"),
                }
            }
        }
        assert!(sent > LIES.len(), "{sent}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_uses_nobodys_tries_up() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    for number in 0..250 {
        let picture = get(&format!("/link/{number}")).header("sec-fetch-site", "cross-site");
        app.send(&picture.header("sec-fetch-dest", "image")).await.must(404);
    }
    // Links, codes and passwords share these tries.
    let ada = app.signed_in("ada").await;
    let mail = app.mail_to(&ada.email).await;
    app.send(&post(&mail.path()).form(&[])).await.must(200);
}
