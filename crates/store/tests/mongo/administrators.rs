//! Administrators as tests look at them: how one goes, who is one by the documents, and who is a member by the guard.

use crate::place::Place;
use keyward_auth::records::{Along, Store, StoreError, User};
use keyward_store::conformance::sample::*;
use mongodb::bson::{Bson, Uuid};

/// The ways in which there may be one administrator less.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Demoted,
    Disabled,
    Deleted,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Demoted, Self::Disabled, Self::Deleted];
}

pub(crate) async fn leave(store: &Store, admin: &User, way: Way) -> Result<(), StoreError> {
    let change = match way {
        Way::Demoted => demotion(admin),
        Way::Disabled => disabling(admin),
        Way::Deleted => return store.users.delete(admin, Along::default()).await,
    };
    store.users.change(admin.id, &change, second(9), Along::default()).await.map(drop)
}

/// Those of these numbers that are, by their documents.
pub(crate) async fn administrators(store: &Store, numbers: impl IntoIterator<Item = u64>) -> Vec<User> {
    let mut found = Vec::new();
    for number in numbers {
        found.extend(read(store, &user(number)).await.filter(User::is_administrator));
    }
    found
}

pub(crate) async fn is_administrator(store: &Store, number: u64) -> bool {
    !administrators(store, [number]).await.is_empty()
}

/// A user's id as it lies in a document.
pub(crate) fn id(number: u64) -> Bson {
    Uuid::from_bytes(*user_id(number).as_bytes()).into()
}

/// The guard's lists.
pub(crate) async fn guard(place: &Place) -> (Vec<Bson>, Vec<Bson>) {
    let guard = place.all("keyward_guards").await.remove(0);
    let list = |name| guard.get_array(name).unwrap().clone();
    (list("members"), list("moving"))
}

/// The guard knows exactly those of these numbers who are administrators, and nobody moves.
pub(crate) async fn assert_settled(place: &Place, store: &Store, numbers: std::ops::Range<u64>) {
    let mut expected = Vec::new();
    for number in numbers {
        expected.extend(is_administrator(store, number).await.then(|| id(number)));
    }
    let (mut members, moving) = guard(place).await;
    members.sort_by_key(|member| expected.iter().position(|expected| expected == member));
    assert!(!expected.is_empty());
    assert_eq!((members, moving), (expected, Vec::new()));
}
