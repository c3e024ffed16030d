//! Two servers on the same stores are one service: what one does, the other knows, and where both do it at once, one does.

use crate::app::{Person, Setup, TestApp, all, eventually, get, post};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Behind one name, as servers of one service are.
fn one_name(setup: Setup) -> Setup {
    setup.set("tokens.issuer", "https://accounts.example.com")
}

async fn two() -> (TestApp, TestApp) {
    let one = TestApp::with(one_name).await;
    let other = one.second_node().await;
    (one, other)
}

/// The same person, who asks this server.
fn at(app: &TestApp, person: &Person) -> Person {
    Person { wire: app.sender(), ..person.clone() }
}

#[tokio::test]
async fn what_one_does_the_other_knows_at_once() {
    let (one, other) = two().await;
    let body = json!({"email": "ada@example.com", "password": "ada keeps a long secret"});
    let id = one.anonymous().post("/auth/register", body.clone()).await.must(201).text("id");
    other.anonymous().post("/auth/register", body).await.must(409);
    let there = other.sign_in("ada", &id).await;
    let here = at(&one, &there);
    assert_eq!((here.me().await, there.me().await), (200, 200));

    here.put("/users/me", json!({"first_name": "Ada"})).await.must(200);
    assert_eq!(there.get("/users/me").await.text("first_name"), "Ada");
    here.post("/auth/logout", json!({})).await.must(204);
    assert_eq!(there.me().await, 401);
    there.refreshes().await.must(401);

    let (there, second) = (other.sign_in("ada", &id).await, at(&one, &one.sign_in("ada", &id).await));
    second.post("/auth/logout", json!({"everywhere": true})).await.must(204);
    assert_eq!((there.me().await, second.me().await), (401, 401));
}

#[tokio::test]
async fn tries_are_counted_together_where_they_are_kept_together() {
    let one = TestApp::with(|setup| one_name(setup).limits_as_shipped()).await;
    let other = one.second_node().await;
    let mut compared = 0;
    for number in 0..30 {
        let app = if number % 2 == 0 { &one } else { &other };
        compared += usize::from(app.login("nobody@example.com", "wrong").await.status == 401);
    }
    let shared = one.place().stay_of_sessions().await.is_some();
    assert_eq!(compared, if shared { 10 } else { 20 });
}

#[tokio::test]
async fn roles_and_disabled_users_act_on_the_other_at_once() {
    let (one, other) = two().await;
    let (admin, ada) = (one.admin().await, other.signed_in("ada").await);
    let path = format!("/users/{}", ada.id);
    assert_eq!(ada.get("/users").await.status, 403);
    admin.patch(&path, json!({"roles": ["admin", "user"]})).await.must(200);
    ada.get("/users").await.must(200);
    admin.patch(&path, json!({"roles": ["user"]})).await.must(200);
    assert_eq!(ada.get("/users").await.status, 403);
    admin.patch(&path, json!({"status": "disabled"})).await.must(200);
    assert_eq!(ada.me().await, 401);
    other.login(&ada.email, &ada.password).await.must(401);
    admin.patch(&path, json!({"status": "active"})).await.must(200);
    let ada = other.again(&ada).await;
    admin.delete(&path).await.must(204);
    assert_eq!(ada.me().await, 401);
}

