//! There is always a last administrator, whichever nodes race; and members are administrators again after somebody has
//! written into the documents by hand.

use crate::place::{Place, SOON, open};
use keyward_auth::records::{Along, Change, Direction, Store, StoreError, User};
use keyward_auth::values::{Role, Roles, Timestamp};
use keyward_store::conformance::sample::*;
use mongodb::bson::{Bson, doc};

fn demotion(user: &User) -> Change {
    Change {
        if_version: Some(user.version),
        roles: Some(Roles::new([Role::user()])),
        administrators: Some(Direction::Leaves),
        ..Change::default()
    }
}

fn disabling(user: &User) -> Change {
    Change {
        if_version: Some(user.version),
        disabled_at: Some(Some(second(9))),
        administrators: Some(Direction::Leaves),
        ..Change::default()
    }
}

async fn leave(store: &Store, admin: &User, way: u64) -> Result<(), StoreError> {
    match way % 3 {
        0 => store.users.change(admin.id, &demotion(admin), second(9), Along::default()).await.map(drop),
        1 => store.users.change(admin.id, &disabling(admin), second(9), Along::default()).await.map(drop),
        _ => store.users.delete(admin, Along::default()).await,
    }
}

/// How many there are, by their documents.
async fn administrators(store: &Store, numbers: std::ops::Range<u64>) -> usize {
    let mut count = 0;
    for number in numbers {
        count += usize::from(read(store, &user(number)).await.is_some_and(|user| user.is_administrator()));
    }
    count
}

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
            leave(&first, &last, 0).await.unwrap();
        }
        let leaving = numbers.clone().map(|number| {
            let node = nodes[usize::try_from(number % 4).unwrap()].clone();
            tokio::spawn(async move { leave(&node, &administrator(number), number).await })
        });
        let mut outcomes = Vec::new();
        for one in leaving.collect::<Vec<_>>() {
            outcomes.push(one.await.unwrap());
        }
        let guarded = outcomes.iter().filter(|outcome| **outcome == Err(StoreError::Guarded)).count();
        let left = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!((left, guarded), (7, 1), "{outcomes:?}");
        assert_eq!(administrators(&first, numbers.clone()).await, 1);
        for number in numbers {
            last = read(&first, &user(number)).await.filter(User::is_administrator).or(last);
        }
    }
    let guard = place.all("keyward_guards").await.remove(0);
    assert_eq!(guard.get_array("moving").unwrap(), &[] as &[Bson]);
    assert_eq!(guard.get_array("members").unwrap().len(), 1);
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
                    let change = if now.is_administrator() {
                        demotion(&now)
                    } else {
                        let roles = Some(Roles::new([Role::user(), Role::admin()]));
                        let administrators = Some(Direction::Joins);
                        Change { if_version: Some(now.version), roles, administrators, ..Change::default() }
                    };
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
    let mut expected = Vec::new();
    for number in 1..=5 {
        if read(&store, &user(number)).await.unwrap().is_administrator() {
            expected.push(user_id(number).as_bytes().to_vec());
        }
    }
    assert!(!expected.is_empty());
    assert_eq!(members(&place).await, expected);
}

async fn members(place: &Place) -> Vec<Vec<u8>> {
    let guard = place.all("keyward_guards").await.remove(0);
    let members = guard.get_array("members").unwrap().iter();
    let mut members: Vec<Vec<u8>> = members
        .map(|member| match member {
            Bson::Binary(binary) => binary.bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    members.sort();
    members
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
    assert_eq!(members(&place).await, [user_id(1), user_id(2)].map(|id| id.as_bytes().to_vec()));
    leave(&store, &administrator(1), 0).await.unwrap();
    let second = read(&store, &user(2)).await.unwrap();
    assert_eq!(leave(&store, &second, 0).await, Err(StoreError::Guarded));
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
    assert_eq!(leave(&store, &administrator(1), 0).await, Err(StoreError::Guarded));
    take_away().await;
    assert_eq!(leave(&store, &administrator(1), 0).await, Err(StoreError::Guarded));
    kept(&store, administrator(3)).await;
    take_away().await;
    assert_eq!(leave(&store, &administrator(1), 0).await, Ok(()));
    assert_eq!(members(&place).await, [user_id(3).as_bytes().to_vec()]);
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
    let id = |number: u64| Bson::from(mongodb::bson::Uuid::from_bytes(*user_id(number).as_bytes()));
    let begun = doc! {
        "$pull": { "members": id(1) },
        "$push": { "moving": { "user": id(1), "version": 1_i64 } },
    };
    guards.update_one(doc! {}, begun).await.unwrap();
    // The second may go only if the first stays: which is seen to before it is said.
    assert_eq!(leave(&store, &administrator(2), 0).await, Ok(()));
    let late = doc! { "_id": id(1), "version": 1_i64 };
    let written = doc! { "$pull": { "roles": "admin" } };
    let users = place.collection("keyward_users").await;
    assert_eq!(users.update_one(late, written).await.unwrap().matched_count, 0);
    assert_eq!(administrators(&store, 1..3).await, 1);
    assert_eq!(members(&place).await, [user_id(1).as_bytes().to_vec()]);
}
