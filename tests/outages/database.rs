//! A database server gone, silent, slow, cut off: what is so whichever it is.

use super::*;
use crate::app::Setup;
use crate::stores::{Kind, Place, Proxy, through_proxy};
use std::path::PathBuf;

/// The service on a server behind a proxy.
pub(super) async fn behind_proxy(kind: Kind, prepare: impl FnOnce(Setup) -> Setup) -> (TestApp, Proxy) {
    let place = Place::empty(kind, PathBuf::new()).await;
    let (_, url) = place.settings().into_iter().find(|(key, _)| *key == "store.url").unwrap();
    let (proxy, url) = through_proxy(&url);
    (TestApp::on(place, |setup| prepare(setup.set("store.url", &url))).await, proxy)
}

async fn lasts(begun: Instant) {
    until("the end of the outage", 2 * OUTAGE, async || begun.elapsed() > OUTAGE).await;
}

/// Everybody is refused in time for as long as this lasts, and served soon after.
pub(super) async fn outage(app: &TestApp, load: &Load, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    let begun = Instant::now();
    begin().await;
    load.all_refused().await;
    let (status, detail) = readiness(app).await;
    let expected = format!("{} does not answer, or cannot be written", app.place().name());
    assert_eq!((status, detail), (503, expected));
    app.anonymous().get("/health/live").await.must(200);
    app.anonymous().get("/openapi.json").await.must(200);
    lasts(begun).await;
    load.all_refused().await;
    end().await;
    let back = load.all_served().await;
    assert!(is_ready(app).await, "everybody was served after {back:?}");
}

/// Nobody listens, or nobody answers.
pub(super) async fn gone(kind: Kind) {
    let (app, proxy) = behind_proxy(kind, |setup| setup).await;
    let load = Load::on(&app).await;
    outage(&app, &load, async || proxy.vanish(), async || proxy.restore()).await;
    outage(&app, &load, async || proxy.silence(), async || proxy.restore()).await;
    load.end(&app, ANSWER).await;
}

/// What was on its way when the line broke is not claimed.
pub(super) async fn broken(kind: Kind) {
    let (app, proxy) = behind_proxy(kind, |setup| setup).await;
    let load = Load::on(&app).await;
    // Everything is on its way for some time, and most of what breaks breaks there.
    proxy.delay(Duration::from_millis(5));
    for count in 0..30 {
        load.served(Habit::Registers, 2 + count % 3).await;
        proxy.cut();
    }
    proxy.restore();
    load.all_served().await;
    load.end(&app, ANSWER).await;
}

/// A slow server is waited for, and one that is too slow is not.
pub(super) async fn slow(kind: Kind) {
    let (app, proxy) = behind_proxy(kind, |setup| setup.set("store.timeout", "2s")).await;
    let load = Load::on(&app).await;
    // There and back: a tenth of a second for each question.
    proxy.delay(Duration::from_millis(50));
    for _ in 0..2 {
        load.all_served().await;
    }
    until("readiness", BACK, async || is_ready(&app).await).await;
    outage(&app, &load, async || proxy.delay(Duration::from_millis(1100)), async || proxy.restore()).await;
    load.end(&app, ANSWER).await;
}
