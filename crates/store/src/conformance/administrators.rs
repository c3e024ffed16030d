//! The guard: there is a first administrator once, and always a last one.

use super::sample::*;
use keyward_auth::records::{Along, Change, EventKind, Store, StoreError, Unique, User};

/// How many there are, by their rows.
async fn administrators(store: &Store, numbers: impl Iterator<Item = u64>) -> usize {
    let mut count = 0;
    for number in numbers {
        count += usize::from(read(store, &user(number)).await.is_some_and(|user| user.is_administrator()));
    }
    count
}

pub async fn the_first_administrator_comes_once(store: &Store) {
    let events = |number| [event(number, EventKind::UserCreated, user_id(number))];
    assert_eq!(
        store.users.insert_first_administrator(&administrator(1), Along::events(&events(1))).await,
        Ok(())
    );
    assert_eq!(store.users.has_administrator().await, Ok(true));
    let second = store.users.insert_first_administrator(&administrator(2), Along::events(&events(2))).await;
    assert_eq!(second, Err(StoreError::Guarded));
    assert_eq!(read(store, &user(2)).await, None);
    assert_eq!((events_of(store, &user(1)).await, events_of(store, &user(2)).await), (1, 0));
}

pub async fn the_first_administrator_is_one(store: &Store) {
    let first = store.users.insert_first_administrator(&user(1), Along::default()).await;
    assert!(matches!(first, Err(StoreError::Backend(_))), "{first:?}");
    assert_eq!(read(store, &user(1)).await, None);
    assert_eq!(store.users.has_administrator().await, Ok(false));
}

pub async fn one_of_many_first_administrators_wins(store: &Store) {
    let results = race(store, RACERS, |store, number| async move {
        store.users.insert_first_administrator(&administrator(number), Along::default()).await
    })
    .await;
    assert_one_winner(&results, &StoreError::Guarded);
    assert_eq!(administrators(store, 0..RACERS).await, 1);
}

pub async fn a_failed_first_administrator_leaves_the_way_open(store: &Store) {
    kept(store, user(1)).await;
    let twin = User { email: user(1).email, ..administrator(2) };
    let refused = store.users.insert_first_administrator(&twin, Along::default()).await;
    assert_eq!(refused, Err(StoreError::Taken(Unique::Email)));
    assert_eq!(store.users.has_administrator().await, Ok(false));
    assert_eq!(store.users.insert_first_administrator(&administrator(3), Along::default()).await, Ok(()));
}

pub async fn the_last_administrator_cannot_leave(store: &Store) {
    let ada = kept(store, administrator(1)).await;
    for change in [demotion(&ada), disabling(&ada)] {
        assert_eq!(
            store.users.change(ada.id, &change, second(9), Along::default()).await,
            Err(StoreError::Guarded)
        );
    }
    assert_eq!(store.users.delete(&ada, Along::default()).await, Err(StoreError::Guarded));
    let bob = kept(store, administrator(2)).await;
    assert!(store.users.change(ada.id, &demotion(&ada), second(9), Along::default()).await.is_ok());
    assert_eq!(store.users.delete(&bob, Along::default()).await, Err(StoreError::Guarded));
}

pub async fn a_guarded_change_changes_nothing(store: &Store) {
    let ada = kept(store, administrator(1)).await;
    let events = [event(1, EventKind::RolesChanged, ada.id)];
    for change in [demotion(&ada), disabling(&ada)] {
        assert_eq!(
            store.users.change(ada.id, &change, second(9), Along::events(&events)).await,
            Err(StoreError::Guarded)
        );
    }
    assert_eq!(store.users.delete(&ada, Along::events(&events)).await, Err(StoreError::Guarded));
    assert_eq!(events_of(store, &ada).await, 0);
    assert_eq!(read(store, &ada).await, Some(ada));
}

/// Whoever is both learns what makes them decide again.
pub async fn stale_comes_before_guarded(store: &Store) {
    let ada = kept(store, administrator(1)).await;
    let stale = User { version: 7, ..ada.clone() };
    assert_eq!(
        store.users.change(ada.id, &demotion(&stale), second(9), Along::default()).await,
        Err(StoreError::Stale)
    );
    assert_eq!(store.users.delete(&stale, Along::default()).await, Err(StoreError::Stale));
    assert_eq!(store.users.delete(&administrator(2), Along::default()).await, Err(StoreError::Stale));
    assert_eq!(read(store, &ada).await, Some(ada));
}

