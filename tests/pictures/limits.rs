//! How many pictures one account may upload.

use super::{Form, RED, jpeg, refused, upload};
use crate::app::{Setup, TestApp, put};
use std::time::Duration;

#[tokio::test]
async fn the_31st_upload_in_an_hour_has_to_wait() {
    let app = TestApp::with(|setup| super::at_present(Setup::limits_as_shipped(setup))).await;
    let (ada, bob, root) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    // What is refused before it is counted is not.
    for _ in 0..3 {
        ada.send(put("/users/me/picture").body("image/gif", "x")).await.must(415);
    }
    for number in 0..30 {
        let request = match number % 3 {
            0 => upload(jpeg(RED)),
            1 => Form::of("picture", "a.jpg", "image/jpeg", &jpeg(RED)).on(put("/users/me")),
            _ => Form::of("file", "a.jpg", "image/jpeg", &jpeg(RED)).on(put("/profile/picture")),
        };
        ada.send(request).await.must(200);
    }
    app.collect().await;
    let form = Form::of("picture", "a.jpg", "image/jpeg", &jpeg(RED)).field("first_name", "Ada");
    for request in [upload(jpeg(RED)), form.on(put("/users/me"))] {
        let reply = refused(&app, "the 31st", &ada.by(request), 429, "rate_limited", "").await;
        assert_eq!(reply.header("retry-after"), "120");
    }
    // Nobody else waits, and whoever gives somebody a picture is counted for it.
    bob.uploads(jpeg(RED)).await.must(200);
    root.send(put("/users/ada/picture").body("image/jpeg", jpeg(RED))).await.must(200);
    ada.delete("/users/me/picture").await.must(204);
    app.clock.advance(Duration::from_secs(120));
    ada.uploads(jpeg(RED)).await.must(200);
    ada.uploads(jpeg(RED)).await.must(429);
}

async fn two_in_an_hour() -> TestApp {
    TestApp::with(|setup| super::at_present(setup).set("limits.scale", "1").set("limits.pictures", "2")).await
}

#[tokio::test]
async fn what_fails_through_no_fault_of_ones_own_is_not_counted() {
    let app = two_in_an_hour().await;
    let Some(folder) = app.pictures() else { return };
    let ada = app.signed_in("ada").await;
    let elsewhere = folder.with_extension("away");
    std::fs::rename(&folder, &elsewhere).unwrap();
    for _ in 0..3 {
        ada.uploads(jpeg(RED)).await.must(503);
    }
    std::fs::rename(&elsewhere, &folder).unwrap();
    for _ in 0..2 {
        ada.uploads(jpeg(RED)).await.must(200);
    }
    ada.uploads(jpeg(RED)).await.must(429);
}

#[tokio::test]
async fn what_is_no_picture_is_counted_too() {
    let app = two_in_an_hour().await;
    let ada = app.signed_in("ada").await;
    for _ in 0..2 {
        ada.send(put("/users/me/picture").body("image/png", "no picture")).await.must(422);
    }
    ada.uploads(jpeg(RED)).await.must(429);
}
