//! Clients that ask without a pause through an outage, remember what they were told, and hold it against what they see
//! later: whatever was acknowledged is there, whoever is out stays out, and every reply comes in time.

use super::{BACK, until};
use crate::app::{Person, Reply, Request, Sender, TestApp, address, get, password, post, put};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What one client does all the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Habit {
    /// Edits and reads a profile: what is read is what was written last.
    Edits,
    Registers,
    SignsIn,
    /// Signs in and out, and then tries to get in.
    SignsOut,
    Refreshes,
    /// Asks with a token that ended before.
    IsOut,
    /// Reads the public keys, which no store is asked for.
    ReadsKeys,
}

const HABITS: [Habit; 10] = [
    Habit::Edits,
    Habit::Edits,
    Habit::Edits,
    Habit::Registers,
    Habit::Registers,
    Habit::SignsIn,
    Habit::SignsOut,
    Habit::Refreshes,
    Habit::IsOut,
    Habit::ReadsKeys,
];

/// What all clients share.
#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    served: [AtomicUsize; HABITS.len()],
    refused: [AtomicUsize; HABITS.len()],
}

pub(super) struct Load {
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<Client>>,
}

struct Client {
    number: usize,
    habit: Habit,
    person: Person,
    tally: Arc<Tally>,
    /// The names that were registered with a 201, and those for which there was another answer.
    made: BTreeSet<String>,
    maybe_made: BTreeSet<String>,
    /// The number in the profile: what was acknowledged last, and what was asked for last.
    written: usize,
    tried: usize,
    slowest: Duration,
}

impl Load {
    /// Starts everybody, and waits until each was served.
    pub(super) async fn on(app: &TestApp) -> Self {
        let tally = Arc::new(Tally::default());
        let mut clients = Vec::new();
        for (number, habit) in HABITS.into_iter().enumerate() {
            let person = app.signed_in(&format!("client{number}")).await;
            if habit == Habit::IsOut {
                person.post("/auth/logout", json!({})).await.must(204);
            }
            let client = Client {
                number,
                habit,
                person,
                tally: tally.clone(),
                made: BTreeSet::new(),
                maybe_made: BTreeSet::new(),
                written: 0,
                tried: 0,
                slowest: Duration::ZERO,
            };
            clients.push(tokio::spawn(client.live()));
        }
        let load = Self { tally, clients };
        load.all_served().await;
        load
    }

    /// Waits until everybody was served once more; how long that took.
    pub(super) async fn all_served(&self) -> Duration {
        self.each("served", &self.tally.served, |_| true).await
    }

    /// Waits until everybody who needs a store was answered 503 once more.
    pub(super) async fn all_refused(&self) -> Duration {
        self.each("refused", &self.tally.refused, |habit| habit != Habit::ReadsKeys).await
    }

    /// Waits until somebody was answered 503 once more.
    pub(super) async fn some_refused(&self) {
        let before = sum(&self.tally.refused);
        until("somebody refused", BACK, async || sum(&self.tally.refused) > before).await;
    }

    /// Waits until clients of this habit were served so often again.
    pub(super) async fn served(&self, habit: Habit, count: usize) {
        let served = || {
            let all = HABITS.iter().zip(&self.tally.served);
            all.filter(|(is, _)| **is == habit).map(|(_, count)| count.load(SeqCst)).sum::<usize>()
        };
        let before = served();
        until("a habit", BACK, async || served() >= before + count).await;
    }

    async fn each(&self, what: &str, counts: &[AtomicUsize], who: fn(Habit) -> bool) -> Duration {
        let before: Vec<usize> = counts.iter().map(|count| count.load(SeqCst)).collect();
        let moved = |at: usize| counts[at].load(SeqCst) > before[at] || !who(HABITS[at]);
        until(&format!("everybody {what}"), BACK, async || {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client ended, see above");
            (0..HABITS.len()).all(moved)
        })
        .await
    }

