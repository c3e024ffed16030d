//! Mails that a change causes, and pictures that it makes nobody's: there if and only if it is.

use super::sample::*;
use keyward_auth::records::{Along, Change, Direction, Leftover, Mail, Store, StoreError, Unique, User};
use keyward_auth::values::Email;

fn along(mails: &[Mail]) -> Along<'_> {
    Along { mails, ..Along::default() }
}

fn leaving(leftovers: &[Leftover]) -> Along<'_> {
    Along { leftovers, ..Along::default() }
}

/// Whether all of these, and no others, are due.
async fn assert_due(store: &Store, leftovers: &[Leftover]) {
    let expected: Vec<Leftover> =
        leftovers.iter().map(|own| Leftover { due_at: second(9000), ..*own }).collect();
    assert_eq!(claim_leftovers(store, 100, 9000).await, expected);
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

pub async fn leftovers_are_there_with_a_change(store: &Store) {
    let (ada, bob) = (user(1), administrator(2));
    let left = [1, 2, 3, 4, 5].map(leftover);
    store.users.insert(&ada, leaving(&left[..1])).await.unwrap();
    store.users.insert_first_administrator(&bob, leaving(&left[1..2])).await.unwrap();
    let ada = store.users.change(ada.id, &Change::default(), second(9), leaving(&left[2..4])).await.unwrap();
    store.users.delete(&ada, leaving(&left[4..])).await.unwrap();
    assert_due(store, &left).await;
}

pub async fn a_picture_and_what_was_before_it_change_together(store: &Store) {
    let ada = kept(store, User { picture: Some(picture(1)), ..user(1) }).await;
    let hang = |picture| Change { picture: Some(picture), ..Change::default() };
    let left = Leftover { user: ada.id, ..leftover(1) };
    let hung =
        store.users.change(ada.id, &hang(Some(picture(2))), second(9), leaving(&[left])).await.unwrap();
    assert_eq!(hung.picture, Some(picture(2)));
    assert_due(store, &[left]).await;
    let next = Leftover { user: ada.id, ..leftover(2) };
    let bare = store.users.change(ada.id, &hang(None), second(9), leaving(&[next])).await.unwrap();
    assert_eq!((bare.picture, read(store, &ada).await.unwrap().picture), (None, None));
    assert_due(store, &[next]).await;
}

pub async fn what_was_put_before_is_due_when_the_change_says(store: &Store) {
    let ada = kept(store, user(1)).await;
    let put = Leftover { user: ada.id, due_at: second(5000), ..leftover(1) };
    store.leftovers.put(&put).await.unwrap();
    let left = Leftover { due_at: second(50), user: user_id(7), ..put };
    store.users.change(ada.id, &Change::default(), second(9), leaving(&[left])).await.unwrap();
    assert_due(store, &[put]).await;
    // While somebody looks at it: what was claimed is not forgotten.
    let claimed = Leftover { due_at: second(9000), ..put };
    store.users.delete(&read(store, &ada).await.unwrap(), leaving(&[left])).await.unwrap();
    assert_eq!(store.leftovers.remove(&claimed).await, Ok(false));
    assert_due(store, &[put]).await;
}

pub async fn a_refused_change_leaves_no_leftover(store: &Store) {
    let (ada, bob) = (kept(store, administrator(1)).await, kept(store, user(2)).await);
    // One that is there already, and stays due when it is.
    let put = Leftover { due_at: second(100), ..leftover(1) };
    store.leftovers.put(&put).await.unwrap();
    let left = [leftover(1), leftover(2)];
    let (twin, stale) = (User { email: ada.email.clone(), ..user(3) }, User { version: 7, ..ada.clone() });
    assert_eq!(store.users.insert(&twin, leaving(&left)).await, Err(StoreError::Taken(Unique::Email)));
    let second_first = store.users.insert_first_administrator(&administrator(4), leaving(&left)).await;
    assert_eq!(second_first, Err(StoreError::Guarded));
    let change = async |of: &User, change: Change| {
        let change = Change { picture: Some(Some(picture(9))), ..change };
        store.users.change(of.id, &change, second(9), leaving(&left)).await
    };
    let to_seven = Change { if_version: Some(7), ..Change::default() };
    assert_eq!(change(&ada, to_seven.clone()).await, Err(StoreError::Stale));
    assert_eq!(change(&user(5), Change::default()).await, Err(StoreError::Stale));
    let taken = Change { email: Some(Some(Email::parse("user1@example.com").unwrap())), ..Change::default() };
    assert_eq!(change(&bob, taken).await, Err(StoreError::Taken(Unique::Email)));
    let going = Change {
        if_version: Some(1),
        disabled_at: Some(Some(second(9))),
        administrators: Some(Direction::Leaves),
        ..Change::default()
    };
    assert_eq!(change(&ada, going).await, Err(StoreError::Guarded));
    assert_eq!(store.users.delete(&stale, leaving(&left)).await, Err(StoreError::Stale));
    assert_eq!(store.users.delete(&ada, leaving(&left)).await, Err(StoreError::Guarded));
    assert_eq!((read(store, &ada).await, read(store, &bob).await), (Some(ada), Some(bob)));
    assert_eq!(claim_leftovers(store, 99, 9000).await, []);
    assert_due(store, &[put]).await;
}

pub async fn what_cannot_be_kept_takes_change_and_leftover_back(store: &Store) {
    let ada = kept(store, user(1)).await;
    let taken = [put(store, mail(1, None)).await];
    let left = [leftover(1)];
    let along = Along { mails: &taken, leftovers: &left, ..Along::default() };
    let change = Change { picture: Some(Some(picture(2))), ..Change::default() };
    assert!(store.users.change(ada.id, &change, second(9), along).await.is_err());
    assert!(store.users.insert(&user(2), along).await.is_err());
    assert!(store.users.delete(&ada, along).await.is_err());
    assert_eq!(store.users.by_id(user_id(2)).await, Ok(None));
    assert_eq!(store.users.by_id(ada.id).await, Ok(Some(ada)));
    assert_due(store, &[]).await;
}

pub async fn a_leftover_outlives_its_user(store: &Store) {
    let ada = kept(store, User { picture: Some(picture(3)), ..user(1) }).await;
    let [before, with] = [2, 3].map(|number| Leftover { user: ada.id, ..leftover(number) });
    store.leftovers.put(&before).await.unwrap();
    store.users.delete(&ada, leaving(&[with])).await.unwrap();
    assert_eq!(read(store, &ada).await, None);
    assert_due(store, &[before, with]).await;
}

pub async fn of_racing_pictures_one_stays_and_all_others_are_left_over(store: &Store) {
    let ada = kept(store, User { picture: Some(picture(1000)), ..user(1) }).await;
    race(store, RACERS, |store, number| async move {
        // As a flow does: again, for as long as somebody else was first.
        loop {
            let before = store.users.by_id(user_id(1)).await.unwrap().unwrap();
            let left = [Leftover { picture: before.picture.unwrap(), ..leftover(number) }];
            let change = Change {
                if_version: Some(before.version),
                picture: Some(Some(picture(number))),
                ..Change::default()
            };
            match store.users.change(before.id, &change, second(9), leaving(&left)).await {
                Err(StoreError::Stale) => {}
                other => break drop(other.unwrap()),
            }
        }
    })
    .await;
    let mut pictures: Vec<String> =
        claim_leftovers(store, 100, 9000).await.iter().map(|left| left.picture.to_string()).collect();
    let shown = read(store, &ada).await.unwrap().picture.unwrap();
    assert!(!pictures.contains(&shown.to_string()), "{shown} is somebody's");
    pictures.push(shown.to_string());
    pictures.sort();
    let mut expected: Vec<String> =
        (0..RACERS).chain([1000]).map(|number| picture(number).to_string()).collect();
    expected.sort();
    assert_eq!(pictures, expected);
}
