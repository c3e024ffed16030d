//! A process that is slow and not dead: it stands still at any of its steps, for so long that another node ends its move of the
//! guard, and then goes on. What it comes too late for does not happen; there is an administrator, and the guard knows who.

use crate::administrators::{Way, administrators, assert_settled, guard, id, is_administrator, leave};
use crate::place::{BRIEF, Place, SOON, is_backend, until};
use crate::wire::{Act, Wire};
use futures_util::future::join_all;
use keyward_auth::records::{Along, Store, StoreError, User};
use keyward_store::conformance::sample::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What becomes of the user of that number, as it was kept first.
#[derive(Clone, Copy)]
enum Deed {
    Leaves(u64, Way),
    Joins(u64),
    Comes(u64),
    /// Comes as the first administrator.
    First(u64),
}

impl Deed {
    async fn by(self, store: &Store) -> Result<(), StoreError> {
        let users = &store.users;
        match self {
            Self::Leaves(number, way) => leave(store, &administrator(number), way).await,
            Self::Joins(number) => {
                let change = promotion(&user(number));
                users.change(user_id(number), &change, second(9), Along::default()).await.map(drop)
            }
            Self::Comes(number) => users.insert(&administrator(number), Along::default()).await,
            Self::First(number) => {
                users.insert_first_administrator(&administrator(number), Along::default()).await
            }
        }
    }

    async fn is_done(self, store: &Store) -> bool {
        match self {
            Self::Leaves(number, _) => !is_administrator(store, number).await,
            Self::Joins(number) | Self::Comes(number) | Self::First(number) => {
                is_administrator(store, number).await
            }
        }
    }
}

