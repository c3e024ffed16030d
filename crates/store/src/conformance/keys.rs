//! Signing keys: each place in a sequence is taken once.

use super::sample::*;
use keyward_auth::records::{Store, StoreError, StoredKey, Unique};

fn key(id: &str, algorithm: &str, sequence: i64) -> StoredKey {
    StoredKey {
        id: id.into(),
        algorithm: algorithm.into(),
        sequence,
        sealed: vec![0, 255, b'\'', 128],
        created_at: second(1),
        signs_from: second(6),
    }
}

pub async fn keys_come_back_by_algorithm_and_sequence(store: &Store) {
    assert_eq!(store.keys.all().await, Ok(Vec::new()));
    let keys = [key("d", "ES256", 1), key("b", "ES256", 2), key("c", "ES256", 10), key("a", "HS256", 1)];
    for number in [3, 1, 2, 0] {
        store.keys.insert(&keys[number]).await.unwrap();
    }
    assert_eq!(store.keys.all().await.unwrap(), keys);
}

pub async fn one_of_many_keys_of_a_sequence_wins(store: &Store) {
    for sequence in 1..=5 {
        let results = race(store, RACERS, |store, number| async move {
            store.keys.insert(&key(&format!("{sequence}-{number}"), "ES256", sequence)).await
        })
        .await;
        assert_one_winner(&results, &StoreError::Taken(Unique::Key));
    }
    assert_eq!(store.keys.all().await.unwrap().len(), 5);
}

pub async fn a_sequence_is_of_one_algorithm(store: &Store) {
    for algorithm in ["ES256", "EdDSA"] {
        store.keys.insert(&key(algorithm, algorithm, 1)).await.unwrap();
    }
    let refused = store.keys.insert(&key("other", "EdDSA", 1)).await;
    assert_eq!(refused, Err(StoreError::Taken(Unique::Key)));
}

pub async fn a_removed_key_is_gone(store: &Store) {
    let (one, two) = (key("one", "ES256", 1), key("two", "ES256", 2));
    store.keys.insert(&one).await.unwrap();
    store.keys.insert(&two).await.unwrap();
    store.keys.remove("one").await.unwrap();
    store.keys.remove("one").await.unwrap();
    assert_eq!(store.keys.all().await.unwrap(), [two]);
}
