//! A process that dies between any two of its commands, whether the last of them arrived or not: another node that lives finds
//! a change with everything that goes along, or neither; what is gone takes along what hung on it; and there is an
//! administrator.

use crate::administrators::{Way, is_administrator, leave};
use crate::place::{Place, SOON, open, until};
use crate::wire::{Act, Wire};
use keyward_auth::records::{Along, Change, Event, EventKind, Mail, Store, StoreError};
use keyward_auth::values::Timestamp;
use keyward_store::conformance::sample::*;
use std::collections::BTreeSet;

/// What goes along with the change of a user of that number.
struct Goods {
    events: [Event; 2],
    mails: [Mail; 1],
}

impl Goods {
    fn of(number: u64) -> Self {
        let user = user_id(number);
        let events = [1, 2].map(|more| event(number + more, EventKind::RolesChanged, user));
        Self { events, mails: [mail(number + 3, Some(user))] }
    }

    fn along(&self) -> Along<'_> {
        Along { events: &self.events, mails: &self.mails, leftovers: &[] }
    }

    /// Whether all has come along; a part of it is none.
    async fn is_there(&self, store: &Store, number: u64) -> bool {
        let events = store.audit.of_user(user_id(number), 100).await.unwrap();
        let events = events.iter().filter(|event| self.events.contains(event)).count();
        let has_mail = kept_mail(store, self.mails[0].id).await.is_some();
        assert!((events, has_mail) == (0, false) || (events, has_mail) == (2, true), "{events} {has_mail}");
        has_mail
    }
}

