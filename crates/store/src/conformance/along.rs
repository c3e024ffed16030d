//! Mails that a change causes: there if and only if it is.

use super::sample::*;
use keyward_auth::records::{Along, Change, Mail, Store, StoreError, Unique, User};

fn along(mails: &[Mail]) -> Along<'_> {
    Along { mails, ..Along::default() }
}

pub async fn mails_are_there_with_a_change(store: &Store) {
    let (ada, bob) = (user(1), administrator(2));
    let told = |number| [mail(number, Some(ada.id))];
    store.users.insert(&ada, along(&told(1))).await.unwrap();
    store.users.insert_first_administrator(&bob, along(&told(2))).await.unwrap();
    let ada = store.users.change(ada.id, &Change::default(), second(9), along(&told(3))).await.unwrap();
    store.sessions.insert(&session(1, &ada), 9, &[]).await.unwrap();
    assert_eq!(store.sessions.end(session_id(1), ada.id, along(&told(4))).await, Ok(true));
    for number in 1..=4 {
        assert_eq!(kept_mail(store, mail_id(number)).await, Some(told(number)[0].clone()));
    }
}

pub async fn a_refused_change_leaves_no_mail(store: &Store) {
    let ada = kept(store, administrator(1)).await;
    let told = [mail(1, Some(ada.id)), mail(2, None)];
    let (twin, stale) = (User { email: ada.email.clone(), ..user(2) }, User { version: 7, ..ada.clone() });
    assert_eq!(store.users.insert(&twin, along(&told)).await, Err(StoreError::Taken(Unique::Email)));
    let second_first = store.users.insert_first_administrator(&administrator(3), along(&told)).await;
    assert_eq!(second_first, Err(StoreError::Guarded));
    let change = Change { if_version: Some(7), ..Change::default() };
    assert_eq!(store.users.change(ada.id, &change, second(9), along(&told)).await, Err(StoreError::Stale));
    assert_eq!(store.users.delete(&stale, along(&told)).await, Err(StoreError::Stale));
    assert_eq!(store.users.delete(&ada, along(&told)).await, Err(StoreError::Guarded));
    assert_eq!(store.sessions.end(session_id(1), ada.id, along(&told)).await, Ok(false));
    assert_eq!(claim(store, 100, 200).await, []);
}

pub async fn a_mail_that_cannot_be_kept_takes_the_change_back(store: &Store) {
    let ada = kept(store, user(1)).await;
    let taken = [put(store, mail(1, None)).await];
    let change = Change { first_name: Some(None), ..Change::default() };
    assert!(store.users.change(ada.id, &change, second(9), along(&taken)).await.is_err());
    assert!(store.users.insert(&user(2), along(&taken)).await.is_err());
    assert!(store.users.delete(&ada, along(&taken)).await.is_err());
    assert_eq!(store.users.by_id(user_id(2)).await, Ok(None));
    assert_eq!(store.users.by_id(ada.id).await, Ok(Some(ada)));
}

pub async fn a_mail_that_tells_of_a_deletion_stays(store: &Store) {
    let ada = kept(store, user(1)).await;
    let told = [mail(2, Some(ada.id)), mail(3, None)];
    store.users.delete(&ada, along(&told)).await.unwrap();
    assert_eq!(claim(store, 100, 200).await.len(), 2);
}
