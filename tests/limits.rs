//! How often one address may ask for what is costly: the numbers as shipped, who shares them, and what a client sees.

use crate::app::{Reply, Request, TestApp, delete, get, patch, post, put};
use crate::change_email::proven;
use crate::codes::Way;
use async_trait::async_trait;
use keyward_auth::records::{Bucket, Counters, StoreError, Taken};
use keyward_auth::values::Timestamp;
use serde_json::json;
use std::time::Duration;

/// A sign-in that will be refused, of a name of its own: so nothing but the address is counted twice.
fn guess(number: usize) -> Request {
    post("/auth/login").json(json!({"email": format!("nobody{number}@example.com"), "password": "a guess"}))
}

fn registration(number: usize) -> Request {
    let body = json!({"email": format!("new{number}@example.com"), "password": "a long enough one"});
    post("/auth/register").json(body)
}

fn from(address: &str, request: Request) -> Request {
    request.header("x-forwarded-for", address)
}

async fn behind_a_proxy(passwords: &str) -> TestApp {
    let trusted = |setup: crate::app::Setup| setup.limits_as_shipped().behind("127.0.0.1");
    TestApp::with(|setup| trusted(setup).set("limits.passwords", passwords)).await
}

fn seconds(reply: &Reply) -> Duration {
    Duration::from_secs(reply.header("retry-after").parse().unwrap())
}

#[tokio::test]
async fn ten_times_in_an_hour_one_ends_all_of_ones_sessions() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    let mut ada = app.signed_in("ada").await;
    for number in 0..10 {
        let new = format!("phrase number {number}");
        match number % 3 {
            0 => drop(
                ada.put("/users/me", json!({"password": new, "current_password": ada.password}))
                    .await
                    .must(200),
            ),
            1 => {
                let change = json!({"password": new, "current_password": ada.password});
                ada = ada.with(&ada.post("/auth/password/change", change).await.must(200));
            }
            _ => drop(ada.post("/auth/logout", json!({"everywhere": true})).await.must(204)),
        }
        if number % 3 != 2 {
            ada.password = new;
        }
        ada = app.again(&ada).await;
    }
    // What sets a password without the old one is not counted, and now nobody who knows that one voids it.
    app.mails_to(&ada.email).await;
    let (address, code) = Way::Reset.begin(&app, &ada).await;
    let more = json!({"password": "one too many", "current_password": ada.password});
    for request in [
        put("/users/me").json(more.clone()),
        post("/auth/password/change").json(more),
        post("/auth/logout").json(json!({"everywhere": true})),
    ] {
        let reply = app.refused("one more", &ada.by(request), 429, "rate_limited", "").await;
        assert_eq!(reply.header("retry-after"), "360");
    }
    // Signing out here is no matter of all sessions.
    app.again(&ada).await.post("/auth/logout", json!({})).await.must(204);
    app.send(&Way::Reset.give(&address, code)).await.must(204);
}

/// Else whoever knows the password could keep its owner from ending the sessions.
#[tokio::test]
async fn an_end_of_all_sessions_that_comes_to_nothing_is_not_counted() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    bob.put("/users/me", json!({"username": "bobby"})).await.must(200);
    let taken = json!({"password": "another of them", "current_password": ada.password, "username": "bobby"});
    for _ in 0..12 {
        app.refused("taken", &ada.by(put("/users/me").json(taken.clone())), 409, "taken", "/username").await;
    }
    ada.post("/auth/logout", json!({"everywhere": true})).await.must(204);
}

/// Who knows the password has all mails of the day sent, and voids them.
#[tokio::test]
async fn whoever_ends_all_sessions_leaves_a_mail_that_sets_a_password() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    let ada = proven(&app, "ada").await;
    for _ in 0..2 {
        for _ in 0..5 {
            Way::Reset.ask(&app, &ada.email).await.must(202);
        }
        Way::Reset.ask(&app, &ada.email).await.must(429);
        app.clock.advance(Duration::from_secs(3600));
    }
    Way::Reset.ask(&app, &ada.email).await.must(429);
    let ada = app.again(&ada).await;
    let change = json!({"password": "what the thief says", "current_password": ada.password});
    ada.post("/auth/password/change", change).await.must(200);
    app.mails_to(&ada.email).await;
    let (address, code) = Way::Reset.begin(&app, &ada).await;
    Way::Reset.ask(&app, &ada.email).await.must(429);
    app.send(&Way::Reset.give(&address, code)).await.must(204);
    // An address that nobody has proven is sent no more for that.
    let bob = app.signed_in("bob").await;
    for _ in 0..5 {
        Way::Reset.ask(&app, &bob.email).await.must(202);
    }
    bob.post("/auth/logout", json!({"everywhere": true})).await.must(204);
    Way::Reset.ask(&app, &bob.email).await.must(429);
}