    /// Ends it, and looks for all that was acknowledged. `limit` is how long the slowest reply may have taken.
    pub(super) async fn end(self, app: &TestApp, limit: Duration) {
        self.tally.is_over.store(true, SeqCst);
        let (mut made, mut maybe_made) = (BTreeSet::new(), BTreeSet::new());
        for client in self.clients {
            let client = client.await.unwrap();
            assert!(client.slowest < limit, "{:?} waited for {:?}", client.habit, client.slowest);
            if client.habit == Habit::Edits {
                client.sees(&app.send(&client.person.by(get("/users/me"))).await.must(200));
            }
            made.extend(client.made);
            maybe_made.extend(client.maybe_made);
        }
        assert!(made.len() > 2, "{made:?}");
        let kept: BTreeSet<String> = app
            .rows("SELECT username FROM keyward_users WHERE username LIKE 'new%'")
            .await
            .into_iter()
            .collect();
        assert!(made.is_subset(&kept), "lost: {:?}", made.difference(&kept));
        let unknown: BTreeSet<String> = kept.difference(&made).cloned().collect();
        assert!(unknown.is_subset(&maybe_made), "nobody asked for {unknown:?}");
        for half in [
            "SELECT count(*) FROM keyward_users WHERE password IS NULL",
            "SELECT count(*) FROM keyward_events WHERE user_id NOT IN (SELECT id FROM keyward_users)",
            "SELECT count(*) FROM keyward_users WHERE id NOT IN (SELECT user_id FROM keyward_events WHERE kind = 'registered')",
        ] {
            assert_eq!(app.rows(half).await, ["0"], "{half}");
        }
        for name in made.iter().take(3).chain(made.iter().next_back()) {
            app.login(&address(name), &password(name)).await.must(200);
        }
    }
}

fn sum(counts: &[AtomicUsize]) -> usize {
    counts.iter().map(|count| count.load(SeqCst)).sum()
}

impl Client {
    async fn live(mut self) -> Self {
        while !self.tally.is_over.load(SeqCst) {
            match self.habit {
                Habit::Edits => self.edit().await,
                Habit::Registers => self.register().await,
                Habit::SignsIn => _ = self.sign_in().await,
                Habit::SignsOut => self.sign_out().await,
                Habit::Refreshes => self.refresh().await,
                Habit::IsOut => self.stay_out().await,
                Habit::ReadsKeys => {
                    self.ask(get("/.well-known/jwks.json"), &[200]).await.unwrap();
                }
            }
            // Whoever is refused at once asks again at once, as far as the machine has other things to do.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self
    }

    fn wire(&self) -> Sender {
        self.person.wire.clone()
    }

    /// The reply, which has one of these statuses; `None` if it is 503 for want of a store.
    async fn ask(&mut self, request: Request, expected: &[u16]) -> Option<Reply> {
        let begun = Instant::now();
        let reply = self.wire().send(&request).await;
        self.slowest = self.slowest.max(begun.elapsed());
        if reply.status == 503 {
            assert_eq!(reply.code(), "store_unavailable", "{:?}: {reply}", self.habit);
            self.tally.refused[self.number].fetch_add(1, SeqCst);
            return None;
        }
        assert!(expected.contains(&reply.status), "{:?}: {reply}", self.habit);
        self.tally.served[self.number].fetch_add(1, SeqCst);
        Some(reply)
    }

    async fn edit(&mut self) {
        self.tried += 1;
        let edit = put("/users/me").json(json!({"first_name": self.tried.to_string()}));
        if self.ask(self.person.by(edit), &[200]).await.is_some() {
            self.written = self.tried;
        }
        if let Some(profile) = self.ask(self.person.by(get("/users/me")), &[200]).await {
            self.sees(&profile);
        }
    }

    /// No older than what was acknowledged, and nothing that nobody wrote.
    fn sees(&self, profile: &Reply) {
        assert_eq!(profile.text("id"), self.person.id);
        let seen: usize = profile.text("first_name").parse().unwrap_or_default();
        assert!((self.written..=self.tried).contains(&seen), "{} to {}: {profile}", self.written, self.tried);
    }

    async fn register(&mut self) {
        self.tried += 1;
        let name = format!("new{}x{}", self.number, self.tried);
        let body = json!({"email": address(&name), "username": name, "password": password(&name)});
        let made = self.ask(post("/auth/register").json(body), &[201]).await.is_some();
        if made {
            self.made.insert(name)
        } else {
            self.maybe_made.insert(name)
        };
    }

    async fn sign_in(&mut self) -> Option<Person> {
        let body = json!({"email": self.person.email, "password": self.person.password});
        let reply = self.ask(post("/auth/login").json(body), &[200]).await?;
        Some(self.person.with(&reply))
    }

    async fn sign_out(&mut self) {
        let Some(person) = self.sign_in().await else { return };
        if self.ask(person.by(post("/auth/logout")), &[204]).await.is_some() {
            self.ask(person.by(get("/users/me")), &[401]).await;
        }
    }

    /// A refresh token stays good until its successor arrived.
    async fn refresh(&mut self) {
        let body = json!({"refresh_token": self.person.refresh});
        if let Some(reply) = self.ask(post("/auth/refresh").json(body), &[200]).await {
            self.person = self.person.with(&reply);
        }
    }

    async fn stay_out(&mut self) {
        self.ask(self.person.by(get("/users/me")), &[401]).await;
        let body = json!({"refresh_token": self.person.refresh});
        self.ask(post("/auth/refresh").json(body), &[401]).await;
    }
}
