//! Case F-07: servers whose clocks are apart. Within the leeway nobody notices; beyond it the server that is behind
//! refuses what the other one signs. That readiness tells of it is in `outages`.

use crate::app::{Person, Setup, TestApp, TestClock};
use serde_json::json;
use std::time::Duration;

fn one_name(setup: Setup) -> Setup {
    setup.set("tokens.issuer", "https://accounts.example.com")
}

/// A second server whose clock is so many seconds ahead of the first one's, or behind it.
async fn apart(app: &TestApp, seconds: i64) -> TestApp {
    app.second_node_at(TestClock::at((app.clock.seconds() + seconds) * 1_000_000)).await
}

/// Signed in at this server, which is asked from then on.
async fn signed_in_at(app: &TestApp, person: &Person) -> Person {
    at(app, &app.again(person).await)
}

/// The same person, who asks this server.
fn at(app: &TestApp, person: &Person) -> Person {
    Person { wire: app.sender(), ..person.clone() }
}

#[tokio::test]
async fn f_07_tokens_within_the_leeway_are_good_on_both() {
    let app = TestApp::with(one_name).await;
    for (name, seconds) in [("ahead", 29), ("behind", -29)] {
        let other = apart(&app, seconds).await;
        let here = app.signed_in(name).await;
        let there = signed_in_at(&other, &here).await;
        assert_eq!((at(&other, &here).me().await, at(&app, &there).me().await), (200, 200), "{name}");
        let here = at(&app, &there.with(&there.refreshes().await.must(200)));
        let here = here.with(&here.refreshes().await.must(200));
        at(&other, &here).post("/auth/logout", json!({})).await.must(204);
        assert_eq!((here.me().await, there.me().await), (401, 401), "{name}");
    }
}

#[tokio::test]
async fn f_07_five_minutes_apart_the_server_behind_refuses_what_the_other_one_signs() {
    let app = TestApp::with(one_name).await;
    let ahead = apart(&app, 300).await;
    let here = app.signed_in("ada").await;
    let there = signed_in_at(&ahead, &here).await;
    assert_eq!((here.me().await, there.me().await), (200, 200), "each with its own");
    assert_eq!(at(&ahead, &here).me().await, 200, "signed five minutes ago, as it seems there");
    at(&app, &there).get("/users/me").await.must(401);
    // The session is another matter: whoever refreshes at the server behind gets a token of its time.
    let back = at(&app, &there).with(&at(&app, &there).refreshes().await.must(200));
    assert_eq!((back.me().await, at(&ahead, &back).me().await), (200, 200));
    // What ends, ends on both.
    at(&ahead, &back).post("/auth/logout", json!({})).await.must(204);
    assert_eq!((back.me().await, at(&ahead, &back).me().await), (401, 401));
    back.refreshes().await.must(401);
    assert_eq!(app.noted("refresh_token_reused").await, 0);
}

#[tokio::test]
async fn f_07_a_token_ends_by_the_clock_of_whoever_is_asked() {
    let app = TestApp::with(one_name).await;
    let ahead = apart(&app, 300).await;
    let ada = app.signed_in("ada").await;
    app.clock.advance(Duration::from_secs(601));
    ahead.clock.advance(Duration::from_secs(601));
    // 15 minutes: over there, not yet here.
    assert_eq!((ada.me().await, at(&ahead, &ada).me().await), (200, 401));
    let ada = ada.with(&at(&ahead, &ada).refreshes().await.must(200));
    assert_eq!((ada.me().await, at(&ahead, &ada).me().await), (401, 200));
}

#[tokio::test]
async fn f_07_a_key_that_a_server_ahead_made_is_used_by_both() {
    let app = TestApp::with(one_name).await;
    let ahead = apart(&app, 300).await;
    let ada = app.signed_in("ada").await;
    ahead.keyward.rotate_keys().await.unwrap();
    app.keyward.load_keys().await.unwrap();
    ahead.clock.advance(Duration::from_secs(6));
    app.clock.advance(Duration::from_secs(6));
    let (here, there) = (signed_in_at(&app, &ada).await, signed_in_at(&ahead, &ada).await);
    assert_eq!((here.me().await, at(&ahead, &here).me().await), (200, 200), "signed by the old key here");
    assert_eq!((at(&app, &there).me().await, there.me().await), (401, 200), "from the future here");
    app.clock.advance(Duration::from_secs(280));
    assert_eq!(at(&app, &there).me().await, 200, "known, and within the leeway by now");
}
