//! Links: good for one square, for a while, for looking; and nothing else opens anything.

use super::{BLUE, RED, ask, at_present, link, look, path, png, shows, start};
use crate::app::{TestApp, TestClock, get, request};
use std::time::Duration;

/// How long a link stays the same, and how long it is good.
const WINDOW: Duration = Duration::from_secs(300);
const LIFE: Duration = Duration::from_secs(900);

/// The link with one letter of what stands behind `name` exchanged.
fn forged(link: &str, name: &str) -> String {
    let at = link.find(name).unwrap_or_else(|| panic!("no {name} in {link}")) + name.len() + 3;
    let other = if &link[at..=at] == "1" { "2" } else { "1" };
    format!("{}{other}{}", &link[..at], &link[at + 1..])
}

#[tokio::test]
async fn a_10_a_link_that_was_tampered_with_opens_nothing() {
    let app = start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let ada = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let bob = bob.uploads(png(BLUE)).await.must(200).json()["picture"].clone();
    let (small, large, other) = (link(&ada, 64), link(&ada, 512), link(&bob, 64));
    let (before, query) = small.split_once('?').unwrap();
    let is_s3 = app.pictures().is_none();
    let signature = if is_s3 { "X-Amz-Signature=" } else { "signature=" };
    let room = &before[before.len() - "0123456789abcdef0123456789abcdef/64.jpg".len()..before.len() - 20];
    let mut wrong = vec![
        ("another signature", forged(&small, signature)),
        ("no query", before.to_owned()),
        ("another square", format!("{}?{query}", large.split_once('?').unwrap().0)),
        ("another picture", format!("{}?{query}", other.split_once('?').unwrap().0)),
        ("another signature's", format!("{before}?{}", other.split_once('?').unwrap().1)),
        ("no signature", small[..small.find(signature).unwrap() - 1].to_owned()),
        ("a cut signature", small[..small.len() - 1].to_owned()),
        ("no picture of ours", forged(&small, room)),
    ];
    if is_s3 {
        wrong.extend([
            ("longer", small.replace("X-Amz-Expires=900", "X-Amz-Expires=901")),
            ("another day", forged(&small, "X-Amz-Date=20")),
            ("another type", small.replace("image%2Fjpeg", "text%2Fhtml")),
            ("another key", forged(&small, "X-Amz-Credential=")),
            (
                "the bucket",
                format!("{}/pictures?{query}&list-type=2", &before[..before.find("/pictures").unwrap()]),
            ),
            (
                "the bucket, unsigned",
                format!("{}/pictures?list-type=2", &before[..before.find("/pictures").unwrap()]),
            ),
        ]);
    } else {
        let until: i64 = query.split_once('&').unwrap().0.trim_start_matches("expires=").parse().unwrap();
        let at = |text: &str| small.replace(&until.to_string(), text);
        wrong.extend([
            ("longer", at(&(until + 1).to_string())),
            ("written otherwise", at(&format!("0{until}"))),
            ("with a sign", at(&format!("%2B{until}"))),
            ("for ever", at("9223372036854775807")),
            ("no time", small.replace("expires=", "x=")),
            ("no number", at("x")),
            ("twice", format!("{small}&expires={until}")),
            ("another format", small.replace("64.jpg", "64.png")),
            ("another spelling", small.replace("64.jpg", "064.jpg")),
            ("another size", small.replace("/64.jpg", "/65.jpg")),
            ("elsewhere", small.replace("/64.jpg", "/..%2F..%2Fkeyward.db")),
        ]);
    }
    let mut faces = Vec::new();
    for (name, link) in &wrong {
        assert_ne!(*link, small, "{name}");
        let seen = look(&app, link).await;
        // S3 calls what is no signature at all malformed.
        let is_refused = seen.status == 403 || is_s3 && seen.status == 400;
        assert!(is_refused, "{name}: {link} {seen:?}");
        if !is_s3 {
            faces.push(app.send(&get(path(link))).await.must(403).json()["code"].clone());
        }
    }
    assert!(faces.iter().all(|code| *code == "invalid_link"), "{faces:?}");
    // They are right but for that.
    for link in [&small, &large, &other] {
        assert_eq!(look(&app, link).await.status, 200);
    }
}