pub async fn a_stale_promotion_does_not_count(store: &Store) {
    let (ada, bob) = (kept(store, administrator(1)).await, kept(store, user(2)).await);
    let stale = User { version: 7, ..bob.clone() };
    assert_eq!(
        store.users.change(bob.id, &promotion(&stale), second(9), Along::default()).await,
        Err(StoreError::Stale)
    );
    assert_eq!(
        store.users.change(ada.id, &demotion(&ada), second(9), Along::default()).await,
        Err(StoreError::Guarded)
    );
}

pub async fn a_demoted_administrator_can_come_back(store: &Store) {
    let (ada, bob) = (kept(store, administrator(1)).await, kept(store, administrator(2)).await);
    let ada = store.users.change(ada.id, &demotion(&ada), second(9), Along::default()).await.unwrap();
    let ada = store.users.change(ada.id, &promotion(&ada), second(9), Along::default()).await.unwrap();
    assert!(ada.is_administrator());
    assert!(store.users.change(bob.id, &disabling(&bob), second(9), Along::default()).await.is_ok());
    assert_eq!(store.users.delete(&ada, Along::default()).await, Err(StoreError::Guarded));
}

pub async fn a_change_of_administrators_needs_a_version(store: &Store) {
    let (ada, _bob) = (kept(store, administrator(1)).await, kept(store, administrator(2)).await);
    let change = Change { if_version: None, ..demotion(&ada) };
    let refused = store.users.change(ada.id, &change, second(9), Along::default()).await;
    assert!(matches!(refused, Err(StoreError::Backend(_))), "{refused:?}");
    assert_eq!(read(store, &ada).await, Some(ada));
}

/// Rounds of a race in which two fresh administrators make each other leave, while nobody else is one.
async fn two_against_each_other<F>(store: &Store, leave: fn(Store, User) -> F)
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let mut last = kept(store, administrator(0)).await;
    for round in 1..=20_u64 {
        let next = kept(store, administrator(round)).await;
        let pair = [last, next];
        let results = race(store, 2, |store, number| {
            let other = if number == 0 { pair[1].clone() } else { pair[0].clone() };
            leave(store, other)
        })
        .await;
        assert_one_winner(&results, &StoreError::Guarded);
        assert_eq!(administrators(store, 0..=round).await, 1);
        let [one, other] = pair;
        last = if results[0].is_ok() { one } else { other };
    }
}

pub async fn two_who_demote_each_other_leave_one(store: &Store) {
    two_against_each_other(store, |store, user| async move {
        store.users.change(user.id, &demotion(&user), second(9), Along::default()).await.map(drop)
    })
    .await;
}

pub async fn two_who_disable_each_other_leave_one(store: &Store) {
    two_against_each_other(store, |store, user| async move {
        store.users.change(user.id, &disabling(&user), second(9), Along::default()).await.map(drop)
    })
    .await;
}

pub async fn two_who_delete_each_other_leave_one(store: &Store) {
    two_against_each_other(
        store,
        |store, user| async move { store.users.delete(&user, Along::default()).await },
    )
    .await;
}

pub async fn many_who_leave_at_once_leave_one(store: &Store) {
    for number in 0..RACERS {
        kept(store, administrator(number)).await;
    }
    let results = race(store, RACERS, |store, number| async move {
        let own = administrator(number);
        match number % 3 {
            0 => store.users.change(own.id, &demotion(&own), second(9), Along::default()).await.map(drop),
            1 => store.users.change(own.id, &disabling(&own), second(9), Along::default()).await.map(drop),
            _ => store.users.delete(&own, Along::default()).await,
        }
    })
    .await;
    let guarded = results.iter().filter(|result| **result == Err(StoreError::Guarded)).count();
    assert_eq!(guarded, 1, "{results:?}");
    assert_eq!(administrators(store, 0..RACERS).await, 1);
}
