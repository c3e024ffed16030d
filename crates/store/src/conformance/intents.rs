//! Intents: an event of which it is not known yet whether it happened, and a mail that waits until it is.

use super::sample::*;
use keyward_auth::records::{Along, Event, EventKind, Mail, Store};

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

/// A mail that waits for its change until second 61.
async fn held(store: &Store) -> Mail {
    let held = Mail { due_at: second(61), ..mail(1, Some(user_id(1))) };
    let events = [event(1, EventKind::SessionEnded, user_id(1))];
    let mails = std::slice::from_ref(&held);
    store.audit.intend(Along { events: &events, mails, ..Along::default() }).await.unwrap();
    held
}

async fn settle(store: &Store, mail: &Mail, happened: bool) {
    let mails = std::slice::from_ref(mail);
    store.audit.settle(Along { mails, ..Along::default() }, happened).await.unwrap();
}

pub async fn an_intended_mail_waits_until_it_is_due(store: &Store) {
    let held = held(store).await;
    assert_eq!(kept_mail(store, held.id).await, Some(held));
    assert_eq!(list(store).await.len(), 1);
    assert_eq!(claim(store, 60, 120).await, []);
    // Nobody has said that it is not to be sent.
    assert_eq!(claim(store, 61, 120).await.len(), 1);
}

pub async fn the_mail_of_what_has_happened_is_due_when_it_was_made(store: &Store) {
    let held = held(store).await;
    for _ in 0..2 {
        settle(store, &held, true).await;
        assert_eq!(kept_mail(store, held.id).await, Some(Mail { due_at: held.created_at, ..held.clone() }));
    }
    assert_eq!(claim(store, 1, 120).await.len(), 1);
}

pub async fn the_mail_of_what_has_not_happened_is_gone(store: &Store) {
    let (held, other) = (held(store).await, put(store, mail(2, None)).await);
    settle(store, &held, false).await;
    assert_eq!(kept_mail(store, held.id).await, None);
    assert_eq!(kept_mail(store, other.id).await, Some(other));
}

pub async fn a_mail_that_was_begun_is_not_settled_any_more(store: &Store) {
    let held = held(store).await;
    let claimed = claim(store, 61, 120).await.remove(0);
    for happened in [true, false] {
        settle(store, &held, happened).await;
        assert_eq!(kept_mail(store, held.id).await, Some(claimed.clone()));
    }
    assert_eq!(store.mails.settle(&claimed, &sent(62)).await, Ok(true));
    let there = kept_mail(store, held.id).await;
    for happened in [true, false] {
        settle(store, &held, happened).await;
        assert_eq!(kept_mail(store, held.id).await, there);
    }
}
