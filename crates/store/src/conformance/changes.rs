//! Changes of a user: only what is meant, to the version that is meant, whole or not at all.

use super::sample::*;
use keyward_auth::records::{Along, Change, EventKind, Store, StoreError, Undone, Unique, User};
use keyward_auth::values::{Email, Locale, Metadata, Name, PasswordHash, Role, Roles, Username};

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Of `if_version` 1, as samples are.
fn to_first(change: Change) -> Change {
    Change { if_version: Some(1), ..change }
}

pub async fn every_field_changes_alone(store: &Store) {
    type Edit = (Change, fn(&mut User));
    let edits: Vec<Edit> = vec![
        (Change { username: Some(Some(Username::parse("newname").unwrap())), ..Change::default() }, |u| {
            u.username = Some(Username::parse("newname").unwrap());
        }),
        (Change { email: Some(Some(email("New@x.test"))), ..Change::default() }, |u| {
            u.email = Some(email("New@x.test"));
        }),
        (Change { email_verified_at: Some(Some(second(3))), ..Change::default() }, |u| {
            u.email_verified_at = Some(second(3));
        }),
        (Change { pending_email: Some(Some(email("P@x.test"))), ..Change::default() }, |u| {
            u.pending_email = Some(email("P@x.test"));
        }),
        (Change { first_name: Some(Some(name("Ada"))), ..Change::default() }, |u| {
            u.first_name = Some(name("Ada"));
        }),
        (Change { last_name: Some(Some(name("Lovelace"))), ..Change::default() }, |u| {
            u.last_name = Some(name("Lovelace"));
        }),
        (Change { locale: Some(Some(Locale::parse("en").unwrap())), ..Change::default() }, |u| {
            u.locale = Some(Locale::parse("en").unwrap());
        }),
        (Change { picture: Some(Some(picture(1))), ..Change::default() }, |u| u.picture = Some(picture(1))),
        (Change { metadata: Some(Metadata::default()), ..Change::default() }, |u| {
            u.metadata = Metadata::default();
        }),
        (Change { roles: Some(Roles::default()), ..Change::default() }, |u| u.roles = Roles::default()),
        (Change { disabled_at: Some(Some(second(4))), ..Change::default() }, |u| {
            u.disabled_at = Some(second(4));
        }),
        (Change { password: Some(None), ..Change::default() }, |u| u.password = None),
        (Change { password: Some(Some(PasswordHash::stored("$new".into()))), ..Change::default() }, |u| {
            u.password = Some(PasswordHash::stored("$new".into()));
        }),
        (Change { end_sessions: Some(None), ..Change::default() }, |u| u.epoch += 1),
        (Change { undone: Some(Undone { to: second(5), at: second(6) }), ..Change::default() }, |u| {
            u.undone = Some(Undone { to: second(5), at: second(6) })
        }),
        (Change::default(), |_| {}),
    ];
    let mut expected = kept(store, user(1)).await;
    for (change, edit) in edits {
        edit(&mut expected);
        expected.version += 1;
        expected.updated_at = second(50);
        assert_eq!(
            store.users.change(expected.id, &change, second(50), Along::default()).await,
            Ok(expected.clone())
        );
        assert_eq!(read(store, &expected).await.as_ref(), Some(&expected));
    }
    assert_eq!(store.users.by_email(&email("nEW@x.test")).await, Ok(Some(expected)));
}

pub async fn a_field_is_cleared_by_none(store: &Store) {
    let full = User {
        pending_email: Some(email("p@x.test")),
        email_verified_at: Some(second(1)),
        last_name: Some(name("Lovelace")),
        picture: Some(picture(1)),
        disabled_at: Some(second(1)),
        ..user(1)
    };
    let full = kept(store, full).await;
    let change = Change {
        username: Some(None),
        email: Some(None),
        email_verified_at: Some(None),
        pending_email: Some(None),
        first_name: Some(None),
        last_name: Some(None),
        locale: Some(None),
        picture: Some(None),
        disabled_at: Some(None),
        ..Change::default()
    };
    let bare = store.users.change(full.id, &change, second(9), Along::default()).await.unwrap();
    let expected = User {
        version: 2,
        updated_at: second(9),
        username: None,
        email: None,
        email_verified_at: None,
        pending_email: None,
        first_name: None,
        last_name: None,
        locale: None,
        picture: None,
        disabled_at: None,
        ..full
    };
    assert_eq!(bare, expected);
}

pub async fn a_change_returns_the_user_as_it_is_then(store: &Store) {
    let ada = kept(store, user(1)).await;
    let change = to_first(Change { roles: Some(Roles::new([Role::user()])), ..Change::default() });
    let changed = store.users.change(ada.id, &change, second(9), Along::default()).await.unwrap();
    assert_eq!((changed.version, changed.updated_at), (2, second(9)));
    assert_eq!(read(store, &ada).await, Some(changed));
}

pub async fn a_change_to_a_stale_version_changes_nothing(store: &Store) {
    let ada = kept(store, user(1)).await;
    for stale in [0, 2] {
        let change = Change { if_version: Some(stale), first_name: Some(None), ..Change::default() };
        let events = [event(1, EventKind::RolesChanged, ada.id)];
        let refused = store.users.change(ada.id, &change, second(9), Along::events(&events)).await;
        assert_eq!(refused, Err(StoreError::Stale));
    }
    assert_eq!(events_of(store, &ada).await, 0);
    assert_eq!(read(store, &ada).await, Some(ada));
}

pub async fn a_change_of_nobody_is_stale(store: &Store) {
    let nobody = user(1);
    for change in [Change::default(), to_first(Change::default())] {
        let refused = store.users.change(nobody.id, &change, second(9), Along::default()).await;
        assert_eq!(refused, Err(StoreError::Stale));
    }
}

