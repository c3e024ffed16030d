//! Beside Keyward on MongoDB: the yardstick *driver*, which does with the driver alone what Keyward asks of it for a request;
//! many users, copied straight into the collections; and what a soak looks for. Reads DATABASE_URL as Keyward does.

use crate::{Failure, say};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, Uuid, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, ReturnDocument, WriteConcern};
use mongodb::{Client, Collection, Database};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const USERS: &str = "keyward_users";
const SESSIONS: &str = "keyward_sessions";
/// How many documents are written at a time.
const AT_A_TIME: u64 = 1000;

/// With the concerns and as many connections as Keyward has.
async fn database() -> Result<Database, Failure> {
    let mut options = ClientOptions::parse(std::env::var("DATABASE_URL")?).await?;
    options.max_pool_size = Some(20);
    options.read_concern = Some(ReadConcern::majority());
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    let name = options.default_database.clone().unwrap_or_else(|| "keyward".into());
    Ok(Client::with_options(options)?.database(&name))
}

/// Of each kind as many a second as `tasks` can have: `read` finds a session, where they are here, and its user, `write` changes a user.
pub(crate) async fn run(kind: &str, seconds: f64, tasks: usize) -> Result<(), Failure> {
    let database = database().await?;
    let mut pairs = pairs(&database.collection(SESSIONS), doc! { "user_id": 1 }).await?;
    if pairs.is_empty() {
        // Redis keeps sessions, so a request reads the user alone.
        pairs = self::pairs(&database.collection(USERS), doc! { "_id": 1 }).await?;
    }
    if pairs.is_empty() {
        return Err("there are no users: seed first".into());
    }
    let (pairs, done) = (Arc::new(pairs), Arc::new(AtomicU64::new(0)));
    for task in 0..tasks {
        let (database, pairs, done) = (database.clone(), pairs.clone(), done.clone());
        match kind {
            "read" => drop(tokio::spawn(async move { reads(&database, &pairs, task, &done).await })),
            "write" => drop(tokio::spawn(async move { writes(&database, &pairs, task, tasks, &done).await })),
            _ => return Err("read or write".into()),
        }
    }
    // What is begun and not finished counts as little at the start as at the end.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, start) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let (count, took) = (done.load(Ordering::Relaxed) - before, start.elapsed().as_secs_f64());
    if count == 0 {
        return Err("nothing was done".into());
    }
    say(&json!({"count": count, "per_second": f64::from(u32::try_from(count)?) / took}).to_string())
}

/// Of up to 1,000 documents who they are of; with a session, where there is one.
async fn pairs(of: &Collection<Document>, fields: Document) -> Result<Vec<(Option<Bson>, Bson)>, Failure> {
    let mut pairs = Vec::new();
    let mut cursor = of.find(doc! {}).projection(fields).limit(1000).await?;
    while cursor.advance().await? {
        let mut found = cursor.deserialize_current()?;
        match (found.remove("_id"), found.remove("user_id")) {
            (session, Some(user)) => pairs.push((session, user)),
            (Some(user), None) => pairs.push((None, user)),
            (None, None) => return Err("a document has no id".into()),
        }
    }
    Ok(pairs)
}

async fn reads(database: &Database, pairs: &[(Option<Bson>, Bson)], task: usize, done: &AtomicU64) {
    let (sessions, users): (Collection<Document>, Collection<Document>) =
        (database.collection(SESSIONS), database.collection(USERS));
    for (session, user) in pairs.iter().cycle().skip(task * 31) {
        let session = async {
            match session {
                Some(session) => {
                    sessions.find_one(doc! { "_id": session }).await.map(|found| found.is_some())
                }
                None => Ok(true),
            }
        };
        let found = tokio::try_join!(session, users.find_one(doc! { "_id": user }).into_future());
        if !matches!(found, Ok((true, Some(_)))) {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Each task has users of its own, so that no two wait for the same one.
async fn writes(
    database: &Database,
    pairs: &[(Option<Bson>, Bson)],
    task: usize,
    tasks: usize,
    done: &AtomicU64,
) {
    let users: Collection<Document> = database.collection(USERS);
    for (_, user) in pairs.iter().skip(task).step_by(tasks).cycle() {
        let name = format!("Name {:08}", done.load(Ordering::Relaxed));
        let update = doc! { "$set": { "first_name": name }, "$inc": { "version": 1_i64 } };
        let changed =
            users.find_one_and_update(doc! { "_id": user }, update).return_document(ReturnDocument::After);
        if !matches!(changed.await, Ok(Some(_))) {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Copies the first user and the first session `count` times, numbered as `many.py` asks for them.
pub(crate) async fn copies(count: u64) -> Result<(), Failure> {
    let database = database().await?;
    for of in [USERS, SESSIONS] {
        let collection: Collection<Document> = database.collection(of);
        let first = collection.find_one(doc! {}).sort(doc! { "_id": 1 }).await?.ok_or("seed first")?;
        for begin in (1..=count).step_by(usize::try_from(AT_A_TIME)?) {
            let numbers = begin..=count.min(begin + AT_A_TIME - 1);
            let batch: Result<Vec<_>, Failure> = numbers.map(|number| copy(of, &first, number)).collect();
            collection.insert_many(batch?).ordered(false).await?;
        }
    }
    Ok(())
}

fn copy(of: &str, first: &Document, number: u64) -> Result<Document, Failure> {
    let id = |part: &str| -> Result<Bson, Failure> {
        let id = Uuid::parse_str(format!("00000000-0000-7000-{part}-{number:012x}"))?;
        Ok(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.bytes().to_vec() }))
    };
    let mut copy = first.clone();
    if of == USERS {
        let email = format!("many{number:012x}@example.com");
        copy.insert("_id", id("8000")?);
        copy.insert("email", &email);
        copy.insert("email_key", email);
    } else {
        copy.insert("_id", id("8001")?);
        copy.insert("user_id", id("8000")?);
    }
    Ok(copy)
}

/// A line for each half of something that is there, and at last how many users are. What waits beside a change has ten
/// seconds to be drained.
pub(crate) async fn halves() -> Result<(), Failure> {
    let database = database().await?;
    let of = |name: &str| database.collection::<Document>(name);
    let (users, sessions, events) = (of(USERS), of(SESSIONS), of("keyward_events"));
    let waits = doc! { "pending.into": { "$exists": true } };
    let begun = Instant::now();
    let waiting = loop {
        let waiting =
            users.count_documents(waits.clone()).await? + sessions.count_documents(waits.clone()).await?;
        if waiting == 0 || begun.elapsed() > Duration::from_secs(10) {
            break waiting;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    if waiting > 0 {
        say(&format!("documents in which something waits: {waiting}"))?;
    }
    let lacking = users.count_documents(doc! { "password": { "$exists": false } }).await?;
    if lacking > 0 {
        say(&format!("users without password: {lacking}"))?;
    }
    let registered = events.distinct("user_id", doc! { "kind": "registered" }).await?;
    let known = users.distinct("_id", doc! {}).await?;
    let (known, registered) = (texts(&known), texts(&registered));
    for (what, one, other) in
        [("users without event", &known, &registered), ("events without user", &registered, &known)]
    {
        let alone = one.difference(other).count();
        if alone > 0 {
            say(&format!("{what}: {alone}"))?;
        }
    }
    say(&known.len().to_string())
}

fn texts(ids: &[Bson]) -> BTreeSet<String> {
    ids.iter().map(ToString::to_string).collect()
}
