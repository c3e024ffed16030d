//! Documents that were edited by hand, or that a newer Keyward wrote: what is wrong with one holds up no other, and what can be
//! put right is.

use crate::administrators::{Way, id, leave};
use crate::place::{Place, SOON, open};
use keyward_auth::records::{Along, Change, EventKind, StoreError};
use keyward_auth::values::Timestamp;
use keyward_store::conformance::sample::*;
use mongodb::bson::{Bson, Document, Uuid, doc};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_mail_that_cannot_be_claimed_holds_up_no_other() {
    let place = Place::new();
    let store = place.store().await;
    for number in 1..=3 {
        put(&store, mail(number, None)).await;
    }
    let mails = place.collection("keyward_mails").await;
    let broken = doc! { "email_key": "user1@example.com" };
    mails.update_one(broken.clone(), doc! { "$set": { "attempts": "many" } }).await.unwrap();
    let claimed: Vec<_> = claim(&store, 100, 200).await.into_iter().map(|mail| mail.id).collect();
    assert_eq!(claimed, [mail_id(2), mail_id(3)]);
    // Nor does it stand before them the next time.
    put(&store, mail(4, None)).await;
    let next = store.mails.claim(second(101), second(201), 1).await.unwrap();
    assert_eq!(next.iter().map(|mail| mail.id).collect::<Vec<_>>(), [mail_id(4)]);
    mails.update_one(broken, doc! { "$set": { "attempts": 0_i64 } }).await.unwrap();
    let claimed: Vec<_> = claim(&store, 300, 400).await.into_iter().map(|mail| mail.id).collect();
    assert!(claimed.contains(&mail_id(1)), "{claimed:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_only_a_newer_keyward_knows_waits_and_the_rest_does_not() {
    let place = Place::new();
    let store = place.store().await;
    let ada = kept(&store, user(1)).await;
    let users = place.collection("keyward_users").await;
    let unknown = doc! { "into": "keyward_tomorrow", "document": { "_id": 7 } };
    let known = |number: u64| {
        doc! { "into": "keyward_mails", "document": {
            "_id": Bson::from(Uuid::from_bytes(*mail_id(number).as_bytes())), "topic": "reset", "email": "a@example.com",
            "email_key": "a@example.com", "created_at": "2026-11-21T09:40:00.000000Z", "state": "waiting",
            "due_at": "2026-11-21T09:40:00.000000Z", "attempts": 0_i64,
        } }
    };
    let waiting = doc! { "$set": { "pending": [known(1), unknown.clone(), known(2)] } };
    users.update_one(doc! { "_id": id(1) }, waiting).await.unwrap();
    assert_eq!(claim(&store, 100, 200).await.len(), 2);
    let left = users.find_one(doc! { "_id": id(1) }).await.unwrap().unwrap();
    assert_eq!(left.get_array("pending").unwrap(), &[Bson::from(unknown)] as &[Bson]);
    // Also when the user is gone: the tombstone stays until somebody knows it.
    let told = [event(9, EventKind::UserDeleted, ada.id)];
    store.users.delete(&ada, Along::events(&told)).await.unwrap();
    assert_eq!(store.audit.of_user(ada.id, 9).await.unwrap(), told);
    assert_eq!(read(&store, &ada).await, None);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_has_a_pending_that_is_no_list_can_be_deleted() {
    let place = Place::new();
    let store = place.store().await;
    let ada = kept(&store, user(1)).await;
    let users = place.collection("keyward_users").await;
    users.update_one(doc! { "_id": id(1) }, doc! { "$set": { "pending": "x" } }).await.unwrap();
    let told = [event(9, EventKind::UserDeleted, ada.id)];
    store.users.delete(&ada, Along::events(&told)).await.unwrap();
    assert_eq!(store.audit.of_user(ada.id, 9).await.unwrap(), told);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_move_that_was_edited_is_ended_like_any_other() {
    let place = Place::new();
    let store = place.store().await;
    kept(&store, administrator(1)).await;
    kept(&store, user(2)).await;
    let guards = place.collection("keyward_guards").await;
    for entry in [
        Bson::from(doc! { "user": id(2), "version": 1_i32 }),
        doc! { "user": id(2) }.into(),
        doc! { "version": 5, "user": id(2) }.into(),
    ] {
        guards.update_one(doc! {}, doc! { "$set": { "moving": [entry] } }).await.unwrap();
        let now = read(&store, &user(2)).await.unwrap();
        let change = promotion(&now);
        let promoted =
            tokio::time::timeout(SOON, store.users.change(now.id, &change, second(9), Along::default()));
        // Whose version was raised meanwhile decides anew.
        let promoted = promoted.await.unwrap();
        assert!(matches!(promoted, Ok(_) | Err(StoreError::Stale)), "{promoted:?}");
        let guard: Document = guards.find_one(doc! {}).await.unwrap().unwrap();
        assert!(guard.get_array("moving").unwrap().is_empty(), "{guard}");
        if promoted.is_ok() {
            let now = read(&store, &user(2)).await.unwrap();
            leave(&store, &now, Way::Demoted).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_guard_of_rubbish_is_put_right_by_a_start() {
    let place = Place::new();
    let store = place.store().await;
    kept(&store, administrator(1)).await;
    let users = place.collection("keyward_users").await;
    // Whoever cannot be read is no administrator.
    users.insert_one(doc! { "_id": "text", "roles": ["admin"], "version": 1 }).await.unwrap();
    let guards = place.collection("keyward_guards").await;
    for rubbish in [
        doc! { "members": "x", "moving": [] },
        doc! { "members": [7, "x"], "moving": ["x", 7, {}] },
        doc! { "moving": 3 },
        doc! {},
    ] {
        let mut document = doc! { "_id": "administrators" };
        document.extend(rubbish);
        guards.replace_one(doc! {}, document).await.unwrap();
        let mongo = open(&place.url(), SOON).await.unwrap();
        mongo.migrate(Timestamp::from_micros(2)).await.unwrap();
        let guard = guards.find_one(doc! {}).await.unwrap().unwrap();
        assert_eq!(guard.get_array("members").unwrap(), &[id(1)] as &[Bson], "{guard}");
        assert!(guard.get_array("moving").unwrap().is_empty(), "{guard}");
    }
}

/// A sign-in while every other server looks for what waits, again and again.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_drains_beside_a_change_takes_nothing_from_it() {
    let place = Place::new();
    let store = place.store().await;
    let ada = kept(&store, user(1)).await;
    let rounds = Arc::new(AtomicUsize::new(0));
    let others: Vec<_> = (0..3)
        .map(|_| {
            let (store, rounds) = (store.clone(), rounds.clone());
            tokio::spawn(async move {
                loop {
                    store.mails.claim(second(1), second(2), 10).await.unwrap();
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for number in 1..=60 {
        let told = [event(number, EventKind::SignedIn, ada.id)];
        store.sessions.insert(&session(number, &ada), 99, &told).await.unwrap();
        let told = [event(1000 + number, EventKind::RolesChanged, ada.id)];
        let change = Change { first_name: Some(None), ..Change::default() };
        store.users.change(ada.id, &change, second(9), Along::events(&told)).await.unwrap();
    }
    assert_eq!(events_of(&store, &ada).await, 120);
    assert!(rounds.load(Ordering::Relaxed) > 3, "{rounds:?}");
    for other in others {
        assert!(!other.is_finished(), "it goes on until it is told to stop");
        other.abort();
    }
    assert_eq!(store.sessions.of_user(ada.id, second(1)).await.unwrap().len(), 60);
}
