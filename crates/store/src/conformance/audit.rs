//! The audit log: there with what it tells of, and only then.

use super::sample::*;
use keyward_auth::records::{Actor, Along, Change, Event, EventKind, Store};

pub async fn an_event_comes_back_as_it_was_kept(store: &Store) {
    let ada = user_id(1);
    let mut kinds = Vec::new();
    for (number, kind) in (0..).zip(EventKind::ALL) {
        kinds.push(event(number, kind, ada));
    }
    kinds[0].actor = Actor::Anonymous;
    kinds[1].actor = Actor::Operator;
    kinds[2].actor = Actor::User(user_id(2));
    kinds[2].session = Some(session_id(3));
    kinds[3].address = None;
    kinds[3].agent = Some("curl/8 \u{fc}".into());
    kinds[3].request_id = None;
    store.audit.record(&kinds).await.unwrap();
    kinds.reverse();
    assert_eq!(store.audit.of_user(ada, 100).await, Ok(kinds));
}

pub async fn the_latest_events_come_first(store: &Store) {
    let ada = user_id(1);
    let at = |number, moment| Event { at: second(moment), ..event(number, EventKind::SignInFailed, ada) };
    let events = [at(1, 5), at(2, 9), at(4, 7), at(3, 7)];
    store.audit.record(&events).await.unwrap();
    store.audit.record(&[event(9, EventKind::SignedIn, user_id(2))]).await.unwrap();
    let nobody = Event { user: None, ..event(10, EventKind::SignInFailed, ada) };
    store.audit.record(&[nobody]).await.unwrap();
    store.audit.record(&[]).await.unwrap();
    let list = store.audit.of_user(ada, 3).await.unwrap();
    assert_eq!(list, [events[1].clone(), events[2].clone(), events[3].clone()]);
    assert_eq!(store.audit.of_user(user_id(2), 9).await.unwrap().len(), 1);
}

pub async fn events_are_written_with_and_only_with_a_change(store: &Store) {
    let ada = user(1);
    let tell = |number| [event(number, EventKind::Registered, ada.id)];
    store.users.insert(&ada, Along::events(&tell(1))).await.unwrap();
    assert_eq!(events_of(store, &ada).await, 1);
    let two = [event(2, EventKind::RolesChanged, ada.id), event(3, EventKind::UserEnabled, ada.id)];
    store.users.change(ada.id, &Change::default(), second(9), Along::events(&two)).await.unwrap();
    assert_eq!(events_of(store, &ada).await, 3);
    store.sessions.insert(&session(1, &ada), 9, &tell(4)).await.unwrap();
    assert_eq!(events_of(store, &ada).await, 4);
    // An event that cannot be kept (its id is taken) takes the change back.
    let change = Change { first_name: Some(None), ..Change::default() };
    assert!(store.users.change(ada.id, &change, second(9), Along::events(&tell(1))).await.is_err());
    assert!(store.sessions.insert(&session(2, &ada), 9, &tell(1)).await.is_err());
    assert!(store.sessions.end(session_id(1), ada.id, Along::events(&tell(1))).await.is_err());
    assert!(store.users.insert(&user(2), Along::events(&tell(1))).await.is_err());
    assert!(read(store, &ada).await.unwrap().first_name.is_some());
    assert_eq!(store.sessions.by_id(session_id(2)).await, Ok(None));
    assert!(store.sessions.by_id(session_id(1)).await.unwrap().is_some());
    assert_eq!(read(store, &user(2)).await, None);
    assert_eq!(events_of(store, &ada).await, 4);
}

pub async fn events_outlive_their_user(store: &Store) {
    let ada = kept(store, user(1)).await;
    store.users.delete(&ada, Along::events(&[event(1, EventKind::UserDeleted, ada.id)])).await.unwrap();
    let list = store.audit.of_user(ada.id, 9).await.unwrap();
    assert_eq!(list, [event(1, EventKind::UserDeleted, ada.id)]);
}

pub async fn a_sweep_takes_exactly_what_is_older(store: &Store) {
    let ada = user_id(1);
    let events: Vec<Event> = (1..=5).map(|number| event(number, EventKind::SignedIn, ada)).collect();
    store.audit.record(&events).await.unwrap();
    assert_eq!(store.audit.sweep(second(3), 100).await, Ok(2));
    let left = store.audit.of_user(ada, 9).await.unwrap();
    assert_eq!(left, [events[4].clone(), events[3].clone(), events[2].clone()]);
}

pub async fn a_sweep_keeps_to_its_bound(store: &Store) {
    let ada = user_id(1);
    // More than a store may take at one time.
    let events: Vec<Event> = (1..=1200).map(|number| event(number, EventKind::SignedIn, ada)).collect();
    store.audit.record(&events).await.unwrap();
    assert_eq!(store.audit.sweep(second(9999), 1100).await, Ok(1100));
    assert_eq!(store.audit.sweep(second(9999), 1100).await, Ok(100));
    assert_eq!(store.audit.sweep(second(9999), 1100).await, Ok(0));
}
