//! Refresh: one lineage per session whoever races, and theft found out.

use crate::app::{Person, Reply, TestApp, all, post};
use keyward_auth::records::{Along, Session};
use keyward_auth::values::{SessionId, Timestamp, UserId};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.anonymous().post("/auth/refresh", json!({"refresh_token": token})).await
}

#[tokio::test]
async fn a_refresh_token_gives_its_successor() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.clock.advance(60 * SECOND);
    let reply = ada.refreshes().await.must(200);
    insta::assert_snapshot!(reply.shown(), @r#"
    200
    {
      "access_token": "[access token]",
      "expires_in": 900,
      "refresh_expires_in": 2592000,
      "refresh_token": "[refresh token]",
      "token_type": "bearer"
    }
    "#);
    let later = ada.with(&reply);
    assert_ne!(later.refresh, ada.refresh);
    assert_ne!(later.access, ada.access);
    assert_eq!(
        (ada.me().await, later.me().await),
        (200, 200),
        "the older access token is good until it expires"
    );
    assert_eq!(app.count("keyward_sessions").await, 1, "a session is one row");
}

#[tokio::test]
async fn every_way_to_refresh() {
    let app = TestApp::start().await;
    let mut ada = app.signed_in("ada").await;
    for path in ["/auth/refresh", "/refresh", "/refresh/"] {
        for form in [false, true] {
            let request = match form {
                true => post(path).form(&[("grant_type", "refresh_token"), ("refresh_token", &ada.refresh)]),
                false => {
                    post(path).json(json!({"refresh_token": ada.refresh, "grant_type": "refresh_token"}))
                }
            };
            ada = ada.with(&app.send(&request).await.must(200));
        }
    }
    let other = post("/auth/refresh").form(&[("grant_type", "password"), ("refresh_token", &ada.refresh)]);
    app.refused("another grant", &other, 422, "invalid", "/grant_type").await;
    app.refused("no token", &post("/auth/refresh").json(json!({})), 422, "invalid", "/refresh_token").await;
}

/// The generation of the only session that there is.
async fn generation(app: &TestApp) -> i64 {
    let [session] = &app.sessions().await[..] else { panic!("not one session") };
    session.generation
}

#[tokio::test]
async fn t_09_within_the_grace_the_successor_is_the_same() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let first = ada.refreshes().await.must(200);
    // Counted from the first use of the old token, not from its making.
    for step in [0, 5_000, 4_900] {
        app.clock.advance(Duration::from_millis(step));
        let again = ada.refreshes().await.must(200);
        assert_eq!(again.text("refresh_token"), first.text("refresh_token"));
        assert_eq!(ada.with(&again).me().await, 200);
    }
    assert_eq!(generation(&app).await, 2);
}

#[tokio::test]
async fn t_09_a_reused_refresh_token_ends_the_session() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let other = app.again(&ada).await;
    let newest = ada.with(&ada.refreshes().await.must(200));
    app.clock.advance(Duration::from_millis(10_100));
    let stolen = ada.refreshes().await.must(401);
    assert_eq!((stolen.code().as_str(), stolen.text("error").as_str()), ("invalid_grant", "invalid_grant"));
    assert_eq!(newest.refreshes().await.must(401).code(), "invalid_grant");
    assert_eq!((newest.me().await, ada.me().await), (401, 401), "its access tokens too");
    assert_eq!((other.me().await, bob.me().await), (200, 200), "other sessions are not touched");
    assert_eq!(app.count("keyward_sessions").await, 2);
    let noted = app.rows(
        "SELECT user_id FROM keyward_events WHERE kind = 'refresh_token_reused' AND session_id IS NOT NULL",
    ).await;
    assert_eq!(noted, [ada.id]);
}