pub async fn a_taken_name_changes_nothing(store: &Store) {
    let (ada, _bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    let events = [event(1, EventKind::EmailChanged, ada.id)];
    let change = to_first(Change {
        email: Some(Some(email("USER2@example.com"))),
        first_name: Some(None),
        ..Change::default()
    });
    let refused = store.users.change(ada.id, &change, second(9), Along::events(&events)).await;
    assert_eq!(refused, Err(StoreError::Taken(Unique::Email)));
    for look_alike in ["name.2", "narne.2"] {
        let username = Some(Some(Username::parse(look_alike).unwrap()));
        let refused = store
            .users
            .change(ada.id, &Change { username, ..Change::default() }, second(9), Along::events(&events))
            .await;
        assert_eq!(refused, Err(StoreError::Taken(Unique::Username)));
    }
    assert_eq!(events_of(store, &ada).await, 0);
    assert_eq!(read(store, &ada).await, Some(ada));
}

pub async fn an_email_may_change_its_letter_case(store: &Store) {
    let ada = kept(store, user(1)).await;
    let change = Change { email: Some(Some(email("USER1@example.com"))), ..Change::default() };
    let changed = store.users.change(ada.id, &change, second(9), Along::default()).await.unwrap();
    assert_eq!(changed.email.unwrap().as_str(), "USER1@example.com");
}

pub async fn a_freed_name_is_free(store: &Store) {
    let ada = kept(store, user(1)).await;
    let change = Change { email: Some(None), username: Some(None), ..Change::default() };
    store.users.change(ada.id, &change, second(9), Along::default()).await.unwrap();
    kept(store, User { id: user_id(2), ..user(1) }).await;
}

pub async fn one_of_many_changes_of_one_version_wins(store: &Store) {
    let ada = kept(store, user(1)).await;
    let id = ada.id;
    let results = race(store, RACERS, |store, number| async move {
        let first_name = Some(Some(name(&format!("Ada {number}"))));
        let events = [event(number, EventKind::PasswordChanged, id)];
        let change = to_first(Change { first_name, ..Change::default() });
        store.users.change(id, &change, second(9), Along::events(&events)).await
    })
    .await;
    assert_one_winner(&results, &StoreError::Stale);
    assert_eq!(events_of(store, &ada).await, 1);
    let winner = results.into_iter().find_map(Result::ok);
    assert_eq!(read(store, &ada).await, winner);
}

pub async fn changes_of_different_fields_all_stay(store: &Store) {
    let ada = kept(store, user(1)).await;
    let id = ada.id;
    let results = race(store, RACERS, |store, number| async move {
        let mut change = Change::default();
        match number % 3 {
            0 => change.first_name = Some(Some(name("First"))),
            1 => change.last_name = Some(Some(name("Last"))),
            _ => change.locale = Some(None),
        }
        store.users.change(id, &change, second(9), Along::default()).await
    })
    .await;
    let mut versions: Vec<i64> = results.into_iter().map(|result| result.unwrap().version).collect();
    versions.sort_unstable();
    let count = i64::try_from(RACERS).unwrap();
    assert_eq!(versions, (2..=count + 1).collect::<Vec<_>>());
    let changed = read(store, &ada).await.unwrap();
    assert_eq!(
        (changed.first_name, changed.last_name, changed.locale),
        (Some(name("First")), Some(name("Last")), None)
    );
}

pub async fn ending_sessions_raises_the_epoch_and_keeps_one(store: &Store) {
    let ada = kept(store, user(1)).await;
    let end = |kept| Change { end_sessions: Some(kept), ..Change::default() };
    let changed =
        store.users.change(ada.id, &end(Some(session_id(7))), second(9), Along::default()).await.unwrap();
    assert_eq!((changed.epoch, changed.kept_session), (1, Some(session_id(7))));
    let changed = store.users.change(ada.id, &end(None), second(9), Along::default()).await.unwrap();
    assert_eq!((changed.epoch, changed.kept_session), (2, None));
}

pub async fn racers_for_one_email_get_it_once(store: &Store) {
    for number in 0..RACERS {
        kept(store, user(number)).await;
    }
    let results = race(store, RACERS, |store, number| async move {
        let change = Change { email: Some(Some(email("one@x.test"))), ..Change::default() };
        store.users.change(user_id(number), &change, second(9), Along::default()).await
    })
    .await;
    assert_one_winner(&results, &StoreError::Taken(Unique::Email));
}

pub async fn who_waits_for_an_address_follows_the_change(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    let wait = async |user: &User, pending: Option<&str>, at| {
        let change = Change { pending_email: Some(pending.map(email)), ..Change::default() };
        store.users.change(user.id, &change, second(at), Along::default()).await.unwrap()
    };
    let waiting = async |text: &str| -> Vec<_> {
        store.users.waiting_for(&email(text), 9).await.unwrap().into_iter().map(|user| user.id).collect()
    };
    wait(&ada, Some("New@x.test"), 10).await;
    wait(&bob, Some("new@X.test"), 20).await;
    assert_eq!(waiting("NEW@x.test").await, [bob.id, ada.id]);
    // Whichever change was the last.
    let change = Change { first_name: Some(None), ..Change::default() };
    store.users.change(ada.id, &change, second(30), Along::default()).await.unwrap();
    assert_eq!(waiting("new@x.test").await, [ada.id, bob.id]);
    wait(&ada, Some("other@x.test"), 40).await;
    assert_eq!((waiting("new@x.test").await, waiting("other@x.test").await), (vec![bob.id], vec![ada.id]));
    wait(&bob, None, 50).await;
    assert_eq!(waiting("new@x.test").await, []);
}
