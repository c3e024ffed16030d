//! Signing keys over time: a new one is known before it signs, an old one verifies until its last token has expired.

use crate::app::{Jwt, TestApp, eventually, get};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn published(app: &TestApp) -> Vec<String> {
    let reply = app.anonymous().get("/.well-known/jwks.json").await.must(200);
    let keys = reply.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn signer(token: &str) -> String {
    Jwt::of(token).head()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn t_19_keys_overlap() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let app = TestApp::with(|setup| setup.set("tokens.algorithm", algorithm)).await;
        let ada = app.signed_in("ada").await;
        let first = published(&app).await;
        assert_eq!(first, [signer(&ada.access)]);

        app.keyward.rotate_keys().await.unwrap();
        let both = published(&app).await;
        assert_eq!((both.len(), &both[0]), (2, &first[0]), "published before it signs");
        assert_eq!(signer(&app.again(&ada).await.access), first[0]);

        app.clock.advance(5 * SECOND);
        let newer = app.again(&ada).await;
        assert_eq!(signer(&newer.access), both[1]);
        assert_eq!((ada.me().await, newer.me().await), (200, 200), "both verify");

        // The last token that the old key can have signed expires after 15 minutes; half a minute more for clocks.
        app.clock.advance(900 * SECOND + 29 * SECOND);
        assert_eq!(published(&app).await, both);
        app.clock.advance(SECOND);
        assert_eq!(published(&app).await, both[1..], "retired");
        assert_eq!(ada.me().await, 401);
        let later = ada.with(&ada.refreshes().await.must(200));
        assert_eq!(signer(&later.access), both[1], "a session outlives the key");
        assert_eq!(later.me().await, 200);
    }
}

#[tokio::test]
async fn t_19_a_key_that_was_dropped_takes_its_remembered_tokens_along() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.keyward.rotate_keys().await.unwrap();
    assert_eq!(ada.me().await, 200, "verified, and remembered");
    app.execute(&format!("DELETE FROM keyward_keys WHERE id = '{}'", signer(&ada.access))).await;
    app.keyward.load_keys().await.unwrap();
    app.refused("of a dropped key", &get("/users/me").bearer(&ada.access), 401, "invalid_token", "").await;
    let later = ada.with(&ada.refreshes().await.must(200));
    assert_eq!(later.me().await, 200);
}

#[tokio::test]
async fn t_19_a_running_service_learns_of_a_rotation_by_another_process() {
    let app = TestApp::start().await;
    let before = published(&app).await;
    let other = app.other_process().await;
    other.rotate_keys().await.unwrap();
    eventually("the new key is published", async || app.keyward.tokens.access.ring().keys().len() == 2).await;
    let both = published(&app).await;
    assert_eq!(both, app.rows("SELECT id FROM keyward_keys ORDER BY sequence").await);
    assert_eq!(both[0], before[0]);
}

#[tokio::test]
async fn keys_in_the_database_are_sealed() {
    let app = TestApp::start().await;
    let sealed = app.rows("SELECT sealed FROM keyward_keys").await;
    assert_eq!(sealed.len(), 1);
    // PKCS#8 of P-256 begins with this; sealed, it must not be found.
    let oid = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    assert!(!app.stolen().await.windows(oid.len()).any(|window| window == oid));
}

#[tokio::test]
async fn retired_keys_are_swept_in_the_end() {
    let app = TestApp::start().await;
    app.keyward.rotate_keys().await.unwrap();
    app.clock.advance(Duration::from_secs(29 * 86_400));
    app.keyward.sweep("test").await.unwrap();
    assert_eq!(app.count("keyward_keys").await, 2, "listed for those who ask afterwards");
    app.clock.advance(Duration::from_secs(2 * 86_400));
    app.keyward.sweep("test").await.unwrap();
    assert_eq!(app.count("keyward_keys").await, 1);
    assert_eq!(published(&app).await.len(), 1);
}