/// One node stands still at each of its steps until another has done something: what the slow one was told each time. How
/// long it waits for an answer decides whether it is still there when it goes on; its command is.
async fn at_every_step(
    kept: &[User],
    slow: Deed,
    quick: Deed,
    limit: Duration,
) -> Vec<Result<(), StoreError>> {
    let mut told = Vec::new();
    for step in 0.. {
        let place = Place::new();
        let living = place.store().await;
        for user in kept {
            living.users.insert(user, Along::default()).await.unwrap();
        }
        let wire = Wire::to(&place.server).await;
        let stalled = place.through_within(&wire, limit).await;
        wire.hold_after(step);
        let is_over = AtomicBool::new(false);
        let standing = async {
            let late = slow.by(&stalled).await;
            is_over.store(true, Ordering::SeqCst);
            late
        };
        let passing = async {
            until(async || is_over.load(Ordering::SeqCst) || wire.held() > 0).await;
            let was_held = wire.held() > 0;
            let soon = quick.by(&living).await;
            wire.let_go().await;
            (soon, was_held)
        };
        let (late, (soon, was_held)) = tokio::join!(standing, passing);
        // Who hears that it is done, or is not, can rely on that.
        assert_eq!(soon.is_ok(), quick.is_done(&living).await, "{soon:?} beside {late:?} after {step}");
        assert!(
            limit == BRIEF && is_backend(&late) || late.is_ok() == slow.is_done(&living).await,
            "{late:?} after {step}"
        );
        if limit == SOON {
            assert_settled(&place, &living, 1..3).await;
        }
        let mut all = administrators(&living, 1..3).await;
        assert!(all.len() == 1 || !matches!(slow, Deed::First(_)), "{all:?}");
        // All but the last may go, and nothing keeps them from it.
        let last = all.pop().unwrap();
        for other in all {
            assert_eq!(leave(&living, &other, Way::Demoted).await, Ok(()), "after {step}");
        }
        assert_eq!(leave(&living, &last, Way::Demoted).await, Err(StoreError::Guarded), "after {step}");
        assert_settled(&place, &living, 1..3).await;
        told.push(late);
        if !was_held {
            assert!(step > 2);
            return told;
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_leaves_too_late_stays() {
    for way in [Way::Demoted, Way::Deleted] {
        let (slow, quick) = (Deed::Leaves(1, way), Deed::Leaves(2, way));
        let told = at_every_step(&[administrator(1), administrator(2)], slow, quick, SOON).await;
        assert!(told.contains(&Err(StoreError::Stale)), "{told:?}");
        assert!(told.contains(&Ok(())), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_leaves_too_late_and_does_not_wait_stays() {
    for way in [Way::Demoted, Way::Deleted] {
        let (slow, quick) = (Deed::Leaves(1, way), Deed::Leaves(2, way));
        let told = at_every_step(&[administrator(1), administrator(2)], slow, quick, BRIEF).await;
        assert!(told.iter().any(is_backend), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn whoever_joins_too_late_does_not() {
    let kept = [administrator(1), user(2)];
    for limit in [SOON, BRIEF] {
        let told = at_every_step(&kept, Deed::Joins(2), Deed::Leaves(1, Way::Demoted), limit).await;
        let refused = told.contains(&Err(StoreError::Stale));
        assert!(refused || limit == BRIEF && told.iter().any(is_backend), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn an_administrator_who_comes_too_late_does_not() {
    for limit in [SOON, BRIEF] {
        let told =
            at_every_step(&[administrator(1)], Deed::Comes(2), Deed::Leaves(1, Way::Deleted), limit).await;
        assert!(told.iter().any(is_backend), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_first_administrator_who_comes_too_late_does_not() {
    for limit in [SOON, BRIEF] {
        let told = at_every_step(&[], Deed::First(1), Deed::First(2), limit).await;
        assert!(told.iter().any(is_backend), "{told:?}");
        assert!(told.contains(&Err(StoreError::Guarded)), "{told:?}");
    }
}

/// Somebody joined, and before that is known to the guard is none any more.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn an_end_that_comes_late_makes_no_member() {
    for (kept, slow) in
        [(vec![administrator(1), user(2)], Deed::Joins(2)), (vec![administrator(1)], Deed::Comes(2))]
    {
        let place = Place::new();
        let living = place.store().await;
        for user in &kept {
            living.users.insert(user, Along::default()).await.unwrap();
        }
        let wire = Wire::to(&place.server).await;
        let stalled = place.through_within(&wire, SOON).await;
        wire.judge(|command| if command.to_string().contains("$addToSet") { Act::Hold } else { Act::Pass });
        let passing = async {
            until(async || wire.held() == 1).await;
            let joined = async || read(&living, &user(2)).await.unwrap();
            assert!(joined().await.is_administrator());
            let mut left = Err(StoreError::Stale);
            // The version of somebody new is raised when the move is ended.
            while left == Err(StoreError::Stale) {
                left = leave(&living, &joined().await, Way::Disabled).await;
            }
            assert_eq!(left, Ok(()));
            wire.let_go().await;
        };
        let (done, ()) = tokio::join!(slow.by(&stalled), passing);
        assert_eq!(done, Ok(()));
        assert_settled(&place, &living, 1..3).await;
        assert_eq!(guard(&place).await.0, [id(1)]);
    }
}

/// Many nodes end the move of one that died, all at the same time, and then do what each of them wants.
async fn many_resolve(kept: &[User], dead: Deed, steps: usize, wants: fn(u64) -> Deed) {
    let place = Place::new();
    let living = place.store().await;
    for user in kept {
        living.users.insert(user, Along::default()).await.unwrap();
    }
    let wire = Wire::to(&place.server).await;
    let dying = place.through(&wire).await;
    wire.die_after(steps, Act::Cut);
    assert!(is_backend(&dead.by(&dying).await));
    wire.end().await;
    assert_eq!(guard(&place).await.1.len(), 1);
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let wire = Wire::to(&place.server).await;
        // The version is raised, by which it begins.
        wire.judge(|command| match command.get_str("update") {
            Ok("keyward_users") => Act::Hold,
            _ => Act::Pass,
        });
        nodes.push((place.through_within(&wire, SOON).await, wire));
    }
    let letting_go = async {
        until(async || nodes.iter().all(|(_, wire)| wire.held() == 1)).await;
        join_all(nodes.iter().map(|(_, wire)| wire.let_go())).await;
    };
    let racing = join_all(nodes.iter().zip(2..).map(|((node, _), number)| wants(number).by(node)));
    let (mut told, ()) = tokio::join!(racing, letting_go);
    told.sort_by_key(Result::is_err);
    let refusals = [Err(StoreError::Stale), Err(StoreError::Guarded)];
    assert!(told[0].is_ok() && told[1..].iter().all(|told| refusals.contains(told)), "{told:?}");
    let left = administrators(&living, 1..6).await;
    // Of whoever stayed the version was raised, and by one of them.
    let versions: Vec<i64> = left.iter().map(|user| user.version).collect();
    assert_eq!(versions, [if left[0].id == user_id(1) { 2 } else { 1 }]);
    assert!(!dead.is_done(&living).await);
    assert_settled(&place, &living, 1..6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_dead_move_is_ended_once_however_many_end_it() {
    many_resolve(&[administrator(1), administrator(2)], Deed::Leaves(1, Way::Demoted), 1, |_| {
        Deed::Leaves(2, Way::Demoted)
    })
    .await;
    many_resolve(&[], Deed::First(1), 2, Deed::First).await;
}
