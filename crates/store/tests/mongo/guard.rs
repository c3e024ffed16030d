//! There is always a last administrator, whichever nodes race; and members are administrators again after somebody has
//! written into the documents by hand.

use crate::administrators::{Way, administrators, assert_settled, guard, id, leave};
use crate::place::{Place, SOON, open};
use keyward_auth::records::{Along, StoreError};
use keyward_auth::values::Timestamp;
use keyward_store::conformance::sample::*;
use mongodb::bson::doc;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn of_many_who_leave_by_many_nodes_one_stays() {
    let place = Place::new();
    let first = place.store().await;
    let mut nodes = vec![first.clone()];
    for _ in 0..3 {
        nodes.push(open(&place.url(), SOON).await.unwrap().store());
    }
    let mut last = None;
    for round in 0..6 {
        let numbers = 100 * round..100 * round + 8;
        for number in numbers.clone() {
            kept(&first, administrator(number)).await;
        }
        if let Some(last) = last.take() {
            // The one of the round before goes first: then these alone are left.
            leave(&first, &last, Way::Demoted).await.unwrap();
        }
        let leaving = numbers.clone().map(|number| {
            let node = nodes[usize::try_from(number % 4).unwrap()].clone();
            tokio::spawn(async move {
                leave(&node, &administrator(number), Way::ALL[usize::try_from(number % 3).unwrap()]).await
            })
        });
        let mut outcomes = Vec::new();
        for one in leaving.collect::<Vec<_>>() {
            outcomes.push(one.await.unwrap());
        }
        let guarded = outcomes.iter().filter(|outcome| **outcome == Err(StoreError::Guarded)).count();
        let left = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!((left, guarded), (7, 1), "{outcomes:?}");
        let mut left = administrators(&first, numbers).await;
        assert_eq!(left.len(), 1);
        last = left.pop();
    }
    assert_settled(&place, &first, 500..508).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn those_who_come_and_go_by_many_nodes_leave_members_who_are_administrators() {
    let place = Place::new();
    let store = place.store().await;
    let other = open(&place.url(), SOON).await.unwrap().store();
    for number in 1..=5 {
        kept(&store, administrator(number)).await;
    }
    let coming_and_going = (1..=5_u64).flat_map(|number| {
        [store.clone(), other.clone()].map(|node| {
            tokio::spawn(async move {
                for step in 0..10 {
                    let now = read(&node, &user(number)).await.unwrap();
                    let change = if now.is_administrator() { demotion(&now) } else { promotion(&now) };
                    let changed = node.users.change(now.id, &change, second(step), Along::default()).await;
                    let expected = [Some(StoreError::Stale), Some(StoreError::Guarded), None];
                    assert!(expected.contains(&changed.as_ref().err().cloned()), "{changed:?}");
                }
            })
        })
    });
    for one in coming_and_going.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_settled(&place, &store, 1..6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_was_written_by_hand_counts_after_the_next_start() {
    let place = Place::new();
    let store = place.store().await;
    for user in [administrator(1), user(2), administrator(3)] {
        kept(&store, user).await;
    }
    let users = place.collection("keyward_users").await;
    let by_hand = |number: u64, update| {
        let name = user(number).username.unwrap();
        users.update_one(doc! { "username": name.as_str() }, update).into_future()
    };
    by_hand(2, doc! { "$push": { "roles": "admin" } }).await.unwrap();
    by_hand(3, doc! { "$pull": { "roles": "admin" } }).await.unwrap();
    let mongo = open(&place.url(), SOON).await.unwrap();
    mongo.migrate(Timestamp::from_micros(2)).await.unwrap();
    assert_eq!(guard(&place).await.0, [id(1), id(2)]);
    leave(&store, &administrator(1), Way::Demoted).await.unwrap();
    let second = read(&store, &user(2)).await.unwrap();
    assert_eq!(leave(&store, &second, Way::Demoted).await, Err(StoreError::Guarded));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_guard_that_was_taken_away_is_made_again_and_lets_nobody_in() {
    let place = Place::new();
    let store = place.store().await;
    kept(&store, administrator(1)).await;
    let guards = place.collection("keyward_guards").await;
    let take_away = async || guards.delete_many(doc! {}).await.unwrap();
    take_away().await;
    let first = store.users.insert_first_administrator(&administrator(2), Along::default()).await;
    assert_eq!(first, Err(StoreError::Guarded));
    assert_eq!(leave(&store, &administrator(1), Way::Demoted).await, Err(StoreError::Guarded));
    take_away().await;
    assert_eq!(leave(&store, &administrator(1), Way::Demoted).await, Err(StoreError::Guarded));
    take_away().await;
    kept(&store, administrator(3)).await;
    take_away().await;
    assert_eq!(leave(&store, &administrator(1), Way::Demoted).await, Ok(()));
    assert_settled(&place, &store, 1..4).await;
    // Without those who are.
    let empty = doc! { "$set": { "members": [] } };
    guards.update_one(doc! {}, empty).await.unwrap();
    let first = store.users.insert_first_administrator(&administrator(2), Along::default()).await;
    assert_eq!(first, Err(StoreError::Guarded));
    assert_eq!(read(&store, &user(2)).await, None);
}

/// Somebody began, and has neither ended nor written.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_move_whose_process_died_can_never_be_written_late() {
    let place = Place::new();
    let store = place.store().await;
    for number in 1..=2 {
        kept(&store, administrator(number)).await;
    }
    let guards = place.collection("keyward_guards").await;
    let begun = doc! {
        "$pull": { "members": id(1) },
        "$push": { "moving": { "user": id(1), "version": 1_i64 } },
    };
    guards.update_one(doc! {}, begun).await.unwrap();
    // The second may go only if the first stays: which is seen to before it is said.
    assert_eq!(leave(&store, &administrator(2), Way::Demoted).await, Ok(()));
    let late = doc! { "_id": id(1), "version": 1_i64 };
    let written = doc! { "$pull": { "roles": "admin" } };
    let users = place.collection("keyward_users").await;
    assert_eq!(users.update_one(late, written).await.unwrap().matched_count, 0);
    assert_eq!(administrators(&store, 1..3).await.len(), 1);
    assert_settled(&place, &store, 1..3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_member_who_is_no_administrator_lets_nobody_go() {
    let place = Place::new();
    let store = place.store().await;
    kept(&store, administrator(1)).await;
    kept(&store, user(2)).await;
    let guards = place.collection("keyward_guards").await;
    for wrong in [vec![id(1), id(2)], vec![id(2)], vec![id(1), "rubbish".into()], vec![id(1), id(9)]] {
        guards.update_one(doc! {}, doc! { "$set": { "members": &wrong } }).await.unwrap();
        let last = read(&store, &user(1)).await.unwrap();
        assert_eq!(leave(&store, &last, Way::Demoted).await, Err(StoreError::Guarded), "{wrong:?}");
        assert_eq!(leave(&store, &last, Way::Deleted).await, Err(StoreError::Guarded), "{wrong:?}");
    }
    // Nor do lists that are none, and they are lists again.
    for wrong in
        [doc! {}, doc! { "members": "x", "moving": [] }, doc! { "members": [id(1)], "moving": { "a": 1 } }]
    {
        let mut document = doc! { "_id": "administrators" };
        document.extend(wrong.clone());
        guards.replace_one(doc! {}, document).await.unwrap();
        let two = read(&store, &user(2)).await.unwrap();
        store.users.change(two.id, &promotion(&two), second(9), Along::default()).await.unwrap();
        let two = read(&store, &user(2)).await.unwrap();
        assert_eq!(leave(&store, &two, Way::Demoted).await, Ok(()), "{wrong}");
        assert_settled(&place, &store, 1..3).await;
    }
}
