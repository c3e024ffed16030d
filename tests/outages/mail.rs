//! Redis and the database gone while mails are asked for and codes are given: nothing is promised that cannot be kept, no
//! mail is lost, and no code is better than it was.

use super::*;
use crate::app::{get, post};
use crate::codes::{Way, refused};
#[cfg(feature = "mongodb")]
use crate::stores::OwnMongo;
use crate::stores::{OwnPostgres, OwnRedis, Place};
use keyward_auth::records::MailState;
use tokio::sync::Mutex;

/// The request cannot be done now, and says so in time.
async fn is_503(app: &TestApp, what: &str, request: &Request) {
    let (reply, took) = timed(app, request).await;
    assert_eq!(reply.status, 503, "{what}: {reply}");
    assert!(took < ANSWER, "{what}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn without_redis_mails_wait_and_codes_can_not_be_told() {
    let mut redis = OwnRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let app = TestApp::on(Place::with_redis(&redis.url()).await, |setup| setup).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let (address, code) = Way::Verify.begin(&app, &ada).await;
    let link = {
        Way::Reset.ask(&app, &bob.email).await.must(202);
        let mails = app.mails_to(&bob.email).await;
        mails.last().unwrap().path()
    };

    redis.kill();
    is_503(&app, "a code", &Way::Verify.give(&address, code.as_str())).await;
    is_503(&app, "the page of a link", &get(&link)).await;
    is_503(&app, "its form", &post(&link).form(&[("password", "an entirely new phrase")])).await;
    // Whether anybody has the address is not asked now, so these can be promised.
    for email in [&ada.email, "nobody@example.com"] {
        Way::Reset.ask(&app, email).await.must(202);
    }
    // Nobody's is dropped; the other cannot be made without a place for its code.
    until("it was tried", BACK, async || {
        let mails = app.outbox().await;
        let waiting = mails.iter().filter(|mail| mail.state == MailState::Waiting && mail.reason.is_some());
        waiting.count() == 1
    })
    .await;

    redis.go_on();
    until("readiness", BACK, async || is_ready(&app).await).await;
    // The very codes of before.
    app.send(&Way::Verify.give(&address, code.as_str())).await.must(200);
    refused(&app, "once", &Way::Verify.give(&address, code)).await;
    app.send(&post(&link).form(&[("password", "an entirely new phrase")])).await.must(200);
    app.mails_to(&bob.email).await;
    app.deliver_all().await;
    let code = app.code_for(&ada.email).await;
    app.send(&Way::Reset.give(&ada.email, code)).await.must(204);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn codes_that_redis_has_forgotten_lead_nowhere_and_others_can_be_had() {
    let redis = OwnRedis::start(&[]);
    let app = TestApp::on(Place::with_redis(&redis.url()).await, |setup| setup).await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
        let (address, code) = way.begin(&app, &person).await;
        redis.tell(&["FLUSHALL"]);
        refused(&app, "forgotten", &way.give(&address, code)).await;
        way.ask(&app, &address).await.must(202);
        let code = app.code_for(&address).await;
        app.send(&way.give(&address, code)).await.must(way.done());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_postgres), ignore = "PostgreSQL was not there when this was built")]
async fn without_postgres_nothing_is_promised_and_what_waited_goes_out_afterwards() {
    let postgres = OwnPostgres::start().await;
    let place = Place::on_postgres(&postgres.url());
    let postgres = Mutex::new(postgres);
    let (kill, go_on) = (async || postgres.lock().await.kill(), async || postgres.lock().await.go_on().await);
    without_the_database(place, kill, go_on).await;
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn without_mongodb_nothing_is_promised_and_what_waited_goes_out_afterwards() {
    let mongo = OwnMongo::start();
    let place = Place::on_mongo(&mongo.url()).await;
    let mongo = Mutex::new(mongo);
    let (kill, go_on) = (async || mongo.lock().await.kill(), async || mongo.lock().await.go_on());
    without_the_database(place, kill, go_on).await;
}

async fn without_the_database(place: Place, kill: impl AsyncFnOnce(), go_on: impl AsyncFnOnce()) {
    let app = TestApp::on(place, |setup| setup).await;
    let ada = app.signed_in("ada").await;
    let (address, code) = Way::Verify.begin(&app, &ada).await;
    kill().await;
    for email in [&ada.email, "nobody@example.com"] {
        let body = serde_json::json!({"email": email});
        is_503(&app, "forgot", &post("/auth/password/forgot").json(body.clone())).await;
        is_503(&app, "resend", &post("/auth/verify/resend").json(body)).await;
    }
    is_503(&app, "a code", &Way::Verify.give(&address, code.as_str())).await;
    go_on().await;
    until("readiness", BACK, async || is_ready(&app).await).await;
    app.send(&Way::Verify.give(&address, code)).await.must(200);
    // The worker has noticed as well.
    Way::Reset.ask(&app, &ada.email).await.must(202);
    until("the mail", Duration::from_secs(40), async || {
        app.outbox().await.iter().all(|mail| mail.state == MailState::Sent)
    })
    .await;
    assert!(app.mail_to(&ada.email).await.has_code());
}
