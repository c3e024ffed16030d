//! A set of two members of which now one and now the other can be written: as driver and Keyward see it, for behind both is the
//! one server of the tests. What is told as done is done, and nothing needs a restart.

use crate::message::name_of;
use crate::place::{BRIEF, Place, SOON, is_backend, open, until};
use crate::wire::{Act, Wire, is_about_data};
use keyward_auth::records::{Along, Change, EventKind, Store, StoreError};
use keyward_store::conformance::sample::*;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// By session and number of a write: the members that were asked for it, one after the other.
type Asked = Arc<Mutex<BTreeMap<(String, i64), Vec<usize>>>>;

struct Set {
    wires: [Wire; 2],
    /// How many elections there were: odd and even ones have their own primary.
    elections: Arc<AtomicUsize>,
    asked: Asked,
}

impl Set {
    async fn of(place: &Place) -> Self {
        let wires = [Wire::to(&place.server).await, Wire::to(&place.server).await];
        let set = Self { wires, elections: Arc::default(), asked: Asked::default() };
        for own in 0..2 {
            set.rule(own);
        }
        set
    }

    fn rule(&self, own: usize) {
        let hosts = [0, 1].map(|number| self.wires[number].address.clone());
        let (elections, asked) = (self.elections.clone(), self.asked.clone());
        self.wires[own].judge(move |command| {
            let (name, election) = (name_of(command), elections.load(Ordering::SeqCst));
            if ["hello", "isMaster", "ismaster"].contains(&name) {
                let hosts = hosts.clone();
                return Act::change(move |hello| introduce(hello, &hosts, own, election));
            }
            if !is_about_data(name) {
                return Act::Pass;
            }
            if let Some(write) = number(command) {
                asked.lock().unwrap().entry(write).or_default().push(own);
            }
            match election % 2 == own {
                true => Act::Pass,
                // The first members to be asked after an election hang up, as one does that is ended.
                false if election % 4 == 3 => Act::Cut,
                false => Act::Answer(doc! {
                    "ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary",
                    "errorLabels": ["RetryableWriteError"],
                }),
            }
        });
    }

    /// Of one database.
    async fn store(&self, place: &Place) -> Store {
        let hosts = format!("{},{}", self.wires[0].address, self.wires[1].address);
        open(&format!("{}&replicaSet=rs0&retryWrites=false", place.url_at(&hosts)), BRIEF)
            .await
            .unwrap()
            .store()
    }

    /// The writes that were asked for again, with the same number.
    fn repeated(&self) -> usize {
        self.asked.lock().unwrap().values().filter(|members| members.len() > 1).count()
    }
}

/// Of a write that a set does once however often it comes. The server of the tests does not look at it: so none is done here
/// before it is repeated.
fn number(command: &Document) -> Option<(String, i64)> {
    let number = command.get_i64("txnNumber").ok()?;
    Some((command.get_document("lsid").unwrap().to_string(), number))
}

/// What a member says of itself.
fn introduce(hello: &mut Document, hosts: &[String; 2], own: usize, election: usize) {
    let is_primary = election % 2 == own;
    hello.extend(doc! {
        "setName": "rs0", "hosts": hosts.to_vec(), "me": &hosts[own], "primary": &hosts[election % 2],
        "ismaster": is_primary, "isWritablePrimary": is_primary, "secondary": !is_primary, "setVersion": 1,
    });
    hello.remove("topologyVersion");
    if is_primary {
        let mut id = [0; 12];
        id[4..].copy_from_slice(&(election as u64).to_be_bytes());
        hello.insert("electionId", ObjectId::from_bytes(id));
    }
}

/// What one of those who write has seen.
#[derive(Debug, Default)]
struct Log {
    /// The numbers of users that were told to be there.
    users: BTreeSet<u64>,
    changes: i64,
    refused: i64,
}

impl Log {
    fn note(&mut self, outcome: &Result<(), StoreError>, begun: Instant) -> bool {
        assert!(begun.elapsed() < BRIEF + SOON, "{:?}", begun.elapsed());
        assert!(outcome.is_ok() || is_backend(outcome), "{outcome:?}");
        self.refused += i64::from(outcome.is_err());
        outcome.is_ok()
    }
}

/// Users come and one changes, until it is over.
async fn write(store: Store, first: u64, is_over: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> Log {
    let mut log = Log::default();
    for number in first + 1.. {
        if is_over.load(Ordering::SeqCst) {
            return log;
        }
        let told = [event(number, EventKind::UserCreated, user_id(number))];
        let begun = Instant::now();
        if log.note(&store.users.insert(&user(number), Along::events(&told)).await, begun) {
            log.users.insert(number);
            done.fetch_add(1, Ordering::SeqCst);
        }
        let change = Change { first_name: Some(None), ..Change::default() };
        let begun = Instant::now();
        let changed = store.users.change(user_id(first), &change, second(9), Along::default()).await;
        log.changes += i64::from(log.note(&changed.map(drop), begun));
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn what_is_written_while_the_primary_moves_is_there_and_all_goes_on() {
    let place = Place::new();
    let direct = place.store().await;
    let set = Set::of(&place).await;
    let store = set.store(&place).await;
    let (is_over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let firsts = [1000, 2000, 3000];
    let mut writers = Vec::new();
    for first in firsts {
        kept(&direct, user(first)).await;
        writers.push(tokio::spawn(write(store.clone(), first, is_over.clone(), done.clone())));
    }
    for _ in 0..6 {
        let before = done.load(Ordering::SeqCst);
        until(async || done.load(Ordering::SeqCst) > before + 10).await;
        set.elections.fetch_add(1, Ordering::SeqCst);
    }
    let before = done.load(Ordering::SeqCst);
    until(async || done.load(Ordering::SeqCst) > before + 10).await;
    is_over.store(true, Ordering::SeqCst);
    for (first, writer) in firsts.into_iter().zip(writers) {
        let log = writer.await.unwrap();
        for &number in &log.users {
            assert!(read(&direct, &user(number)).await.is_some(), "{number}");
            assert_eq!(events_of(&direct, &user(number)).await, 1, "{number}");
        }
        let version = read(&direct, &user(first)).await.unwrap().version;
        // What was given up may be done.
        assert!((log.changes..=log.changes + log.refused).contains(&(version - 1)), "{version} {log:?}");
    }
    // By the driver, with the same number, so that a set knows what it has done already; and no more often than once.
    assert!(set.repeated() > 0);
    assert!(set.asked.lock().unwrap().values().all(|members| members.len() < 3));
    // Nothing was started again.
    for number in 1..=20 {
        kept(&store, user(number)).await;
    }
}
