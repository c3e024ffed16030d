//! How an upload arrives: whole, too large, in chunks, cut, or from somebody who may not.

use super::samples::{media_type, png_of};
use super::{Form, GREEN, RED, png, refused, shows, start, upload};
use crate::app::{Person, TestApp, delete, eventually, exchange, post, put};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) const LARGEST: usize = 2_097_152;

#[tokio::test]
async fn a_01_a_file_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    for inside in [true, false] {
        for length in [2_000_000, LARGEST] {
            let bytes = png_of(length, inside);
            assert_eq!(bytes.len(), length);
            ada.uploads(bytes.clone()).await.must(200);
            let form = Form::of("file", "a.png", "image/png", &bytes);
            ada.send(form.on(put("/users/me/picture"))).await.must(200);
            let form = Form::of("picture", "a.png", "image/png", &bytes).field("first_name", "Ada");
            ada.send(form.on(put("/users/me"))).await.must(200);
        }
        let bytes = png_of(LARGEST + 1, inside);
        for (name, request) in [
            ("alone", upload(bytes.clone())),
            ("a form", Form::of("file", "a.png", "image/png", &bytes).on(put("/users/me/picture"))),
            ("a profile", Form::of("picture", "a.png", "image/png", &bytes).on(put("/users/me"))),
            ("much more", put("/users/me/picture").body("image/png", vec![0; 10 * LARGEST])),
        ] {
            refused(&app, name, &ada.by(request), 413, "payload_too_large", "").await;
        }
    }
    let form = |length| {
        let form = Form::default().field("email", "bob@example.com").field("password", "a long enough one");
        form.file("picture", "a.png", "image/png", &png_of(length, true)).on(post("/auth/register"))
    };
    refused(&app, "a registration", &form(LARGEST + 1), 413, "payload_too_large", "").await;
    shows(&app, &app.send(&form(LARGEST)).await.must(201).json()["picture"], GREEN).await;
}

#[tokio::test]
async fn a_01_what_stands_beside_the_file_is_limited_as_any_other_body() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let form = |filler: usize| {
        let form = Form::of("picture", "a.png", "image/png", &png(RED));
        ada.by(form.field("metadata", &format!("{{\"x\":\"{}\"}}", "x".repeat(filler))).on(put("/users/me")))
    };
    app.send(&form(15_000)).await.must(200);
    refused(&app, "large fields", &form(64 * 1024), 413, "payload_too_large", "").await;
    // Without a file, too, and in JSON.
    let long = "x".repeat(64 * 1024);
    let without = Form::default().field("first_name", &long).on(put("/users/me"));
    refused(&app, "no file", &ada.by(without), 413, "payload_too_large", "").await;
    refused(&app, "JSON", &ada.by(put("/users/me").json(json!({"x": long}))), 413, "payload_too_large", "")
        .await;
}

/// The head of an upload by this person.
fn head(person: &Person, framing: &str) -> String {
    format!(
        "PUT /users/me/picture HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: image/png\r\n{framing}\r\n\r\n",
        person.access
    )
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in bytes.chunks(64 * 1024) {
        body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    [&body[..], b"0\r\n\r\n"].concat()
}

#[tokio::test]
async fn a_01_in_chunks_without_a_length() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let head = head(&ada, "Transfer-Encoding: chunked");
    for (length, status) in [(LARGEST, 200), (LARGEST + 1, 413), (4 * LARGEST, 413)] {
        let body = chunked(&png_of(length, false));
        let reply = exchange(&app, &[head.as_bytes(), &body].concat()).await;
        assert_eq!((reply.status(), reply.replies()), (status, 1), "{length}: {reply:?}");
    }
    // No end comes, and none is waited for once it is too much.
    let body = chunked(&vec![0; LARGEST + 70_000]);
    let begun = Instant::now();
    let reply = exchange(&app, &[head.as_bytes(), &body[..body.len() - 20]].concat()).await;
    assert_eq!(reply.status(), 413);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(app.noted("picture_changed").await, 1);
}

#[tokio::test]
async fn a_01_a_length_that_is_not_true() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let bytes = png(RED);
    // Shorter: a part of a picture is none, and the rest is no request.
    let short = head(&ada, &format!("Content-Length: {}", bytes.len() - 40));
    let reply = exchange(&app, &[short.as_bytes(), &bytes].concat()).await;
    assert_eq!(reply.status(), 422, "{reply:?}");
    assert!(reply.text.matches("HTTP/1.1 2").count() == 0, "{reply:?}");
    // Announced, and too much: nothing of it needs to come.
    let long = head(&ada, &format!("Content-Length: {}", LARGEST + 1));
    let reply = exchange(&app, long.as_bytes()).await;
    assert_eq!((reply.status(), reply.closed), (413, true), "{reply:?}");
    assert!(ada.picture().await.is_null());
}