#[tokio::test]
async fn a_10_a_link_is_for_looking() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let before = app.objects();
    let status = if app.pictures().is_some() { 405 } else { 403 };
    for method in ["PUT", "DELETE", "POST", "PATCH"] {
        let seen = ask(&app, method, &link(&picture, 256)).await;
        assert_eq!(seen.status, status, "{method} {seen:?}");
        if app.pictures().is_some() {
            // Nor with a token.
            let sent = app
                .send(&ada.by(request(method, path(&link(&picture, 256))).body("image/png", png(BLUE))))
                .await;
            sent.must(405);
        }
    }
    assert_eq!(app.objects(), before);
    shows(&app, &picture, RED).await;
}

#[tokio::test]
async fn a_10_a_link_ends() {
    if TestApp::start().await.pictures().is_some() {
        let app = TestApp::start().await;
        let ada = app.signed_in("ada").await;
        let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
        // The clock stands at the beginning of a window.
        assert_eq!(picture["expires_at"], "2026-11-21T10:15:00Z");
        app.clock.advance(LIFE - Duration::from_micros(1));
        let seen = look(&app, &link(&picture, 64)).await;
        assert_eq!((seen.status, seen.header("cache-control")), (200, "private, max-age=0, immutable"));
        app.clock.advance(Duration::from_micros(1));
        assert_eq!(look(&app, &link(&picture, 64)).await.status, 403);
        return;
    }
    // S3 knows the time by itself: what was signed for a time that is over, and for one that is to come.
    let present = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    for (micros, status) in [(-1_201_000_000, 403), (0, 200), (7_200_000_000, 403)] {
        let app = TestApp::with(|setup| setup.clock(TestClock::at(present + micros))).await;
        let ada = app.signed_in("ada").await;
        let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
        assert_eq!(look(&app, &link(&picture, 64)).await.status, status, "{micros}");
    }
}

#[tokio::test]
async fn links_stay_the_same_for_a_while_so_that_browsers_keep_what_they_lead_to() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let first = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    app.clock.advance(WINDOW - Duration::from_micros(1));
    assert_eq!(ada.picture().await, first, "also after time in which nothing was signed");
    app.clock.advance(Duration::from_micros(1));
    let second = ada.picture().await;
    assert_ne!(second["url"], first["url"]);
    assert_eq!(second["expires_at"], "2026-11-21T10:20:00Z");
    if app.pictures().is_some() {
        // Both open.
        shows(&app, &first, RED).await;
        shows(&app, &second, RED).await;
    }
    // Everybody who sees the profile sees the same.
    let root = app.admin().await;
    assert_eq!(root.get(&format!("/users/{}", ada.id)).await.json()["picture"], second);
    let listed = root.get("/users?q=ada").await.must(200).json()["items"][0]["picture"].clone();
    assert_eq!(listed, second);
}

#[tokio::test]
async fn what_one_node_signs_another_opens() {
    let one =
        TestApp::with(|setup| at_present(setup).set("tokens.issuer", "https://accounts.example.com")).await;
    let other = one.second_node().await;
    let ada = one.signed_in("ada").await;
    let here = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let there = crate::app::Person { wire: other.sender(), ..ada.clone() }.picture().await;
    let query = |picture: &serde_json::Value| link(picture, 64).split_once('?').unwrap().1.to_owned();
    assert_eq!(query(&here), query(&there));
    shows(&other, &here, RED).await;
    shows(&one, &there, RED).await;
}

#[tokio::test]
async fn a_lifetime_of_links_can_be_set() {
    let app = TestApp::with(|setup| setup.set("pictures.link_ttl", "3m")).await;
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    assert_eq!(picture["expires_at"], "2026-11-21T10:03:00Z");
    app.clock.advance(Duration::from_secs(60));
    assert_ne!(ada.picture().await, picture);
}

#[tokio::test]
async fn a_12_nobody_sees_a_picture_without_a_link() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let bare = link(&picture, 64).split_once('?').unwrap().0.to_owned();
    assert_eq!(look(&app, &bare).await.status, 403);
    if app.pictures().is_some() {
        // What is there and what is not look the same, with a token or without.
        let absent = "/pictures/00000000000000000000000000000000/64.jpg".to_owned();
        let mut faces = Vec::new();
        for path in [path(&bare), &absent] {
            for request in [get(path), ada.by(get(path))] {
                let reply = app.send(&request.header("x-request-id", "the-same-id")).await.must(403);
                faces.push(reply.face());
            }
        }
        assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
    }
}
