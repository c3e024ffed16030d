//! A painter that waits at a gate: for what happens to its owner while a picture is painted.

use super::{BLUE, RED, at_present, png, shows, upload};
use crate::app::{TestApp, eventually};
use async_trait::async_trait;
use keyward_auth::outside::{PaintError, Painter, Painting, Upload};
use keyward_auth::values::UserId;
use keyward_pictures::{Studio, StudioSettings};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::watch;

/// The service's own, behind a gate that is open at first.
struct GatedPainter {
    studio: Studio,
    is_open: watch::Sender<bool>,
    waiting: AtomicUsize,
}

impl GatedPainter {
    fn new() -> Arc<Self> {
        let studio = Studio::start(&StudioSettings { threads: 1, queue: 16 }).unwrap();
        Arc::new(Self { studio, is_open: watch::Sender::new(true), waiting: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Painter for GatedPainter {
    async fn paint(&self, upload: Upload) -> Result<Painting, PaintError> {
        self.waiting.fetch_add(1, SeqCst);
        self.is_open.subscribe().wait_for(|open| *open).await.unwrap();
        self.waiting.fetch_sub(1, SeqCst);
        self.studio.paint(upload).await
    }

    async fn initials(
        &self,
        names: [Option<&str>; 2],
        user: UserId,
        side: u32,
    ) -> Result<Vec<u8>, PaintError> {
        self.studio.initials(names, user, side).await
    }
}

#[tokio::test]
async fn who_is_put_out_while_a_picture_is_painted_gets_none() {
    let painter = GatedPainter::new();
    let app = TestApp::with(|setup| at_present(setup).painter(painter.clone())).await;
    let root = app.admin().await;
    for (way, status) in [("signed out", 401), ("disabled", 401), ("deleted", 401), ("nothing", 200)] {
        let ada = app.signed_in(&format!("ada{}", &way[..3])).await;
        ada.uploads(png(RED)).await.must(200);
        let before = app.owned().await;
        painter.is_open.send_replace(false);
        let (sender, request) = (app.sender(), ada.by(upload(png(BLUE))));
        let running = tokio::spawn(async move { sender.send(&request).await });
        eventually("it is being painted", async || painter.waiting.load(SeqCst) == 1).await;
        let path = format!("/users/{}", ada.id);
        match way {
            "signed out" => drop(ada.post("/auth/logout", json!({})).await.must(204)),
            "disabled" => drop(root.patch(&path, json!({"status": "disabled"})).await.must(200)),
            "deleted" => drop(root.delete(&path).await.must(204)),
            _ => {}
        }
        painter.is_open.send_replace(true);
        let reply = running.await.unwrap().must(status);
        match way {
            "nothing" => shows(&app, &reply.json()["picture"], BLUE).await,
            "deleted" => assert!(app.owned().await.is_subset(&before)),
            _ => assert_eq!(app.owned().await, before, "{way}"),
        }
    }
    app.is_tidy_a_day_later().await;
}

#[tokio::test]
async fn an_administrator_who_is_demoted_while_a_picture_is_painted_gives_nobody_one() {
    let painter = GatedPainter::new();
    let app = TestApp::with(|setup| at_present(setup).painter(painter.clone())).await;
    let (root, second, ada) =
        (app.admin().await, app.administrator("second").await, app.signed_in("ada").await);
    painter.is_open.send_replace(false);
    let request = crate::app::put(&format!("/users/{}/picture", ada.id)).body("image/png", png(BLUE));
    let (sender, request) = (app.sender(), second.by(request));
    let running = tokio::spawn(async move { sender.send(&request).await });
    eventually("it is being painted", async || painter.waiting.load(SeqCst) == 1).await;
    root.patch(&format!("/users/{}", second.id), json!({"roles": ["user"]})).await.must(200);
    painter.is_open.send_replace(true);
    running.await.unwrap().must(404);
    assert!(ada.picture().await.is_null());
    app.is_tidy_a_day_later().await;
}

#[tokio::test]
async fn who_hangs_up_while_a_picture_is_painted_has_it_all_the_same() {
    use tokio::io::AsyncWriteExt;
    let painter = GatedPainter::new();
    let app = TestApp::with(|setup| at_present(setup).painter(painter.clone())).await;
    let (ada, bytes) = (app.signed_in("ada").await, png(BLUE));
    painter.is_open.send_replace(false);
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "PUT /users/me/picture HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n",
        ada.access,
        bytes.len()
    );
    socket.write_all(&[head.as_bytes(), &bytes].concat()).await.unwrap();
    eventually("it is being painted", async || painter.waiting.load(SeqCst) == 1).await;
    socket.set_zero_linger().unwrap();
    drop(socket);
    for _ in 0..5 {
        app.send(&crate::app::get("/health/live").header("connection", "close")).await.must(200);
    }
    painter.is_open.send_replace(true);
    eventually("it is there", async || !ada.picture().await.is_null()).await;
    shows(&app, &ada.picture().await, BLUE).await;
    app.is_tidy_a_day_later().await;
}
