//! Forms that nobody's browser sends: refused in words, with no row, no object and no failure of the service.

use super::form::BOUNDARY;
use super::{Form, RED, png, refused, shows, start};
use crate::app::{Request, TestApp, post, put};

/// What is sent to each of the three kinds of routes, and what each answers: a picture, a profile, a registration.
async fn everywhere(app: &TestApp, name: &str, kind: &str, body: &[u8], expected: [(u16, &str, &str); 3]) {
    let ada = app.sign_in("ada", "").await;
    let requests: [Request; 3] =
        [ada.by(put("/users/me/picture")), ada.by(put("/users/me")), post("/auth/register")];
    for (request, (status, code, pointer)) in requests.into_iter().zip(expected) {
        refused(app, name, &request.body(kind, body), status, code, pointer).await;
    }
}

/// The same everywhere.
async fn malformed(app: &TestApp, name: &str, body: &[u8]) {
    everywhere(app, name, &Form::kind(), body, [(400, "malformed_request", ""); 3]).await;
}

fn account() -> Form {
    Form::default().field("email", "bob@example.com").field("password", "a long enough one")
}

#[tokio::test]
async fn a_09_forms_with_more_or_less_than_one_file() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let png = png(RED);
    let two = Form::of("picture", "a.png", "image/png", &png).file("picture", "b.png", "image/png", &png);
    let request = two.on(put("/users/me/picture"));
    refused(&app, "two files", &ada.by(request), 422, "invalid", "/picture").await;
    let two = Form::of("picture", "a.png", "image/png", &png).file("file", "b.png", "image/png", &png);
    refused(&app, "two files", &ada.by(two.on(put("/users/me/picture"))), 422, "invalid", "/picture").await;
    let two =
        account().file("picture", "a.png", "image/png", &png).file("picture", "b.png", "image/png", &png);
    refused(&app, "two files", &two.on(post("/auth/register")), 422, "invalid", "/picture").await;
    let none = Form::default().bytes();
    let request = put("/users/me/picture").body(&Form::kind(), none);
    refused(&app, "no part", &ada.by(request), 422, "invalid", "/picture").await;
    let text = Form::default().field("picture", "x").on(put("/users/me/picture"));
    app.send(&ada.by(text)).await.must(422);
    let nameless = Form::default().file("picture", "", "application/octet-stream", b"");
    let request = ada.by(nameless.on(put("/users/me/picture")));
    refused(&app, "nobody has chosen one", &request, 422, "invalid", "/picture").await;
    // Elsewhere the file has its name.
    for name in ["file", "avatar", "pictures", ""] {
        let form = account().file(name, "a.png", "image/png", &png).on(post("/auth/register"));
        refused(&app, name, &form, 422, "invalid", &format!("/{name}")).await;
        let form = Form::of(name, "a.png", "image/png", &png).on(put("/users/me"));
        refused(&app, name, &ada.by(form), 422, "invalid", &format!("/{name}")).await;
    }
    // A member that is not one, beside a picture.
    let form = Form::of("file", "a.png", "image/png", &png).field("nonsense", "1");
    refused(&app, "a field", &ada.by(form.on(put("/users/me/picture"))), 422, "invalid", "/nonsense").await;
    let form = Form::of("picture", "a.png", "image/png", &png).field("username", "!");
    refused(&app, "a wrong field", &ada.by(form.on(put("/users/me"))), 422, "invalid", "/username").await;
    assert!(app.objects().is_empty());
}

#[tokio::test]
async fn a_09_bodies_that_are_no_form() {
    let app = start().await;
    app.signed_in("ada").await;
    let png = png(RED);
    let good = account().file("picture", "a.png", "image/png", &png).bytes();
    let parts = (0..1_000).fold(Form::default(), |form, part| form.field(&format!("f{part}"), "x"));
    malformed(&app, "1000 parts", &parts.bytes()).await;
    let many = (0..33).fold(Form::default(), |form, _| form.file("picture", "", "image/png", b""));
    malformed(&app, "33 empty files", &many.bytes()).await;
    let head = format!("Content-Disposition: form-data; name=\"x\"\r\nX: {}", "x".repeat(60_000));
    malformed(&app, "a long line", &Form::default().part(head.as_bytes(), b"x").bytes()).await;
    let heads = "X: x\r\n".repeat(500);
    let head = format!("{heads}Content-Disposition: form-data; name=\"x\"");
    malformed(&app, "many lines", &Form::default().part(head.as_bytes(), b"x").bytes()).await;
    malformed(&app, "nothing", b"").await;
    malformed(&app, "no end", &good[..good.len() - 20]).await;
    malformed(&app, "no boundary in it", &png).await;
    malformed(&app, "more behind the end", &[&good[..], b"x"].concat()).await;
    malformed(&app, "an end alone is a form, and this is none", format!("--{BOUNDARY}x").as_bytes()).await;
    let nested = Form::default().part(
        b"Content-Disposition: form-data; name=\"picture\"\r\nContent-Type: multipart/mixed; boundary=b",
        b"--b\r\nContent-Type: image/png\r\n\r\n\r\n--b--",
    );
    malformed(&app, "nested", &nested.bytes()).await;
    for head in [
        "Content-Disposition: attachment; name=\"picture\"",
        "Content-Disposition: form-data",
        "Content-Type: image/png",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
        "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
        "nonsense",
        "",
    ] {
        malformed(&app, head, &Form::default().part(head.as_bytes(), b"x").bytes()).await;
    }
    // A file may be as long as files may be, and so may the head of its part be; not longer than its 8 KiB.
    let head =
        format!("Content-Disposition: form-data; name=\"picture\"; filename=\"{}\"", "x".repeat(100_000));
    let body = Form::default().part(head.as_bytes(), &png).bytes();
    let malformed = (400, "malformed_request", "");
    everywhere(&app, "a line of 100 kB", &Form::kind(), &body, [malformed; 3]).await;
    for kind in
        ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""]
    {
        everywhere(&app, kind, kind, &good, [malformed; 3]).await;
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    everywhere(&app, "a long boundary", &long, &good, [malformed; 3]).await;
    let unsupported = (415, "unsupported_media_type", "");
    for kind in [
        "multipart/mixed; boundary=b",
        "multipart/form-data; boundary=a; boundary=b",
        "",
        "image/png, image/jpeg",
    ] {
        everywhere(&app, kind, kind, &good, [unsupported; 3]).await;
    }
    assert!(app.objects().is_empty());
    // What was abused still works.
    shows(
        &app,
        &app.send(&account().file("picture", "a.png", "image/png", &png).on(post("/auth/register")))
            .await
            .must(201)
            .json()["picture"],
        RED,
    )
    .await;
}