/// Has `act` die at each of its steps, with users of other numbers each time: the numbers, and whether it was acknowledged, are
/// what `check` gets.
async fn at_every_step<T>(
    prepare: impl AsyncFn(&Store, u64),
    act: impl AsyncFn(Store, u64) -> Result<T, StoreError>,
    check: impl AsyncFn(&Store, u64, bool),
) {
    let place = Place::new();
    let living = place.store().await;
    let mut number = 0;
    for last in [Act::Cut, Act::Lost] {
        let mut is_through = false;
        for step in 0.. {
            number += 10;
            prepare(&living, number).await;
            let wire = Wire::to(&place.server).await;
            let dying = place.through_within(&wire, SOON).await;
            wire.die_after(step, last.clone());
            let done = act(dying, number).await.is_ok();
            wire.end().await;
            check(&living, number, done).await;
            if !wire.is_dead() {
                assert!(done && step > 1, "{step}");
                is_through = true;
                break;
            }
        }
        assert!(is_through);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_user_comes_with_everything_or_not_at_all() {
    at_every_step(
        async |_, _| (),
        async |store, number| store.users.insert(&user(number), Goods::of(number).along()).await,
        async |store, number, done| {
            let is_there = read(store, &user(number)).await.is_some();
            assert_eq!(Goods::of(number).is_there(store, number).await, is_there);
            assert!(is_there || !done);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_user_changes_with_everything_or_not_at_all() {
    at_every_step(
        async |store, number| drop(kept(store, user(number)).await),
        async |store, number| {
            let change = Change { first_name: Some(None), ..Change::default() };
            store.users.change(user_id(number), &change, second(9), Goods::of(number).along()).await
        },
        async |store, number, done| {
            let is_changed = read(store, &user(number)).await.unwrap().first_name.is_none();
            assert_eq!(Goods::of(number).is_there(store, number).await, is_changed);
            assert!(is_changed || !done);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_user_goes_with_everything_or_not_at_all() {
    at_every_step(
        async |store, number| {
            let ada = kept(store, user(number)).await;
            store.sessions.insert(&session(number, &ada), 9, &[]).await.unwrap();
            assert!(store.codes.issue(&code(number, Some(ada.id))).await.unwrap());
            put(store, mail(number + 5, Some(ada.id))).await;
        },
        async |store, number| store.users.delete(&user(number), Goods::of(number).along()).await,
        async |store, number, done| {
            let is_there = read(store, &user(number)).await.is_some();
            assert_eq!(Goods::of(number).is_there(store, number).await, !is_there);
            assert!(!is_there || !done);
            // Whoever is gone does not get in, from the first moment on; the rest goes with the next look at what waits.
            let session = store.sessions.with_user(session_id(number), user_id(number)).await.unwrap();
            assert_eq!(session.is_some(), is_there);
            let left = (
                store.sessions.by_id(session_id(number)).await.unwrap().is_some(),
                store.codes.read(place(1), user_id(number)).await.unwrap().is_some(),
                kept_mail(store, mail_id(number + 5)).await.is_some(),
            );
            assert_eq!(left, (is_there, is_there, is_there));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_session_begins_with_its_event_and_ends_with_what_tells_of_it() {
    let tell = |number| [event(number + 1, EventKind::SignedIn, user_id(number))];
    let is_told = async |store: &Store, number| {
        store.audit.of_user(user_id(number), 9).await.unwrap().contains(&tell(number)[0])
    };
    at_every_step(
        async |store, number| drop(kept(store, user(number)).await),
        async |store, number| store.sessions.insert(&session(number, &user(number)), 9, &tell(number)).await,
        async |store, number, done| {
            let is_there = store.sessions.by_id(session_id(number)).await.unwrap().is_some();
            assert_eq!(is_told(store, number).await, is_there);
            assert!(is_there || !done);
        },
    )
    .await;
    at_every_step(
        async |store, number| {
            let ada = kept(store, user(number)).await;
            store.sessions.insert(&session(number, &ada), 9, &[]).await.unwrap();
        },
        async |store, number| {
            store.sessions.end(session_id(number), user_id(number), Goods::of(number).along()).await
        },
        async |store, number, done| {
            let is_there = store.sessions.by_id(session_id(number)).await.unwrap().is_some();
            assert_eq!(Goods::of(number).is_there(store, number).await, !is_there);
            assert!(!is_there || !done);
        },
    )
    .await;
}

/// One of two leaves and its node dies; then the other one leaves by a node that lives.
async fn one_stays(way: Way, last: Act) {
    for step in 0.. {
        let place = Place::new();
        let living = place.store().await;
        for number in 1..=2 {
            kept(&living, administrator(number)).await;
        }
        let wire = Wire::to(&place.server).await;
        let dying = place.through_within(&wire, SOON).await;
        wire.die_after(step, last.clone());
        let done = leave(&dying, &administrator(1), way).await.is_ok();
        wire.end().await;
        let is_left = is_administrator(&living, 1).await;
        assert!(!done || !is_left);
        let expected = if is_left { Ok(()) } else { Err(StoreError::Guarded) };
        assert_eq!(leave(&living, &administrator(2), way).await, expected, "after {step}");
        let both = (is_administrator(&living, 1).await, is_administrator(&living, 2).await);
        assert_eq!(both, (is_left, !is_left), "after {step}");
        // Whoever is left is guarded, and nobody is kept from being one.
        let number = if is_left { 1 } else { 2 };
        let last_one = read(&living, &user(number)).await.unwrap();
        assert_eq!(leave(&living, &last_one, way).await, Err(StoreError::Guarded));
        kept(&living, administrator(9)).await;
        let last_one = read(&living, &user(number)).await.unwrap();
        assert_eq!(leave(&living, &last_one, way).await, Ok(()));
        if !wire.is_dead() {
            assert!(step > 2);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn one_administrator_stays_wherever_a_demotion_breaks_off() {
    tokio::join!(one_stays(Way::Demoted, Act::Cut), one_stays(Way::Demoted, Act::Lost));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn one_administrator_stays_wherever_a_deletion_breaks_off() {
    tokio::join!(one_stays(Way::Deleted, Act::Cut), one_stays(Way::Deleted, Act::Lost));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn the_first_administrator_comes_once_wherever_an_attempt_breaks_off() {
    for last in [Act::Cut, Act::Lost] {
        for step in 0.. {
            let place = Place::new();
            let living = place.store().await;
            let wire = Wire::to(&place.server).await;
            let dying = place.through_within(&wire, SOON).await;
            wire.die_after(step, last.clone());
            let first = dying.users.insert_first_administrator(&administrator(1), Along::default()).await;
            wire.end().await;
            let has_come = is_administrator(&living, 1).await;
            assert!(first.is_err() || has_come);
            assert_eq!(living.users.has_administrator().await, Ok(has_come), "after {step}");
            let next = living.users.insert_first_administrator(&administrator(2), Along::default()).await;
            let expected = if has_come { Err(StoreError::Guarded) } else { Ok(()) };
            assert_eq!(next, expected, "after {step}");
            assert_eq!(is_administrator(&living, 1).await, has_come);
            if !wire.is_dead() {
                assert!(step > 2);
                break;
            }
        }
    }
}

/// A node that starts after all have died.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_start_mends_what_a_crash_has_left() {
    let mut seen = BTreeSet::new();
    for step in 2..6 {
        let place = Place::new();
        let living = place.store().await;
        kept(&living, administrator(1)).await;
        kept(&living, administrator(10)).await;
        drop(living);
        let wire = Wire::to(&place.server).await;
        let dying = place.through_within(&wire, SOON).await;
        wire.die_after(step, Act::Lost);
        let goods = Goods::of(10);
        let _ = dying.users.delete(&administrator(10), goods.along()).await;
        wire.end().await;
        let mongo = open(&place.url(), SOON).await.unwrap();
        mongo.migrate(Timestamp::from_micros(2)).await.unwrap();
        // Nobody has asked for anything.
        until(async || place.all("keyward_users").await.iter().all(|user| !user.contains_key("deleted")))
            .await;
        let users = place.all("keyward_users").await;
        let (events, mails) =
            (place.all("keyward_events").await.len(), place.all("keyward_mails").await.len());
        match users.len() {
            2 => assert_eq!((events, mails), (0, 0), "after {step}"),
            _ => assert_eq!((events, mails), (2, 1), "after {step}"),
        }
        let guard = place.all("keyward_guards").await.remove(0);
        assert_eq!(guard.get_array("members").unwrap().len(), users.len(), "after {step}");
        assert!(guard.get_array("moving").unwrap().is_empty(), "after {step}");
        seen.insert(users.len());
    }
    // Before the deletion and after it.
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2]);
}