#[tokio::test]
async fn t_09_two_generations_back_is_theft_at_once() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let second = ada.with(&ada.refreshes().await.must(200));
    let third = second.with(&second.refreshes().await.must(200));
    ada.refreshes().await.must(401);
    assert_eq!(third.me().await, 401);
    third.refreshes().await.must(401);
    assert_eq!(app.events().await.last().unwrap(), "refresh_token_reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t_10_twenty_racers_get_one_lineage() {
    let app = TestApp::start().await;
    let mut ada = app.signed_in("ada").await;
    for round in 0..50 {
        let replies = all((0..20).map(|_| {
            let racer = ada.clone();
            async move { racer.refreshes().await.must(200) }
        }))
        .await;
        let successors: BTreeSet<String> = replies.iter().map(|reply| reply.text("refresh_token")).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        ada = ada.with(&replies[round % 20]);
        assert_eq!(ada.me().await, 200);
    }
    assert_eq!(generation(&app).await, 51);
    assert!(!app.events().await.contains(&"refresh_token_reused".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn t_10_thieves_who_race_end_the_session_once() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    ada.refreshes().await.must(200);
    app.clock.advance(11 * SECOND);
    all((0..20).map(|_| {
        let thief = ada.clone();
        async move { thief.refreshes().await.must(401) }
    }))
    .await;
    assert_eq!(app.noted("refresh_token_reused").await, 1);
    assert_eq!(app.count("keyward_sessions").await, 0);
}

#[tokio::test]
async fn t_11_only_a_refresh_token_refreshes_and_only_an_access_token_admits() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let session = |person: &Person| person.refresh[4..40].to_owned();
    let swapped = ada.refresh.replace(&session(&ada), &session(&bob));
    let next = ada.refresh.replacen(".1.", ".2.", 1);
    let mut hostile = vec![
        ada.access.clone(),
        swapped,
        next,
        session(&ada),
        format!("kwr_{}.1.", session(&ada)),
        "kwr_".into(),
        "kwr_..".into(),
        format!("{} ", ada.refresh),
        format!("{}=", ada.refresh),
        ada.refresh.to_uppercase(),
        "x".repeat(60_000),
        format!("kwr_{}.-1.x", session(&ada)),
        format!("kwr_{}.99999999999999999999.x", session(&ada)),
        "\u{1f600}".into(),
    ];
    hostile.extend((1..=43).map(|cut| ada.refresh[..ada.refresh.len() - cut].to_owned()));
    for token in &hostile {
        let request = post("/auth/refresh").json(json!({"refresh_token": token}));
        let reply = app.refused(token, &request, 401, "invalid_grant", "").await;
        assert_eq!(reply.text("error"), "invalid_grant");
    }
    for token in [&ada.refresh, &bob.refresh] {
        let request = crate::app::get("/users/me").bearer(token);
        app.refused("as an access token", &request, 401, "invalid_token", "").await;
    }
    for wrong in [json!(7), json!(["x"]), json!({"a": 1}), json!(null), json!(true)] {
        let request = post("/auth/refresh").json(json!({"refresh_token": wrong}));
        app.refused("another type", &request, 422, "invalid", "/refresh_token").await;
    }
    refresh(&app, &ada.refresh).await.must(200);
}

#[tokio::test]
async fn t_12_a_session_ends_at_last_however_often_it_refreshes() {
    let app = TestApp::start().await;
    let mut ada = app.signed_in("ada").await;
    for _ in 0..8 {
        app.clock.advance(20 * DAY);
        ada = ada.with(&ada.refreshes().await.must(200));
    }
    // 160 of 180 days are over. What is issued now never outlives the session.
    app.clock.advance(20 * DAY - 60 * SECOND);
    let last = ada.refreshes().await.must(200);
    assert_eq!(last.json()["expires_in"], 60);
    assert_eq!(last.json()["refresh_expires_in"], 60);
    ada = ada.with(&last);
    app.clock.advance(59 * SECOND);
    assert_eq!(ada.me().await, 200);
    app.clock.advance(SECOND);
    assert_eq!(ada.me().await, 401);
    ada.refreshes().await.must(401);
}

#[tokio::test]
async fn t_12_a_session_that_is_not_used_ends() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    app.clock.advance(30 * DAY - SECOND);
    let ada = ada.with(&ada.refreshes().await.must(200));
    app.clock.advance(SECOND);
    bob.refreshes().await.must(401);
    app.clock.advance(29 * DAY);
    ada.refreshes().await.must(200);
}

#[tokio::test]
async fn t_17_a_stolen_database_refreshes_nothing() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let later = ada.with(&ada.refreshes().await.must(200));
    let stolen = app.stolen().await;
    for token in [&ada.refresh, &later.refresh, &ada.access, &later.access] {
        let proof = token.rsplit('.').next().unwrap().as_bytes();
        assert!(!stolen.windows(proof.len()).any(|window| window == proof), "a token is in the file");
    }
    let kept = app.sessions().await.remove(0);
    let numbers = [kept.epoch, kept.generation, kept.rotated_at].map(|number| number.to_string());
    let values = [&[kept.id, kept.user][..], &numbers].concat();
    for value in values.iter().chain([&values.join("|")]) {
        refresh(&app, value).await.must(401);
        let request = crate::app::get("/users/me").bearer(value);
        app.refused(value, &request, 401, "invalid_token", "").await;
    }
}

/// Whoever can write to the store of sessions is not yet whom they write there.
#[tokio::test]
async fn a_session_that_was_given_to_another_yields_no_tokens() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let sessions = &app.keyward.store.sessions;
    let now = app.keyward.clock.now();
    let adas = sessions.of_user(ada.id.parse().unwrap(), now).await.unwrap().remove(0);
    assert!(sessions.end(adas.id, adas.user, Along::default()).await.unwrap());
    let bobs = Session { user: bob.id.parse().unwrap(), ..adas };
    sessions.insert(&bobs, 100, &[]).await.unwrap();
    ada.refreshes().await.must(401);
    assert_eq!(ada.me().await, 401);
    assert_eq!(bob.me().await, 200);
}

#[tokio::test]
async fn t_18_ten_thousand_refresh_tokens_are_all_different_and_proven_at_length() {
    let app = TestApp::start().await;
    let now = Timestamp::from_micros(1_795_255_200_000_000);
    let mut proofs = BTreeSet::new();
    for i in 0..10_000 {
        let session = SessionId::new(now, app.keyward.random.as_ref());
        let user = UserId::new(now, app.keyward.random.as_ref());
        let token = app.keyward.tokens.refresh.write(session, 1 + i % 3, user);
        let proof = token.rsplit('.').next().unwrap().to_owned();
        assert_eq!(proof.len(), 48, "two proofs of 144 bits");
        assert!(proofs.insert(proof), "a proof came twice");
    }
    // Every place of the proof takes every letter: no part of it is readable.
    for place in 0..48 {
        let letters: BTreeSet<u8> = proofs.iter().map(|proof| proof.as_bytes()[place]).collect();
        assert_eq!(letters.len(), 64, "place {place}");
    }
}