#[tokio::test]
async fn who_may_not_is_refused_before_anything_is_sent() {
    let app = start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let length = format!("Content-Length: {LARGEST}");
    let nobody = Person { access: "nonsense".into(), ..ada.clone() };
    let of_ada = head(&bob, &length).replace("/users/me/", "/users/ada/");
    let gif = head(&ada, &length).replace("image/png", "image/gif");
    for (head, status) in [(head(&nobody, &length), 401), (of_ada, 404), (gif, 415)] {
        let reply = exchange(&app, head.as_bytes()).await;
        assert_eq!(reply.status(), status, "{reply:?}");
        // Who asks first is told at once, and sends nothing.
        let asking = head.replace("\r\nHost", "\r\nExpect: 100-continue\r\nHost");
        let begun = Instant::now();
        let mut stream = TcpStream::connect(app.address).await.unwrap();
        stream.write_all(asking.as_bytes()).await.unwrap();
        let mut text = [0; 12];
        stream.read_exact(&mut text).await.unwrap();
        assert_eq!(text, format!("HTTP/1.1 {status}").as_bytes());
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
    // Who may is told to go on.
    let asking = head(&ada, &length).replace("\r\nHost", "\r\nExpect: 100-continue\r\nHost");
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(asking.as_bytes()).await.unwrap();
    let mut text = [0; 12];
    stream.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"HTTP/1.1 100");
}

#[tokio::test]
async fn a_closed_house_takes_no_pictures_of_strangers() {
    let app = TestApp::with(|setup| setup.set("accounts.registration", "closed")).await;
    let head = format!(
        "POST /auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: 2000000\r\n\r\n",
        Form::kind()
    );
    let reply = exchange(&app, head.as_bytes()).await;
    assert_eq!(reply.status(), 403, "{reply:?}");
}

/// Begins an upload, and sends all of it but the last bytes, which are given.
async fn begun(app: &TestApp, person: &Person, bytes: &[u8]) -> (TcpStream, Vec<u8>) {
    assert_eq!(media_type(bytes), "image/png");
    let (first, last) = bytes.split_at(bytes.len() - 20);
    let head = head(person, &format!("Content-Length: {}\r\nConnection: close", bytes.len()));
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&[head.as_bytes(), first].concat()).await.unwrap();
    (stream, last.to_vec())
}

#[tokio::test]
async fn who_is_put_out_while_an_upload_arrives_is_out() {
    let app = start().await;
    let root = app.admin().await;
    for way in ["signed out", "disabled", "deleted"] {
        let ada = app.signed_in(&format!("ada{}", &way[..3])).await;
        let (mut stream, last) = begun(&app, &ada, &png(RED)).await;
        let path = format!("/users/{}", ada.id);
        match way {
            "signed out" => ada.post("/auth/logout", json!({})).await.must(204),
            "disabled" => root.patch(&path, json!({"status": "disabled"})).await.must(200),
            _ => root.delete(&path).await.must(204),
        };
        stream.write_all(&last).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 401 "), "{way}: {text}");
    }
    assert!(app.objects().is_empty());
    assert_eq!(app.noted("picture_changed").await, 0);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_none() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    ada.uploads(png(GREEN)).await.must(200);
    let before = app.everything().await;
    for zero_linger in [true, false] {
        let (stream, _) = begun(&app, &ada, &png(RED)).await;
        if zero_linger {
            stream.set_zero_linger().unwrap();
        }
        drop(stream);
    }
    // Nothing of it is left in the memory that uploads share: as much as there is comes through.
    eventually("all of one's share is free", async || {
        let (mut stream, last) = begun(&app, &ada, &png_of(LARGEST, false)).await;
        stream.write_all(&last[..19]).await.unwrap();
        let mut text = [0; 12];
        let waits =
            tokio::time::timeout(Duration::from_millis(200), stream.read_exact(&mut text)).await.is_err();
        waits
            && app.send(&ada.by(delete("/users/me/picture").header("if-match", "\"v0\""))).await.status == 412
    })
    .await;
    assert_eq!(app.everything().await, before);
    shows(&app, &ada.picture().await, GREEN).await;
}
