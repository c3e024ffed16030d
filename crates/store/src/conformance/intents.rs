//! Intents of the audit log: an event of which it is not known yet whether it happened.

use super::sample::*;
use keyward_auth::records::{Along, Event, EventKind, Store};

async fn intended(store: &Store, number: u64) -> Event {
    let event = event(number, EventKind::SignedOut, user_id(1));
    store.audit.intend(Along::from(&event)).await.unwrap();
    event
}

async fn list(store: &Store) -> Vec<Event> {
    store.audit.of_user(user_id(1), 100).await.unwrap()
}

pub async fn an_intent_is_shown_as_one(store: &Store) {
    let event = intended(store, 1).await;
    assert_eq!(list(store).await, [Event { is_intent: true, ..event }]);
}

pub async fn what_has_happened_is_an_event(store: &Store) {
    let event = intended(store, 1).await;
    let other = intended(store, 2).await;
    for _ in 0..2 {
        store.audit.settle(Along::from(&event), true).await.unwrap();
        assert_eq!(list(store).await, [Event { is_intent: true, ..other.clone() }, event.clone()]);
    }
}

pub async fn what_has_not_happened_is_gone(store: &Store) {
    let (event, other) = (intended(store, 1).await, intended(store, 2).await);
    store.audit.settle(Along::from(&event), false).await.unwrap();
    assert_eq!(list(store).await, [Event { is_intent: true, ..other }]);
}

pub async fn an_event_cannot_be_taken_back(store: &Store) {
    let event = intended(store, 1).await;
    store.audit.settle(Along::from(&event), true).await.unwrap();
    store.audit.settle(Along::from(&event), false).await.unwrap();
    assert_eq!(list(store).await, [event]);
}

pub async fn several_are_settled_together(store: &Store) {
    let events = [1, 2, 3].map(|number| event(number, EventKind::SessionEnded, user_id(1)));
    store.audit.intend(Along::events(&events)).await.unwrap();
    assert!(list(store).await.iter().all(|event| event.is_intent));
    store.audit.settle(Along::events(&events), true).await.unwrap();
    assert_eq!(list(store).await, [events[2].clone(), events[1].clone(), events[0].clone()]);
    store.audit.settle(Along::default(), true).await.unwrap();
}

pub async fn intents_grow_old_as_events_do(store: &Store) {
    intended(store, 1).await;
    let later = intended(store, 5).await;
    assert_eq!(store.audit.sweep(second(3), 100).await, Ok(1));
    assert_eq!(list(store).await, [Event { is_intent: true, ..later }]);
}