async fn published(app: &TestApp) -> Vec<String> {
    let keys = app.anonymous().get("/.well-known/jwks.json").await.must(200).json()["keys"].clone();
    keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_rotated_key_is_known_to_the_other_within_about_a_second() {
    let (one, other) = two().await;
    let ada = one.signed_in("ada").await;
    one.keyward.rotate_keys().await.unwrap();
    let begun = Instant::now();
    eventually("both keys are published by the other", async || published(&other).await.len() == 2).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(published(&one).await, published(&other).await);
    // It signs five seconds after it was added, and by then everybody knows it.
    one.clock.advance(Duration::from_secs(6));
    let ada = ada.with(&ada.refreshes().await.must(200));
    assert_eq!((ada.me().await, at(&other, &ada).me().await), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_name_that_is_wanted_on_both_is_given_once() {
    let (one, other) = two().await;
    for round in 0..20 {
        let name = format!("racer{round}");
        let racers = (0..10).map(|racer| {
            let app = if racer % 2 == 0 { &one } else { &other };
            // Every letter in either case.
            let spelled: String = name
                .char_indices()
                .map(
                    |(at, letter)| {
                        if (racer >> (at % 4)) % 2 == 0 { letter } else { letter.to_ascii_uppercase() }
                    },
                )
                .collect();
            let (sender, password) = (app.sender(), "a long enough one");
            let body = match racer % 4 {
                0 | 1 => json!({"email": format!("{spelled}@example.com"), "password": password}),
                _ => {
                    json!({"email": format!("{name}@EXAMPLE.com"), "username": spelled, "password": password})
                }
            };
            async move { sender.send(&post("/auth/register").json(body)).await.status }
        });
        let statuses = all(racers.collect::<Vec<_>>()).await;
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
        assert_eq!(one.count("keyward_users").await, round + 1);
    }
    assert_eq!(one.noted("registered").await, 20, "one event for one user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_on_both_makes_one_lineage() {
    let (one, other) = two().await;
    let mut ada = one.signed_in("ada").await;
    for round in 0..20 {
        let racers = (0..10).map(|racer| {
            let racer = at(if racer % 2 == 0 { &one } else { &other }, &ada);
            async move { racer.refreshes().await.must(200) }
        });
        let replies = all(racers.collect::<Vec<_>>()).await;
        let successors: BTreeSet<String> = replies.iter().map(|reply| reply.text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        ada = ada.with(&replies[round % 10]);
        assert_eq!((at(&one, &ada).me().await, at(&other, &ada).me().await), (200, 200));
    }
    let [session] = &one.sessions().await[..] else { panic!("not one session") };
    assert_eq!(session.generation, 21);
    assert_eq!(one.noted("refresh_token_reused").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_start_at_once_on_nothing_are_one_service() {
    for _ in 0..5 {
        let (one, other) = TestApp::two_at_once(one_name).await;
        assert_eq!(published(&one).await, published(&other).await);
        assert_eq!(one.count("keyward_keys").await, 1);
        let ada = one.signed_in("ada").await;
        assert_eq!(at(&other, &ada).me().await, 200);
        at(&other, &ada).refreshes().await.must(200);

        // Each printed a link of its own; one administrator is all there can be.
        let root = |app: &TestApp, name: &str| {
            let form = [("email", format!("{name}@example.com")), ("password", "a long enough one".into())];
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let request = post(&format!("/setup/{}", app.keyward.setup.expose())).form(&form);
            let sender = app.sender();
            async move { sender.send(&request).await.status }
        };
        let mut statuses = [root(&one, "one"), root(&other, "other")].map(tokio::spawn).map(Some);
        let mut got = Vec::new();
        for status in &mut statuses {
            got.push(status.take().unwrap().await.unwrap());
        }
        got.sort_unstable();
        assert_eq!(got, [200, 404]);
        for app in [&one, &other] {
            let link = format!("/setup/{}", app.keyward.setup.expose());
            app.send(&get(&link)).await.must(404);
        }
    }
}

/// Who has the lease of the sweep.
async fn sweepers(app: &TestApp) -> Vec<String> {
    app.rows("SELECT holder FROM keyward_leases WHERE name = 'sweep'").await
}

/// Leaves one event behind that any sweep would take.
async fn age(app: &TestApp) {
    app.execute("DELETE FROM keyward_events").await;
    app.login("nobody@example.com", "not the password").await.must(401);
    app.execute("UPDATE keyward_events SET happened_at = 1").await;
}

#[tokio::test]
async fn one_sweeps_at_a_time() {
    let (one, other) = two().await;
    eventually("the first sweep", async || !sweepers(&one).await.is_empty()).await;
    // The lease of whoever it was runs out; that of the other server as well, should it come to its first sweep by then.
    eventually("one sweeps", async || {
        one.clock.advance(Duration::from_secs(200));
        age(&one).await;
        one.keyward.sweep("one").await.unwrap();
        (one.count("keyward_events").await, sweepers(&one).await) == (0, vec!["one".to_owned()])
    })
    .await;

    age(&one).await;
    other.keyward.sweep("other").await.unwrap();
    assert_eq!((one.count("keyward_events").await, sweepers(&one).await), (1, vec!["one".to_owned()]));
    one.keyward.sweep("one").await.unwrap();
    assert_eq!(one.count("keyward_events").await, 0, "who has the lease goes on");

    // Who ends without a word is replaced in time, and who says so at once.
    age(&one).await;
    one.clock.advance(Duration::from_secs(200));
    other.keyward.sweep("other").await.unwrap();
    assert_eq!((one.count("keyward_events").await, sweepers(&one).await), (0, vec!["other".to_owned()]));
    age(&one).await;
    other.keyward.stop_sweeping("other").await.unwrap();
    one.keyward.sweep("one").await.unwrap();
    assert_eq!((one.count("keyward_events").await, sweepers(&one).await), (0, vec!["one".to_owned()]));
}

#[tokio::test]
async fn who_stops_leaves_the_sweeping_to_others() {
    let one = TestApp::with(one_name).await;
    eventually("the first sweep", async || !sweepers(&one).await.is_empty()).await;
    let first = sweepers(&one).await;
    let other = one.second_node().await;
    one.stop().await;
    // The other may be at it by now.
    assert_ne!(sweepers(&other).await, first);
    let known: Value = other.anonymous().get("/health/ready").await.must(200).json();
    assert_eq!(known["status"], "ok", "{known}");
}
