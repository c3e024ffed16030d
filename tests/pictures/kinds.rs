//! Names, types and bytes that agree, and those that do not; what is hidden in a picture, and what its file is called.

use super::samples::{jpeg_with, png_with};
use super::{BLUE, Form, RED, jpeg, look, noise, png, refused, shows, start, upload};
use crate::app::{put, request};
use std::time::{Duration, Instant};

const SVG: &[u8] =
    b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script></svg>";
const HTML: &[u8] = b"<!doctype html><script>alert(1)</script>";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

#[tokio::test]
async fn a_02_names_types_and_bytes_agree_or_are_refused() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let (png, jpeg) = (png(RED), jpeg(RED));
    let contents = [
        ("png", &png[..]),
        ("jpeg", &jpeg),
        ("gif", GIF),
        ("svg", SVG),
        ("html", HTML),
        ("zip", b"PK\x03\x04\x14\0\0\0\0\0"),
        ("elf", b"\x7fELF\x02\x01\x01\0"),
        ("nothing", b""),
    ];
    let names = [
        ("a.png", true),
        ("a.jpg", true),
        ("a.jpeg", true),
        ("a.PNG", true),
        ("a.JpEg", true),
        ("a", true),
        ("a.gif", false),
        ("a.svg", false),
        ("a.webp", false),
        ("a.html", false),
        ("a.php", false),
        ("a.png.html", false),
        ("a.png.", false),
    ];
    let mut passed = 0;
    for declared in
        ["image/png", "image/jpeg", "image/gif", "image/svg+xml", "text/html", "image/webp", "image/jpg"]
    {
        for (content, bytes) in contents {
            let agrees = declared == format!("image/{content}");
            let is_declared = matches!(declared, "image/png" | "image/jpeg");
            for (name, has_ending) in names {
                let what = format!("{name} as {declared} of {content}");
                let request = ada.by(Form::of("file", name, declared, bytes).on(put("/users/me/picture")));
                if is_declared && has_ending && agrees {
                    let reply = app.send(&request).await.must(200);
                    assert!(!reply.json()["picture"].is_null(), "{what}");
                    passed += 1;
                    app.collect().await;
                } else if is_declared && has_ending {
                    refused(&app, &what, &request, 422, "invalid", "/picture").await;
                } else {
                    refused(&app, &what, &request, 415, "unsupported_media_type", "").await;
                }
            }
            let alone = ada.by(put("/users/me/picture").body(declared, bytes));
            match (is_declared, agrees) {
                (true, true) => {
                    app.send(&alone).await.must(200);
                    app.collect().await;
                }
                (true, false) => drop(refused(&app, content, &alone, 422, "invalid", "/picture").await),
                _ => drop(refused(&app, content, &alone, 415, "unsupported_media_type", "").await),
            }
        }
    }
    assert_eq!(passed, 12);
    app.collect().await;
    assert_eq!((app.hanging().len(), app.noted("picture_changed").await), (1, 14));
}

#[tokio::test]
async fn a_02_a_registration_with_what_is_no_picture_makes_nobody() {
    let app = start().await;
    for (name, kind, bytes, status) in [
        ("a.png", "image/png", HTML, 422),
        ("a.gif", "image/gif", GIF, 415),
        ("a.html", "image/png", GIF, 415),
    ] {
        let form = Form::default().field("email", "ada@example.com").field("password", "a long enough one");
        let request = form.file("picture", name, kind, bytes).on(request("POST", "/auth/register"));
        let (code, pointer) =
            if status == 422 { ("invalid", "/picture") } else { ("unsupported_media_type", "") };
        refused(&app, name, &request, status, code, pointer).await;
    }
    assert_eq!(app.count("keyward_users").await, 0);
}