#[tokio::test]
async fn a_hundred_and_twenty_requests_that_hash_in_a_minute() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    for number in 0..120 {
        let reply = app.send(&guess(number)).await.must(401);
        assert_eq!(reply.header("ratelimit-policy"), "\"passwords\";q=120;w=60");
        // Each comes back after half a second.
        let (left, full_in) = (119 - number, (number + 2) / 2);
        assert_eq!(reply.header("ratelimit"), format!("\"passwords\";r={left};t={full_in}"));
    }
    let work = app.hasher.work();
    let reply = app.refused("one more", &guess(120), 429, "rate_limited", "").await;
    assert_eq!((reply.header("retry-after"), reply.header("ratelimit")), ("1", "\"passwords\";r=0;t=1"));
    insta::assert_snapshot!(reply.shown(), @r#"
    429
    {
      "code": "rate_limited",
      "detail": "too many tries; wait as many seconds as Retry-After says",
      "error": "temporarily_unavailable",
      "error_description": "too many tries; wait as many seconds as Retry-After says",
      "instance": "[request]",
      "status": 429,
      "title": "Too many requests",
      "type": "urn:keyward:problem:rate_limited"
    }
    "#);
    app.clock.advance(seconds(&reply));
    for number in 121..123 {
        app.send(&guess(number)).await.must(401);
    }
    app.send(&guess(123)).await.must(429);
    assert_eq!(app.hasher.work(), work + 2, "who is refused costs no hash");
}

#[tokio::test]
async fn every_route_that_hashes_shares_the_limit_and_no_other_has_one() {
    let app = TestApp::with(|setup| setup.set("limits.scale", "1").set("limits.passwords", "4")).await;
    let link = format!("/setup/{}", app.keyward.setup.expose());
    app.send(&post(&link).form(&[("email", "root@example.com"), ("password", "root keeps a long secret")]))
        .await
        .must(200);
    let (ada, root) = (app.signed_in("ada").await, app.sign_in("root", "").await);
    let secret = json!({"password": "another long secret"});
    let limited = [
        ("login", guess(0)),
        ("its alias", post("/login").json(json!({"login": "ada", "password": ada.password}))),
        ("as a form", post("/login/").form(&[("username", "ada"), ("password", &ada.password)])),
        ("register", registration(0)),
        ("its alias", post("/register").json(json!({"email": "x@example.com", "password": "long enough"}))),
        ("create", root.by(post("/users").json(json!({"username": "someone", "password": "long enough"})))),
        ("put", ada.by(put("/users/me").json(secret.clone()))),
        ("its alias", ada.by(put("/profile").json(json!({"current_password": ada.password})))),
        ("by id", ada.by(put(&format!("/profile/{}", ada.id)).json(secret.clone()))),
        ("patch", ada.by(patch("/users/ada").json(secret))),
        ("delete", ada.by(delete("/users/me").json(json!({"password": ada.password})))),
        (
            "change",
            ada.by(post("/auth/password/change")
                .json(json!({"current_password": ada.password, "password": "another secret"}))),
        ),
    ];
    let work = app.hasher.work();
    for (name, request) in &limited {
        let reply = app.refused(name, request, 429, "rate_limited", "").await;
        assert_eq!(reply.header("retry-after"), "15", "{name}");
        assert_eq!(reply.header("ratelimit"), "\"passwords\";r=0;t=15", "{name}");
    }
    assert_eq!(app.hasher.work(), work);
    // What costs nothing is not counted, and is not said to be.
    for request in [
        get("/users/me"),
        get("/users/me/sessions"),
        put("/users/me").json(json!({"first_name": "Ada"})),
        post("/auth/refresh").json(json!({"refresh_token": ada.refresh})),
    ] {
        let reply = app.send(&ada.by(request)).await.must(200);
        assert!(!reply.headers.contains_key("ratelimit"), "{reply}");
    }
    // Neither is what is malformed, which is refused as before.
    for body in [json!({"email": "x@example.com"}), json!({"email": 1, "password": "x"})] {
        let reply = app.send(&post("/auth/login").json(body)).await.must(422);
        assert!(!reply.headers.contains_key("ratelimit"), "{reply}");
    }
    app.send(&post("/auth/login").body("application/json", "{")).await.must(400);
}

#[tokio::test]
async fn sixty_registrations_in_an_hour() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    for number in 0..60 {
        let reply = app.send(&registration(number)).await.must(201);
        let policies = "\"registrations\";q=60;w=3600, \"passwords\";q=120;w=60";
        assert_eq!(reply.header("ratelimit-policy"), policies);
        let first = format!("\"registrations\";r={};t={}, ", 59 - number, 60 * (number + 1));
        assert!(reply.header("ratelimit").starts_with(&first), "{reply}");
    }
    for _ in 0..5 {
        let reply = app.refused("the next", &registration(60), 429, "rate_limited", "").await;
        assert_eq!(reply.header("retry-after"), "60");
        assert_eq!(reply.header("ratelimit"), "\"registrations\";r=0;t=60");
    }
    let reply = app.send(&guess(0)).await.must(401);
    assert_eq!(reply.header("ratelimit"), "\"passwords\";r=59;t=31", "the refused took nothing elsewhere");
    app.clock.advance(Duration::from_secs(59));
    app.send(&registration(61)).await.must(429);
    app.clock.advance(Duration::from_secs(1));
    app.send(&registration(61)).await.must(201);
    app.send(&registration(62)).await.must(429);
}

