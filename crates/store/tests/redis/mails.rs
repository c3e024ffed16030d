//! Mails of a session's end: held back in the main store until it is known what Redis did, sent at once if it happened,
//! gone if it did not, and sent a minute later if nobody ever says.

use crate::server::*;
use keyward_auth::records::{Along, Event, EventKind, Mail, Store, User};
use keyward_auth::values::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What tells of the end of a session.
struct Told([Event; 1], [Mail; 1]);

impl Told {
    fn of(ada: &User) -> Self {
        Self([event(1, EventKind::RefreshTokenReused, ada)], [mail(1, ada)])
    }

    fn along(&self) -> Along<'_> {
        Along { events: &self.0, mails: &self.1, ..Along::default() }
    }
}

/// When the mail is due, if there is one.
async fn due_at(store: &Store, told: &Told) -> Option<Timestamp> {
    store.mails.by_id(told.1[0].id).await.unwrap().map(|mail| mail.due_at)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn a_session_that_ended_is_told_of_at_once() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let (one, told) = (session(1, &ada), Told::of(&ada));
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    assert_eq!(store.sessions.end(one.id, ada.id, told.along()).await, Ok(true));
    assert_eq!(store.mails.by_id(told.1[0].id).await, Ok(Some(told.1[0].clone())));
    assert_eq!(store.audit.of_user(ada.id, 9).await, Ok(told.0.to_vec()));
    assert_eq!(store.mails.claim(NOW, NOW + MINUTE, 9).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn of_many_who_end_a_session_one_tells_of_it() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let one = session(1, &ada);
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    let racers = (1..=20).map(|number| {
        let (store, id, ada) = (store.clone(), one.id, ada.clone());
        tokio::spawn(async move {
            let (events, mails) =
                ([event(number, EventKind::RefreshTokenReused, &ada)], [mail(number, &ada)]);
            let along = Along { events: &events, mails: &mails, ..Along::default() };
            store.sessions.end(id, ada.id, along).await.unwrap()
        })
    });
    let racers: Vec<_> = racers.collect();
    let mut ended = 0;
    for racer in racers {
        ended += usize::from(racer.await.unwrap());
    }
    assert_eq!(ended, 1);
    let late = NOW + 2 * MINUTE;
    assert_eq!(store.mails.claim(late, late + MINUTE, 99).await.unwrap().len(), 1);
    assert_eq!(store.audit.of_user(ada.id, 99).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_certainly_did_not_end_is_not_told_of() {
    let mut server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let (one, told) = (session(1, &ada), Told::of(&ada));
    assert_eq!(store.sessions.end(one.id, ada.id, told.along()).await, Ok(false));
    assert_eq!(due_at(&store, &told).await, None);
    // Redis may read, and refuses to write.
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    server.tell(&["ACL", "SETUSER", "default", "-del"]);
    assert!(is_backend(&store.sessions.end(one.id, ada.id, told.along()).await));
    assert_eq!(due_at(&store, &told).await, None);
    assert_eq!(store.audit.of_user(ada.id, 9).await, Ok(vec![]));
    server.kill();
    assert!(is_backend(&store.sessions.end(one.id, ada.id, told.along()).await));
    assert_eq!(due_at(&store, &told).await, None);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_redis), ignore = "no Redis: scripts/servers run cargo test")]
async fn what_may_have_ended_is_told_of_a_minute_later() {
    let server = Server::start(&[]);
    let (store, ada, _folder) = beside(&server).await;
    let (one, told) = (session(1, &ada), Told::of(&ada));
    store.sessions.insert(&one, 9, &[]).await.unwrap();
    // It reads what it is asked, and is late with the answer to the change alone.
    server.tell(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    assert!(is_backend(&store.sessions.end(one.id, ada.id, told.along()).await));
    assert_eq!(due_at(&store, &told).await, Some(NOW + MINUTE));
    let kept = store.audit.of_user(ada.id, 9).await.unwrap();
    assert!(kept.len() == 1 && kept[0].is_intent, "{kept:?}");
    let almost = NOW + MINUTE - Duration::from_micros(1);
    assert_eq!(store.mails.claim(almost, almost + MINUTE, 9).await, Ok(vec![]));
    assert_eq!(store.mails.claim(NOW + MINUTE, NOW + 2 * MINUTE, 9).await.unwrap().len(), 1);
}