/// Whether one stands in the other.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_03_a_07_what_is_hidden_in_a_picture_is_not_in_what_is_shown() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    const CANARY: &[u8] = b"<?php canary-in-a-picture(); ?><script>";
    let behind = |mut bytes: Vec<u8>| {
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(CANARY);
        bytes
    };
    for bytes in [
        jpeg_with(RED, CANARY),
        png_with(RED, *b"tEXt", &[b"Comment\0", CANARY].concat()),
        png_with(RED, *b"eXIf", CANARY),
        behind(png(RED)),
        behind(jpeg(RED)),
        behind(noise(80)),
    ] {
        assert!(holds(&bytes, CANARY));
        ada.uploads(bytes).await.must(200);
        for (object, bytes) in app.objects() {
            assert!(!holds(&bytes, b"canary") && !holds(&bytes, b"PK\x03\x04"), "{object}");
        }
        let stolen = app.stolen().await;
        assert!(!holds(&stolen, b"canary"));
    }
}

/// A PNG that says in its head that it is of this size, and has but a few pixels.
fn png_that_says(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(RED);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    bytes
}

#[tokio::test]
async fn a_05_pictures_that_say_they_are_huge_are_refused_at_once() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let huge_jpeg = {
        let mut bytes = jpeg(RED);
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
        bytes
    };
    for (name, bytes) in [
        ("65535 a side", png_that_says(65_535, 65_535)),
        ("10001 wide", png_that_says(10_001, 1)),
        ("51 megapixels", png_that_says(8_500, 6_000)),
        ("no pixels", png_that_says(0, 5)),
        ("not what its checksum says", png_that_says(8_000, 6_000)),
        ("a JPEG of 65500", huge_jpeg),
        ("a head alone", png(RED)[..33].to_vec()),
        ("cut", png(RED)[..100].to_vec()),
        ("half a JPEG", jpeg(RED)[..300].to_vec()),
    ] {
        let begun = Instant::now();
        refused(&app, name, &ada.by(upload(bytes)), 422, "invalid", "/picture").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_06_the_name_of_a_file_leads_nowhere() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let png = png(BLUE);
    let long = format!("canary-of-a-name{}.png", "x".repeat(300));
    let names: [&[u8]; 17] = [
        b"../../etc/canary-of-a-name.png",
        b"..\\..\\canary-of-a-name.png",
        b"/tmp/canary-of-a-name.png",
        b"C:\\canary-of-a-name.png",
        b"%2e%2e%2fcanary-of-a-name.png",
        b"canary-of-a-name\0.png",
        b"CON",
        b"",
        b".",
        b"..",
        b"../..",
        long.as_bytes(),
        "canary-of-a-name\u{1f600}.png".as_bytes(),
        b"canary-of-a-name\xff\xfe.png",
        b"a\r\nX-Injected: 1.png",
        b"a\"; filename=\"b.png",
        b"a.png\"; name=\"canary-of-a-name",
    ];
    let before = ada.uploads(png.clone()).await.must(200).json()["picture"].clone();
    let around = around(&app);
    let mut passed = 0;
    for name in names {
        let head = [
            b"Content-Disposition: form-data; name=\"file\"; filename=\"",
            name,
            b"\"\r\nContent-Type: image/png",
        ];
        let request = Form::default().part(&head.concat(), &png).on(put("/users/me/picture"));
        let reply = ada.send(request).await;
        assert!(matches!(reply.status, 200 | 400 | 415), "{name:?}: {reply}");
        assert!(!reply.headers.contains_key("x-injected"), "{name:?}");
        passed += usize::from(reply.status == 200);
        let seen = look(&app, ada.picture().await["url"].as_str().unwrap()).await;
        let disposition = seen.header("content-disposition");
        assert!(!disposition.contains("canary"), "{disposition}");
    }
    assert!(passed >= 8, "{passed}");
    // Names of our own making, each with four squares, and nothing that was not there before.
    app.collect().await;
    assert_eq!(app.hanging(), app.owned().await);
    assert_eq!(self::around(&app), around);
    assert!(!holds(&app.stolen().await, b"canary-of-a-name"));
    assert_ne!(ada.picture().await, before);
    shows(&app, &ada.picture().await, BLUE).await;
}

/// What lies beside the folder of pictures.
fn around(app: &crate::app::TestApp) -> Vec<String> {
    let Some(folder) = app.pictures() else { return Vec::new() };
    let entries = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.contains(&"pictures".to_owned()), "{names:?}");
    names
}
