//! When the server breaks: an error in time, nothing done twice, nothing acknowledged that is not durable, and all is well again
//! without a restart.

use crate::administrators::{assert_settled, guard, id};
use crate::place::{BRIEF, Place, SOON, is_backend, until};
use crate::wire::{Act, Wire, is_about_data};
use keyward_auth::records::{Along, Change, EventKind, Store, StoreError, User};
use keyward_store::conformance::sample::*;
use mongodb::bson::{Document, doc};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

struct Scene {
    _place: Place,
    wire: Wire,
    store: Store,
    ada: User,
}

async fn scene() -> Scene {
    scene_within(BRIEF).await
}

async fn scene_within(limit: Duration) -> Scene {
    let place = Place::new();
    let ada = kept(&place.store().await, user(1)).await;
    let wire = Wire::to(&place.server).await;
    let store = place.through_within(&wire, limit).await;
    Scene { _place: place, wire, store, ada }
}

fn renaming() -> Change {
    Change { first_name: Some(None), ..Change::default() }
}

impl Scene {
    /// A read, two kinds of writes and an intention of several.
    async fn outcomes(&self, number: u64) -> Vec<Result<(), StoreError>> {
        let (store, ada) = (&self.store, &self.ada);
        let events = [event(number, EventKind::SignedIn, ada.id)];
        vec![
            store.users.by_id(ada.id).await.map(drop),
            store.users.insert(&user(number), Along::default()).await,
            store.users.change(ada.id, &renaming(), second(9), Along::default()).await.map(drop),
            store.sessions.insert(&session(number, ada), 9, &events).await,
            store.parts[0].check().await.map(drop),
        ]
    }

    /// The one who is changed, as soon as she can be read.
    async fn ada_now(&self) -> User {
        let mut ada = None;
        until(async || {
            ada = self.store.users.by_id(self.ada.id).await.ok().flatten();
            ada.is_some()
        })
        .await;
        ada.unwrap()
    }

    /// All of that, with numbers from this one on: soon, and with nobody's help.
    async fn all_is_well(&self, mut number: u64) {
        until(async || {
            number += 1;
            self.outcomes(number).await.iter().all(Result::is_ok)
        })
        .await;
    }

