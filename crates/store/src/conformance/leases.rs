//! Leases: one holder at a time, for as long as it comes back.

use super::sample::*;
use keyward_auth::records::Store;

async fn take(store: &Store, holder: &str, now: u64, until: u64) -> bool {
    store.leases.take("sweep", holder, second(now), second(until)).await.unwrap()
}

pub async fn one_of_many_racers_gets_it(store: &Store) {
    for round in 0..5 {
        let (now, until) = (round * 100, round * 100 + 60);
        let results = race(store, RACERS, |store, number| async move {
            take(&store, &format!("node {number}"), now, until).await
        })
        .await;
        assert_eq!(results.into_iter().filter(|taken| *taken).count(), 1);
    }
}

pub async fn the_holder_prolongs_it(store: &Store) {
    assert!(take(store, "a", 0, 60).await);
    assert!(take(store, "a", 30, 90).await);
    assert!(!take(store, "b", 89, 149).await);
    assert!(take(store, "b", 90, 150).await);
    assert!(!take(store, "a", 91, 151).await);
}

pub async fn an_expired_lease_is_taken(store: &Store) {
    assert!(take(store, "a", 0, 60).await);
    assert!(!take(store, "b", 59, 119).await);
    assert!(take(store, "b", 60, 120).await);
    assert!(!take(store, "a", 61, 121).await);
}

pub async fn only_the_holder_gives_it_back(store: &Store) {
    assert!(take(store, "a", 0, 60).await);
    store.leases.give_back("sweep", "b").await.unwrap();
    assert!(!take(store, "b", 1, 61).await);
    store.leases.give_back("sweep", "a").await.unwrap();
    assert!(take(store, "b", 1, 61).await);
    store.leases.give_back("other", "b").await.unwrap();
    assert!(!take(store, "a", 2, 62).await);
}

pub async fn leases_do_not_mix(store: &Store) {
    assert!(take(store, "a", 0, 60).await);
    assert!(store.leases.take("keys", "b", second(0), second(60)).await.unwrap());
    assert!(!store.leases.take("keys", "a", second(1), second(61)).await.unwrap());
    assert!(!take(store, "b", 1, 61).await);
}
