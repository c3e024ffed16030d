//! What an operator may have got wrong: told within seconds, in one line that says what to do, without the password.

use crate::place::{Place, SOON, open};
use crate::wire::{Act, Wire};
use keyward_auth::values::Timestamp;
use keyward_store::mongo::OpenError;
use mongodb::bson::doc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// As it is shipped.
const USUAL: Duration = Duration::from_secs(4);
const NOW: Timestamp = Timestamp::from_micros(1);

/// The line with which opening fails.
async fn refused(url: &str) -> String {
    let begun = Instant::now();
    let error = open(url, USUAL).await.err().unwrap_or_else(|| panic!("{url} was opened"));
    // Three steps of five seconds.
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    one_line(&error)
}

fn one_line(error: &OpenError) -> String {
    let line = error.to_string();
    assert!(line.starts_with("mongodb://") && !line.contains('\n') && line.len() < 400, "{line}");
    assert!(!line.contains("canary") && !format!("{error:?}").contains("canary"), "{line}");
    line
}

#[tokio::test]
async fn nobody_at_the_address() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (at, why) in
        [(closed.to_string(), "was refused"), ("no-such-host.invalid".into(), "cannot be resolved")]
    {
        let line = refused(&format!("mongodb://u:canary@{at}/d")).await;
        assert!(line.contains("cannot be reached") && line.contains(&at) && line.contains(why), "{line}");
    }
}

#[tokio::test]
async fn somebody_else_at_the_address() {
    for words in ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(words.as_bytes()).await;
                kept.push(stream);
            }
        });
        let line = refused(&format!("mongodb://u:canary@{at}/d")).await;
        assert!(line.contains("cannot be reached"), "{words}: {line}");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_there() {
    let line = refused("mongodb://u:canary@h/d?tlsCAFile=/nowhere/ca.pem&tls=true").await;
    assert!(line.contains("the URL cannot be used") && line.contains("tlsCAFile"), "{line}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_wrong_password_or_none() {
    let place = Place::new();
    for login in ["keyward:canary", "nobody:canary"] {
        let line =
            refused(&format!("mongodb://{login}@{}/{}?authSource=admin", place.server, place.name)).await;
        assert!(
            line.contains("refuses the user name or the password") && line.contains("authSource"),
            "{line}"
        );
    }
    let line = refused(&format!("mongodb://{}/{}", place.server, place.name)).await;
    assert!(line.contains("readWrite") || line.contains("user name"), "{line}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_server_that_is_too_old() {
    let place = Place::new();
    let wire = Wire::to(&place.server).await;
    wire.obey(|name| match name {
        "buildInfo" => Act::change(|info| {
            info.insert("version", "4.4.29");
            info.insert("versionArray", vec![4, 4, 29, 0]);
        }),
        _ => Act::Pass,
    });
    let line = refused(&place.url_at(&wire.address)).await;
    assert!(line.contains("MongoDB 4.4.29") && line.contains("5.0 or newer"), "{line}");
    // So old that the driver itself does not speak with it.
    wire.obey(|name| match name {
        "hello" | "isMaster" | "ismaster" => Act::change(|hello| {
            hello.insert("maxWireVersion", 6);
        }),
        _ => Act::Pass,
    });
    let line = refused(&place.url_at(&wire.address)).await;
    assert!(line.contains("MongoDB of before 4.4") && line.contains("5.0 or newer"), "{line}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn who_may_not_make_indexes_is_told() {
    let place = Place::new();
    let wire = Wire::to(&place.server).await;
    wire.obey(|name| match name {
        "createIndexes" => Act::Answer(doc! {
            "ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on canary to execute",
        }),
        _ => Act::Pass,
    });
    let mongo = open(&place.url_at(&wire.address), SOON).await.unwrap();
    let line = one_line(&mongo.migrate(NOW).await.unwrap_err());
    assert!(line.contains("does not permit") && line.contains("readWrite"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn it_is_made_once_and_by_many_at_once() {
    let place = Place::new();
    let mongo = open(&place.url(), SOON).await.unwrap();
    let due = mongo.status().await.unwrap();
    assert!(due.len() == 1 && due[0].applied_at.is_none(), "{due:?}");
    let making = (0..6).map(|_| {
        let mongo = mongo.clone();
        tokio::spawn(async move { mongo.migrate(NOW).await })
    });
    for made in making.collect::<Vec<_>>() {
        made.await.unwrap().unwrap();
    }
    let indexes = place.collection("keyward_users").await.list_index_names().await.unwrap();
    assert_eq!(mongo.migrate(NOW).await.unwrap(), []);
    assert_eq!(mongo.status().await.unwrap()[0].applied_at, Some(NOW));
    assert_eq!(place.collection("keyward_users").await.list_index_names().await.unwrap(), indexes);
    assert_eq!(place.all("keyward_guards").await.len(), 1);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_should_be_unique_and_is_not_is_named() {
    let place = Place::new();
    let users = place.collection("keyward_users").await;
    users.insert_many([doc! { "email_key": "canary" }, doc! { "email_key": "canary" }]).await.unwrap();
    let mongo = open(&place.url(), SOON).await.unwrap();
    let line = one_line(&mongo.migrate(NOW).await.unwrap_err());
    assert!(line.contains("the index email_key of keyward_users: several documents"), "{line}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn a_newer_schema_is_left_alone() {
    let place = Place::new();
    place.store().await;
    let newer = doc! { "$set": { "version": 99_i64 } };
    place.collection("keyward_schema").await.update_one(doc! {}, newer).await.unwrap();
    let mongo = open(&place.url(), SOON).await.unwrap();
    for error in [mongo.status().await.unwrap_err(), mongo.migrate(NOW).await.unwrap_err()] {
        let line = one_line(&error);
        assert!(line.contains("newer Keyward") && line.contains("99"), "{line}");
    }
}