    /// Counts those commands, and gives them these answers until there are none left.
    fn answer(&self, command: &'static str, mut answers: Vec<Document>) -> Arc<AtomicUsize> {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = count.clone();
        self.wire.obey(move |name| {
            if name != command {
                return Act::Pass;
            }
            seen.fetch_add(1, Ordering::SeqCst);
            answers.pop().map_or(Act::Pass, Act::Answer)
        });
        count
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whatever_becomes_of_the_connection_it_is_told_in_time_and_mends_itself() {
    let scene = scene().await;
    for (number, act) in [Act::Cut, Act::Lost, Act::Torn, Act::Swallow].into_iter().enumerate() {
        let number = 100 * (number as u64 + 1);
        scene.wire.all(act);
        let begun = Instant::now();
        for outcome in scene.outcomes(number).await {
            let Err(StoreError::Backend(text)) = outcome else { panic!("{outcome:?}") };
            assert!(text.starts_with("mongodb: ") && text.len() < 200, "{text}");
        }
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        scene.wire.pass();
        scene.all_is_well(number + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_server_that_has_stepped_down_is_no_server_until_it_is_back() {
    let scene = scene().await;
    let refusal = doc! {
        "ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary",
        "errorLabels": ["RetryableWriteError"],
    };
    scene.wire.obey(move |name| match name {
        "hello" | "isMaster" | "ismaster" => Act::change(|hello| {
            for field in ["ismaster", "isWritablePrimary"] {
                hello.insert(field, false);
            }
            hello.insert("secondary", true);
            hello.insert("setName", "rs0");
        }),
        name if is_about_data(name) => Act::Answer(refusal.clone()),
        _ => Act::Pass,
    });
    for outcome in scene.outcomes(100).await {
        assert!(is_backend(&outcome), "{outcome:?}");
    }
    scene.wire.pass();
    scene.all_is_well(101).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_write_that_lost_a_race_is_tried_again_and_not_for_ever() {
    let scene = scene_within(SOON).await;
    let conflict = || doc! { "ok": 0.0, "code": 112, "codeName": "WriteConflict", "errmsg": "canary" };
    let change =
        async || scene.store.users.change(scene.ada.id, &renaming(), second(9), Along::default()).await;
    let count = scene.answer("findAndModify", vec![conflict(); 3]);
    change().await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 4);
    let count = scene.answer("findAndModify", vec![conflict(); 1000]);
    let Err(StoreError::Backend(text)) = change().await else { panic!("it was done") };
    assert!(text.contains("in the way") && !text.contains("canary"), "{text}");
    assert!(count.load(Ordering::SeqCst) < 20);
    // What is not known to have been left undone is not.
    for refusal in [
        doc! { "ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "canary" },
        doc! { "ok": 0.0, "code": 189, "codeName": "PrimarySteppedDown", "errmsg": "canary" },
    ] {
        let count = scene.answer("findAndModify", vec![refusal]);
        assert!(is_backend(&change().await));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        scene.wire.pass();
        until(async || scene.store.parts[0].check().await.is_ok()).await;
    }
    // As it is told where many could have been written.
    let within = doc! { "ok": 1.0, "n": 0, "writeErrors": [{ "index": 0, "code": 112, "errmsg": "canary" }] };
    let count = scene.answer("insert", vec![within; 2]);
    scene.store.users.insert(&user(100), Along::default()).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_write_that_may_have_been_done_is_not_done_again() {
    let scene = scene().await;
    for act in [Act::Lost, Act::Torn] {
        let before = scene.ada_now().await;
        let count = Arc::new(AtomicUsize::new(0));
        let seen = count.clone();
        scene.wire.obey(move |name| match name {
            "findAndModify" => {
                seen.fetch_add(1, Ordering::SeqCst);
                act.clone()
            }
            _ => Act::Pass,
        });
        let changed = scene.store.users.change(scene.ada.id, &renaming(), second(9), Along::default()).await;
        assert!(is_backend(&changed), "{changed:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        scene.wire.pass();
        let after = scene.ada_now().await;
        assert_eq!(after.version, before.version + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_is_not_on_enough_servers_is_not_acknowledged() {
    let scene = scene().await;
    scene.wire.obey(|name| match name {
        "insert" => Act::change(|answer| {
            let error =
                doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication" };
            answer.insert("writeConcernError", error);
        }),
        _ => Act::Pass,
    });
    let Err(StoreError::Backend(text)) = scene.store.users.insert(&user(2), Along::default()).await else {
        panic!("it was acknowledged")
    };
    assert!(text.contains("not by enough servers"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_hangs_up_stops_no_write_and_costs_no_connection() {
    let scene = scene().await;
    scene.outcomes(100).await;
    let (begun, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, new) = (begun.clone(), opened.clone());
    scene.wire.obey(move |name| {
        seen.fetch_add(usize::from(name == "findAndModify" || name == "find"), Ordering::SeqCst);
        new.fetch_add(usize::from(name == "saslStart"), Ordering::SeqCst);
        Act::Pass
    });
    for round in 1..=20 {
        let before = begun.load(Ordering::SeqCst);
        let (store, id) = (scene.store.clone(), scene.ada.id);
        let change = Change { first_name: Some(None), ..Change::default() };
        let caller = tokio::spawn(async move {
            if round % 2 == 0 {
                store.users.change(id, &change, second(9), Along::default()).await.map(drop)
            } else {
                store.users.by_id(id).await.map(drop)
            }
        });
        until(async || begun.load(Ordering::SeqCst) > before).await;
        caller.abort();
    }
    // Ten changes, and the one of before.
    until(async || {
        let ada = scene.ada_now().await;
        ada.version == 12
    })
    .await;
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}

/// The limit of each call, whatever the driver would wait for.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_silent_server_is_waited_for_no_longer_than_the_limit_and_readiness_less() {
    let scene = scene().await;
    // Whoever watches the server gets answers, so that nothing but the limit ends this.
    scene.wire.all(Act::Swallow);
    let Err(StoreError::Backend(text)) = scene.store.users.by_id(scene.ada.id).await else { panic!("read") };
    assert!(text.contains("no answer in time"), "{text}");
    let Err(StoreError::Backend(text)) = scene.store.parts[0].check().await else { panic!("it is ready") };
    assert!(text.contains("within 1 s") || text.contains("in time") || text.contains("no server"), "{text}");
    scene.wire.pass();
    scene.all_is_well(100).await;
}

/// Insertions of an administrator are refused so often; the number of tries, and what came of it.
async fn insert_in_the_way(
    place: &Place,
    times: usize,
    refusal: Document,
) -> (usize, Result<(), StoreError>) {
    let wire = Wire::to(&place.server).await;
    let store = place.through_within(&wire, SOON).await;
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    wire.judge(move |command| match command.get_str("insert") {
        Ok("keyward_users") if seen.fetch_add(1, Ordering::SeqCst) < times => Act::Answer(refusal.clone()),
        _ => Act::Pass,
    });
    let told = [event(1, EventKind::UserCreated, user_id(2))];
    let done = store.users.insert(&administrator(2), Along::events(&told)).await;
    (count.load(Ordering::SeqCst), done)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn an_administrator_who_cannot_come_leaves_nothing_and_keeps_nobody_waiting() {
    for refusal in [
        doc! { "ok": 0.0, "code": 112, "codeName": "WriteConflict", "errmsg": "canary" },
        doc! { "ok": 1.0, "n": 0, "writeErrors": [{ "index": 0, "code": 112, "errmsg": "canary" }] },
    ] {
        let place = Place::new();
        let living = place.store().await;
        kept(&living, administrator(1)).await;
        let (tries, refused) = insert_in_the_way(&place, usize::MAX, refusal.clone()).await;
        let Err(StoreError::Backend(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("in the way") && !text.contains("canary"), "{text}");
        assert_eq!(guard(&place).await, (vec![id(1)], Vec::new()));
        assert_eq!(place.all("keyward_users").await.len(), 1);
        assert_eq!(place.all("keyward_events").await.len(), 0);
        let (more, done) = insert_in_the_way(&place, tries - 1, refusal).await;
        assert_eq!((more, done), (tries, Ok(())));
        assert_eq!(place.all("keyward_events").await.len(), 1);
        assert_settled(&place, &living, 1..3).await;
    }
}
