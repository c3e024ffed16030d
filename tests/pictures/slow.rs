//! Uploads that trickle in, many at once: they hold what has come of them, and nobody else up.

use super::arrival::LARGEST;
use super::samples::png_of;
use super::{BLUE, RED, jpeg, png, shows, start};
use crate::app::{Person, TestApp, eventually};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Begins an upload of the largest size, and sends this much of it.
async fn trickle(app: &TestApp, person: &Person, sent: usize) -> TcpStream {
    let head = format!(
        "PUT /users/me/picture HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: image/png\r\nContent-Length: {LARGEST}\r\n\r\n",
        person.access
    );
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; sent]).await.unwrap();
    stream
}

/// Somebody who has just signed in uploads, which takes no longer than it does.
async fn others_are_served(app: &TestApp, name: &str) {
    let begun = Instant::now();
    let other = app.signed_in(name).await;
    shows(app, &other.uploads(jpeg(BLUE)).await.must(200).json()["picture"], BLUE).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_08_three_hundred_that_trickle_hold_nobody_up() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(trickle(&app, &ada, 1).await);
    }
    for byte in 0..3 {
        for stream in &mut held {
            stream.write_all(&[byte]).await.unwrap();
        }
        others_are_served(&app, &format!("bob{byte}")).await;
        // Nor the one whose uploads they are.
        ada.uploads(png(RED)).await.must(200);
    }
    // All of them wait still: nobody was refused.
    for stream in &mut held {
        assert!(stream.try_read(&mut [0; 16]).is_err(), "it was answered");
    }
    shows(&app, &ada.picture().await, RED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_08_who_holds_two_uploads_gets_no_more_and_others_do() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(trickle(&app, &ada, LARGEST - 100).await);
    }
    let mut text = vec![0; 4096];
    eventually("one is refused", async || {
        held.iter_mut().any(|stream| stream.try_read(&mut text).is_ok_and(|read| read > 0))
    })
    .await;
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("\"busy\""), "{text}");
    assert!(text.contains("retry-after: 5\r\n"), "{text}");
    // Others have their own; and what is no upload goes on for her as well.
    others_are_served(&app, "bob").await;
    assert_eq!(ada.me().await, 200);
    // What is not there any more holds nothing.
    drop(held);
    eventually("there is room", async || ada.uploads(png_of(LARGEST, false)).await.status == 200).await;
}