#[tokio::test]
async fn l_01_no_header_of_a_client_makes_it_another() {
    let app = TestApp::with(|setup| setup.set("limits.scale", "1").set("limits.passwords", "20")).await;
    let spoofed = |number: usize| {
        let address = format!("203.0.113.{number}");
        let request = guess(number).header("x-forwarded-for", &address).header("x-real-ip", &address);
        request.header("forwarded", &format!("for={address}")).header("cf-connecting-ip", &address)
    };
    for number in 0..20 {
        app.send(&spoofed(number)).await.must(401);
    }
    app.send(&spoofed(20)).await.must(429);
    assert_eq!(app.rows("SELECT DISTINCT address FROM keyward_events").await, ["127.0.0.1"]);
}

#[tokio::test]
async fn l_02_behind_a_proxy_the_rightmost_address_counts() {
    let app = behind_a_proxy("20").await;
    for number in 0..20 {
        app.send(&from(&format!("198.51.100.{number}, 203.0.113.9"), guess(number))).await.must(401);
    }
    app.send(&from("198.51.100.99, 203.0.113.9", guess(20))).await.must(429);
    app.send(&from("203.0.113.10", guess(20))).await.must(401);
}

#[tokio::test]
async fn a_network_has_eight_times_as_much_as_one_of_its_addresses() {
    for (host, same, outside) in [
        ("203.0.113.N", "::ffff:203.0.113.N", "203.0.114.1"),
        ("2001:db8:1:N::1", "2001:db8:1:N:ffff::", "2001:db8:2::1"),
    ] {
        let app = behind_a_proxy("2").await;
        for number in 0..8 {
            let [host, same] = [host, same].map(|address| address.replace('N', &number.to_string()));
            app.send(&from(&host, guess(number))).await.must(401);
            app.send(&from(&same, guess(number))).await.must(401);
            let reply = app.send(&from(&host, guess(number))).await.must(429);
            assert_eq!(seconds(&reply), Duration::from_secs(30));
        }
        let reply = app.send(&from(&host.replace('N', "9"), guess(9))).await.must(429);
        assert_eq!(seconds(&reply), Duration::from_secs(4), "60 s for 16, rounded up");
        app.send(&from(outside, guess(9))).await.must(401);
        app.clock.advance(Duration::from_secs(4));
        let reply = app.send(&from(&host.replace('N', "9"), guess(9))).await.must(401);
        assert_eq!(reply.header("ratelimit"), "\"passwords\";r=0;t=60", "as the network stands");
    }
}

#[tokio::test]
async fn l_04_one_address_with_one_guess_at_each_of_many() {
    let app = TestApp::with(|setup| setup.limits_as_shipped().set("limits.passwords", "10000")).await;
    let ada = app.signed_in("ada").await;
    for number in 0..199 {
        app.send(&guess(number)).await.must(401);
    }
    // Who is right has not guessed.
    app.login(&ada.email, &ada.password).await.must(200);
    app.send(&guess(199)).await.must(401);
    for request in [guess(200), guess(0)] {
        let reply = app.refused("the next", &request, 429, "rate_limited", "").await;
        assert_eq!(seconds(&reply), Duration::from_secs(18));
    }
    // What is refused takes nothing from the account either.
    for _ in 0..30 {
        app.login(&ada.email, &ada.password).await.must(429);
    }
    app.clock.advance(Duration::from_secs(18));
    app.login(&ada.email, &ada.password).await.must(200);
    app.send(&guess(200)).await.must(401);
    app.send(&guess(201)).await.must(429);
}

/// Counters whose store is gone.
struct Gone;

#[async_trait]
impl Counters for Gone {
    async fn take(&self, _: &[Bucket], _: Timestamp) -> Result<Vec<Taken>, StoreError> {
        Err(StoreError::Backend("the counters are gone".into()))
    }

    async fn give_back(&self, _: &[Bucket], _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::Backend("the counters are gone".into()))
    }
}

#[tokio::test]
async fn counters_that_fail_shut_nobody_out() {
    let app = TestApp::with(|setup| setup.limits_as_shipped().counters(Gone)).await;
    let ada = app.signed_in("ada").await;
    for _ in 0..30 {
        app.login(&ada.email, "wrong").await.must(401);
        app.login(&ada.email, &ada.password).await.must(200);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_how_it_stands() {
    let origin = "https://app.example.com";
    let app = TestApp::with(|setup| setup.set("http.cors_origins", origin)).await;
    let reply = app.send(&guess(0).header("origin", origin)).await.must(401);
    let exposed = reply.header("access-control-expose-headers").to_lowercase();
    for name in ["ratelimit", "ratelimit-policy", "retry-after", "x-request-id", "etag", "location"] {
        assert!(exposed.split(',').any(|one| one.trim() == name), "{name}: {exposed}");
    }
}
