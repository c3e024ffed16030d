//! S3 gone or silent: no picture can be uploaded then, those that there are stay whose they are, everything else goes on, and
//! what was removed meanwhile goes once S3 is back.

use super::*;
use crate::app::{Person, delete, folder, get, patch, post};
use crate::pictures::{BLUE, CLAIM, Form, RED, at_present, png, shows, upload};
use crate::stores::{Kind, Place, Proxy, server, through_proxy};
use serde_json::json;
use tempfile::TempDir;

/// On S3 behind a proxy, whatever the other stores are.
async fn beside_s3() -> (TestApp, Proxy, TempDir) {
    let (folder, (proxy, url)) = (folder(), through_proxy(&server("KEYWARD_TEST_S3")));
    let place = Place::empty(Kind::chosen(), folder.path().join("keyward.db")).await.with_s3(&url);
    (TestApp::on(place, at_present).await, proxy, folder)
}

/// An upload waits for S3 that long, and its four squares do so at once.
const UPLOAD: Duration = Duration::from_secs(8);
/// What needs no S3 does not wait for it.
const QUICK: Duration = Duration::from_secs(3);

async fn is_503(app: &TestApp, name: &str, request: &Request) {
    let (reply, took) = timed(app, request).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{name}: {reply}");
    assert!(!reply.header("retry-after").is_empty() && took < UPLOAD, "{name}: {took:?}");
}

async fn is_quick(app: &TestApp, request: &Request, status: u16) -> Reply {
    let (reply, took) = timed(app, request).await;
    assert_eq!(reply.status, status, "{reply}");
    assert!(took < QUICK, "{reply}: {took:?}");
    reply
}

fn registration(name: &str) -> Form {
    Form::default().field("email", &format!("{name}@example.com")).field("password", "a long enough one")
}

/// What is answered while S3 is not.
async fn without_s3(app: &TestApp, ada: &Person, admin: &Person, name: &str) {
    let before = (app.everything().await, ada.picture().await);
    let in_a_form = Form::of("picture", "a.png", "image/png", &png(BLUE)).field("first_name", "Ada");
    let registered = registration(name).file("picture", "a.png", "image/png", &png(BLUE));
    let (raw, form, new) = (
        ada.by(upload(png(BLUE))),
        ada.by(in_a_form.on(patch("/users/me"))),
        registered.on(post("/auth/register")),
    );
    // Uploads wait; while they do, others do not.
    tokio::join!(
        is_503(app, "alone", &raw),
        is_503(app, "in a form", &form),
        is_503(app, "a registration", &new),
        async {
            is_quick(app, &get("/health/ready"), 200).await;
            let reply = is_quick(app, &ada.by(get("/users/me")), 200).await;
            assert_eq!(reply.json()["picture"], before.1, "{name}");
            let reply = is_quick(app, &ada.by(get("/users/me/picture?size=64")), 303).await;
            assert_eq!(reply.header("location"), before.1["sizes"]["64"]);
            is_quick(app, &admin.by(get("/users/me/picture?fallback=initials")), 200).await;
        }
    );
    assert_eq!((app.everything().await, ada.picture().await), before, "{name}");
    is_quick(app, &registration(name).on(post("/auth/register")), 201).await;
    is_quick(app, &post("/auth/login").json(json!({"email": ada.email, "password": ada.password})), 200)
        .await;
}

async fn s3_fails(fail: impl Fn(&Proxy), name: &str) {
    let (app, proxy, _folder) = beside_s3().await;
    let (ada, bob, eve) =
        (app.signed_in("ada").await, app.signed_in("bob").await, app.signed_in("eve").await);
    let admin = app.admin().await;
    for person in [&ada, &bob, &eve] {
        person.uploads(png(RED)).await.must(200);
    }
    fail(&proxy);
    without_s3(&app, &ada, &admin, name).await;
    // What is removed is nobody's at once, though it lies there still.
    is_quick(&app, &bob.by(delete("/users/me/picture")), 204).await;
    is_quick(&app, &admin.by(delete(&format!("/users/{}", eve.id))), 204).await;
    assert!(bob.picture().await.is_null());
    assert!(app.keyward.collect().await.is_err() || app.count("keyward_leftovers").await > 2);
    assert_eq!(app.objects().len(), 12);

    proxy.restore();
    until("uploads", BACK, async || ada.uploads(png(BLUE)).await.status == 200).await;
    shows(&app, &ada.picture().await, BLUE).await;
    // Whoever has claimed what is due has it until the claim ends.
    app.clock.advance(CLAIM);
    app.collect().await;
    app.is_tidy_a_day_later().await;
    assert_eq!(app.hanging().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_s3), ignore = "S3 was not there when this was built")]
async fn s3_that_is_gone_takes_no_picture_and_stops_nothing_else() {
    s3_fails(Proxy::vanish, "gone").await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_s3), ignore = "S3 was not there when this was built")]
async fn s3_that_is_silent_takes_no_picture_and_stops_nothing_else() {
    s3_fails(Proxy::silence, "silent").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_s3), ignore = "S3 was not there when this was built")]
async fn s3_that_comes_and_goes_under_uploads_leaves_nothing_half() {
    let (app, proxy, _folder) = beside_s3().await;
    let ada = app.signed_in("ada").await;
    ada.uploads(png(RED)).await.must(200);
    let mut seen = [0, 0];
    for round in 0..24 {
        let (person, bytes) = (ada.clone(), png(crate::pictures::colour(round)));
        let running = tokio::spawn(async move { person.uploads(bytes).await });
        // In the midst of it, somewhere else each time.
        let begun = Instant::now();
        let moment = Duration::from_millis(3 * round as u64);
        until("the moment", BACK, async || begun.elapsed() >= moment).await;
        proxy.cut();
        let reply = running.await.unwrap();
        assert!(matches!(reply.status, 200 | 503), "{reply}");
        seen[usize::from(reply.status == 503)] += 1;
        // Whatever it was: what the profile names is whole.
        assert_eq!(app.owned().await.len(), 1);
        let picture = ada.picture().await;
        let link = picture["url"].as_str().unwrap();
        assert_eq!(crate::pictures::look(&app, link).await.status, 200);
    }
    assert!(seen[0] > 0, "{seen:?}");
    app.clock.advance(CLAIM);
    app.is_tidy_a_day_later().await;
}
