//! Users: kept whole, unique, deleted with what hangs on them.

use super::sample::*;
use keyward_auth::records::{Along, EventKind, SignIn, Store, StoreError, Undone, Unique, User};
use keyward_auth::values::{Email, Metadata, Name, PasswordHash, Roles, Timestamp, Username};

pub async fn a_user_comes_back_as_it_was_kept(store: &Store) {
    let mut full = administrator(1);
    full.version = 3;
    full.email_verified_at = Some(second(1));
    full.pending_email = Some(Email::parse("Next@example.com").unwrap());
    full.last_name = Some(Name::parse("李").unwrap());
    full.picture = Some(picture(1));
    full.disabled_at = Some(second(2));
    full.epoch = 4;
    full.kept_session = Some(session_id(9));
    full.last_login_at = Some(second(5));
    full.undone = Some(Undone { to: second(6), at: second(7) });
    let full = kept(store, full).await;
    kept(store, user(2)).await;
    assert_eq!(read(store, &full).await.as_ref(), Some(&full));
    let email = Email::parse("uSER1@EXAMPLE.com").unwrap();
    assert_eq!(store.users.by_email(&email).await.unwrap().as_ref(), Some(&full));
    let username = full.username.as_ref().unwrap();
    assert_eq!(store.users.by_username(username).await.unwrap().as_ref(), Some(&full));
}

pub async fn a_user_may_lack_whatever_is_optional(store: &Store) {
    for number in 1..=2 {
        let bare = User {
            username: None,
            email: None,
            first_name: None,
            locale: None,
            metadata: Metadata::default(),
            roles: Roles::default(),
            password: None,
            created_at: Timestamp::from_micros(i64::MIN),
            updated_at: Timestamp::from_micros(i64::MAX),
            ..user(number)
        };
        let bare = kept(store, bare).await;
        assert_eq!(read(store, &bare).await, Some(bare));
    }
}

pub async fn absence_is_none(store: &Store) {
    let nobody = user(1);
    assert_eq!(read(store, &nobody).await, None);
    assert_eq!(store.users.by_email(nobody.email.as_ref().unwrap()).await, Ok(None));
    assert_eq!(store.users.by_username(nobody.username.as_ref().unwrap()).await, Ok(None));
    assert_eq!(store.users.has_administrator().await, Ok(false));
}

pub async fn an_email_is_taken_in_any_letter_case(store: &Store) {
    kept(store, user(1)).await;
    let twin = User { email: Some(Email::parse("USER1@Example.COM").unwrap()), ..user(2) };
    assert_eq!(store.users.insert(&twin, Along::default()).await, Err(StoreError::Taken(Unique::Email)));
}

pub async fn a_username_and_its_look_alikes_are_taken(store: &Store) {
    let named = |number, name| User { username: Some(Username::parse(name).unwrap()), ..user(number) };
    kept(store, named(1, "paypal")).await;
    for name in ["paypal", "PayPal", "paypa1"] {
        let refused = store.users.insert(&named(2, name), Along::default()).await;
        assert_eq!(refused, Err(StoreError::Taken(Unique::Username)), "{name}");
    }
    kept(store, named(2, "paypall")).await;
}

pub async fn one_of_many_racers_wins(store: &Store) {
    for round in 0..5 {
        let same = move |number: u64| User { id: user_id(100 * (round + 1) + number), ..user(round) };
        let results = race(store, RACERS, |store, number| async move {
            let own = same(number);
            let event = event(1000 * (round + 1) + number, EventKind::Registered, own.id);
            store.users.insert(&own, Along::events(&[event])).await
        })
        .await;
        // Of two indexes that refuse, a database names the one it pleases.
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "{results:?}");
        assert!(
            results
                .iter()
                .all(|r| matches!(r, Ok(()) | Err(StoreError::Taken(Unique::Email | Unique::Username)))),
            "{results:?}"
        );
        let mut events = 0;
        for number in 0..RACERS {
            events += events_of(store, &same(number)).await;
        }
        assert_eq!(events, 1);
    }
}

pub async fn a_refused_insert_leaves_neither_row_nor_event(store: &Store) {
    kept(store, user(1)).await;
    let twin = User { email: user(1).email, ..administrator(2) };
    let refused = store.users.insert(&twin, Along::events(&[event(1, EventKind::Registered, twin.id)])).await;
    assert_eq!(refused, Err(StoreError::Taken(Unique::Email)));
    assert_eq!(read(store, &twin).await, None);
    assert_eq!(events_of(store, &twin).await, 0);
    assert_eq!(store.users.has_administrator().await, Ok(false));
}

pub async fn a_sign_in_is_noted_without_a_new_version(store: &Store) {
    let ada = kept(store, user(1)).await;
    store.users.signed_in(&SignIn { user: ada.id, at: second(9), rehash: None }).await.unwrap();
    let expected = User { last_login_at: Some(second(9)), ..ada.clone() };
    assert_eq!(read(store, &ada).await, Some(expected));
}

