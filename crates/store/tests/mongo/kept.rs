//! How records lie in the database: documents that a person can read in a shell and that hold no operators, indexes that keep
//! names unique, and dates by which a server may tidy up.

use crate::place::Place;
use keyward_auth::records::{Actor, Along, Event, EventKind, Session, StoreError};
use keyward_auth::values::Metadata;
use keyward_store::conformance::sample::*;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, Document, doc};

fn names(document: &Document) -> Vec<&str> {
    document.keys().map(String::as_str).collect()
}

/// No `null` and no bytes but ids, at any depth.
fn assert_readable(value: &Bson) {
    match value {
        Bson::Document(document) => document.values().for_each(assert_readable),
        Bson::Array(items) => items.iter().for_each(assert_readable),
        Bson::Binary(binary) => assert_eq!(binary.subtype, BinarySubtype::Uuid),
        Bson::Null => panic!("null"),
        _ => {}
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn documents_can_be_read() {
    let place = Place::new();
    let store = place.store().await;
    let ada = kept(&store, administrator(1)).await;
    let events = [event(1, EventKind::SignedIn, ada.id)];
    store.sessions.insert(&session(1, &ada), 9, &events).await.unwrap();
    store.codes.issue(&code(1, Some(ada.id))).await.unwrap();
    put(&store, mail(1, Some(ada.id))).await;
    store.leftovers.put(&leftover(1)).await.unwrap();
    let mut all = Vec::new();
    for collection in place.database().await.list_collection_names().await.unwrap() {
        for document in place.all(&collection).await {
            assert_readable(&Bson::Document(document.clone()));
            all.push((collection.clone(), document));
        }
    }
    let only = |name: &str| &all.iter().find(|(collection, _)| collection == name).unwrap().1;
    let user = only("keyward_users");
    assert_eq!(
        names(user),
        [
            "_id",
            "version",
            "username",
            "username_shape",
            "email",
            "email_key",
            "first_name",
            "locale",
            "metadata",
            "roles",
            "password",
            "epoch",
            "created_at",
            "updated_at"
        ]
    );
    assert_eq!(user.get_str("email").ok(), Some("User1@example.com"));
    assert_eq!(user.get_str("email_key").ok(), Some("user1@example.com"));
    assert_eq!(user.get_str("created_at").ok(), Some("2026-11-21T09:40:01.000000Z"));
    assert_eq!(user.get_array("roles").unwrap(), &["admin".into(), "user".into()] as &[Bson]);
    assert_eq!(user.get("_id"), Some(&mongodb::bson::Uuid::from_bytes(*ada.id.as_bytes()).into()));
    let kept = only("keyward_sessions");
    assert_eq!(kept.get_str("expires_at").ok(), Some("2026-11-21T09:56:40.000000Z"));
    // Not before the end: an answer is decided by the text, and the server tidies up behind it.
    let gone_at = kept.get_datetime("gone_at").unwrap().timestamp_millis();
    assert!(gone_at * 1000 > session(1, &ada).ends_at.as_micros(), "{gone_at}");
    assert_eq!(only("keyward_mails").get_str("state").ok(), Some("waiting"));
    assert_eq!(only("keyward_events").get_str("kind").ok(), Some(EventKind::SignedIn.as_str()));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn names_are_unique_and_what_expires_goes_by_itself() {
    let place = Place::new();
    place.store().await;
    let mut found = Vec::new();
    for (collection, name) in [
        ("keyward_users", "email_key"),
        ("keyward_users", "username"),
        ("keyward_users", "username_shape"),
        ("keyward_keys", "sequence"),
        ("keyward_sessions", "gone_at"),
        ("keyward_codes", "gone_at"),
    ] {
        let collection = place.collection(collection).await;
        let mut cursor = collection.list_indexes().await.unwrap();
        while cursor.advance().await.unwrap() {
            let index = cursor.deserialize_current().unwrap();
            let options = index.options.unwrap();
            if options.name.as_deref() == Some(name) {
                found.push((options.unique == Some(true), options.expire_after.map(|after| after.as_secs())));
            }
        }
    }
    assert_eq!(found, [[(true, None); 4].as_slice(), &[(false, Some(0)); 2]].concat());
}

/// Also where they pass through an expression, as when somebody is deleted.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn texts_that_look_like_operators_are_texts() {
    let place = Place::new();
    let store = place.store().await;
    let odd = r#"{"$gt":"","$where":"1","a.b":{"$set":{"roles":["admin"]}},"":"$$ROOT"}"#;
    let mut ada = user(1);
    ada.metadata = Metadata::stored(odd.into());
    kept(&store, ada.clone()).await;
    assert_eq!(read(&store, &ada).await.unwrap().metadata.as_str(), odd);
    for (number, text) in
        ["$user_id", "$$ROOT", "{\"$gt\": \"\"}", "$literal", "a.$[].b"].into_iter().enumerate()
    {
        let number = number as u64 + 1;
        let event = Event {
            agent: Some(text.into()),
            request_id: Some(text.into()),
            actor: Actor::Operator,
            ..event(number, EventKind::SessionEnded, ada.id)
        };
        let session = Session { agent: Some(text.into()), ..session(number, &ada) };
        store.sessions.insert(&session, 9, &[]).await.unwrap();
        assert_eq!(store.sessions.by_id(session.id).await, Ok(Some(session.clone())));
        let along = Along::events(std::slice::from_ref(&event));
        assert_eq!(store.sessions.end(session.id, ada.id, along).await, Ok(true));
        assert_eq!(store.audit.of_user(ada.id, 1).await, Ok(vec![event]));
        let lease = store.leases.take(text, text, second(1), second(2)).await;
        assert_eq!(lease, Ok(true));
    }
    let event = Event { agent: Some("$_id".into()), ..event(99, EventKind::UserDeleted, ada.id) };
    store.users.delete(&ada, Along::events(std::slice::from_ref(&event))).await.unwrap();
    assert_eq!(store.audit.of_user(ada.id, 1).await, Ok(vec![event]));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_cannot_be_read_is_named_and_not_shown() {
    let place = Place::new();
    let store = place.store().await;
    let ada = kept(&store, user(1)).await;
    let users = place.collection("keyward_users").await;
    for (field, value) in [
        ("version", Bson::from("canary")),
        ("created_at", "canary".into()),
        ("metadata", 5.into()),
        ("roles", "canary".into()),
        ("password", vec!["canary"].into()),
        ("email", doc! { "canary": 1 }.into()),
    ] {
        let before = users.find_one(doc! {}).await.unwrap().unwrap();
        users.update_one(doc! {}, doc! { "$set": { field: value } }).await.unwrap();
        let Err(StoreError::Backend(text)) = store.users.by_id(ada.id).await else {
            panic!("{field} was read")
        };
        assert!(text.contains(field) && text.contains(&ada.id.to_string()), "{text}");
        assert!(!text.contains("canary"), "{text}");
        users.replace_one(doc! {}, before).await.unwrap();
    }
    // As a person writes a number in a shell.
    users.update_one(doc! {}, doc! { "$set": { "version": 7_i32 } }).await.unwrap();
    assert_eq!(read(&store, &ada).await.unwrap().version, 7);
}