pub async fn a_hash_is_upgraded_only_if_it_is_still_there(store: &Store) {
    let ada = kept(store, user(1)).await;
    let hash = |text: &str| PasswordHash::stored(text.into());
    let sign_in = |old: &str, at| SignIn { user: ada.id, at, rehash: Some((hash(old), hash("$new"))) };
    store.users.signed_in(&sign_in("$another", second(8))).await.unwrap();
    let noted = read(store, &ada).await.unwrap();
    assert_eq!((noted.password, noted.last_login_at), (ada.password.clone(), Some(second(8))));
    store.users.signed_in(&sign_in("$hash$1", second(9))).await.unwrap();
    let upgraded = read(store, &ada).await.unwrap();
    assert_eq!((upgraded.password, upgraded.version), (Some(hash("$new")), ada.version));
}

pub async fn a_sign_in_of_nobody_does_nothing(store: &Store) {
    let nobody = user(1);
    assert_eq!(store.users.signed_in(&SignIn { user: nobody.id, at: second(9), rehash: None }).await, Ok(()));
    assert_eq!(read(store, &nobody).await, None);
}

pub async fn a_deleted_user_takes_the_sessions_along(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    for (number, owner) in [(1, &ada), (2, &ada), (3, &bob)] {
        store.sessions.insert(&session(number, owner), 100, &[]).await.unwrap();
    }
    store.users.delete(&ada, Along::events(&[event(1, EventKind::UserDeleted, ada.id)])).await.unwrap();
    assert_eq!(read(store, &ada).await, None);
    assert_eq!(store.sessions.by_id(session_id(1)).await, Ok(None));
    assert_eq!(store.sessions.by_id(session_id(2)).await, Ok(None));
    assert!(store.sessions.by_id(session_id(3)).await.unwrap().is_some());
}

pub async fn a_deleted_user_takes_codes_and_mails_along(store: &Store) {
    let (ada, bob) = (kept(store, user(1)).await, kept(store, user(2)).await);
    for (number, owner) in [(1, Some(ada.id)), (2, Some(bob.id)), (3, None)] {
        assert_eq!(store.codes.issue(&code(number, owner)).await, Ok(true));
        put(store, mail(number, owner)).await;
    }
    let stale = User { version: 7, ..ada.clone() };
    assert_eq!(store.users.delete(&stale, Along::default()).await, Err(StoreError::Stale));
    assert!(store.codes.read(place(1), ada.id).await.unwrap().is_some());
    store.users.delete(&ada, Along::default()).await.unwrap();
    assert_eq!(store.codes.read(place(1), ada.id).await, Ok(None));
    assert_eq!(
        store.codes.try_at(place(1), 5, second(100)).await.unwrap().len(),
        2,
        "another's and nobody's"
    );
    let left = claim(store, 100, 200).await;
    assert_eq!(left.iter().map(|mail| mail.id).collect::<Vec<_>>(), [mail_id(2), mail_id(3)]);
}

pub async fn a_deleted_users_names_are_free_again(store: &Store) {
    let ada = kept(store, user(1)).await;
    store.users.delete(&ada, Along::default()).await.unwrap();
    let next = kept(store, User { id: user_id(2), ..user(1) }).await;
    assert_eq!(store.users.by_email(ada.email.as_ref().unwrap()).await, Ok(Some(next)));
}

pub async fn deleting_a_stale_user_deletes_nothing(store: &Store) {
    let ada = kept(store, user(1)).await;
    let stale = User { version: 2, ..ada.clone() };
    let refused =
        store.users.delete(&stale, Along::events(&[event(1, EventKind::UserDeleted, ada.id)])).await;
    assert_eq!(refused, Err(StoreError::Stale));
    assert_eq!(store.users.delete(&user(2), Along::default()).await, Err(StoreError::Stale));
    assert_eq!(events_of(store, &ada).await, 0);
    assert_eq!(read(store, &ada).await, Some(ada));
}

pub async fn one_of_many_deletions_wins(store: &Store) {
    let ada = kept(store, user(1)).await;
    let results = race(store, RACERS, |store, number| {
        let ada = ada.clone();
        async move {
            store.users.delete(&ada, Along::events(&[event(number, EventKind::UserDeleted, ada.id)])).await
        }
    })
    .await;
    assert_one_winner(&results, &StoreError::Stale);
    assert_eq!(events_of(store, &ada).await, 1);
}

pub async fn those_who_wait_for_an_address_are_found_whoever_has_it(store: &Store) {
    let wanted = Email::parse("Wanted@example.com").unwrap();
    let waiting = |number, text, changed| User {
        pending_email: Some(Email::parse(text).unwrap()),
        updated_at: second(changed),
        ..user(number)
    };
    kept(store, User { email: Some(wanted.clone()), ..user(1) }).await;
    let ada = kept(store, waiting(2, "Wanted@example.com", 50)).await;
    let bob = kept(store, waiting(3, "wANTED@EXAMPLE.com", 70)).await;
    let eve = kept(store, waiting(4, "wanted@example.com", 60)).await;
    kept(store, waiting(5, "wanted@example.com.test", 90)).await;
    let found = async |most| store.users.waiting_for(&wanted, most).await.unwrap();
    assert_eq!(found(9).await, [bob.clone(), eve, ada]);
    assert_eq!(found(1).await, [bob]);
    assert_eq!(found(0).await, []);
    assert_eq!(store.users.waiting_for(&Email::parse("nobody@example.com").unwrap(), 9).await, Ok(vec![]));
}
