//! A rolling restart: two servers of one service, stopped and started one after the other while clients go on. A client
//! does what a balancer does: where its connection is refused or cut, it goes to the other server.

use super::server::{Home, PASSWORD, SOON, Server, registration, until};
use crate::stores::aside;
use reqwest::{Client, RequestBuilder, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What the clients share: where the servers are, whether it is over, and how often each server has answered.
struct Service {
    servers: Mutex<[Option<SocketAddr>; 2]>,
    is_over: AtomicBool,
    answered: [AtomicUsize; 2],
    cut: AtomicUsize,
}

struct Visitor {
    service: Arc<Service>,
    http: Client,
    number: usize,
    turn: usize,
}

struct Answer {
    status: u16,
    body: Value,
    /// Whether an earlier try was cut off, so that it may have been done.
    again: bool,
}

impl Visitor {
    /// The answer of whichever server gives one. Keeps connections alive, as balancers do.
    async fn ask(&mut self, request: impl Fn(&Client, &str) -> RequestBuilder) -> Answer {
        let mut again = false;
        loop {
            self.turn += 1;
            let at = self.turn % 2;
            let Some(address) = self.service.servers.lock().unwrap()[at] else { continue };
            let sent = request(&self.http, &format!("http://{address}")).send().await;
            match Self::read(sent).await {
                Ok((status, body)) => {
                    self.service.answered[at].fetch_add(1, SeqCst);
                    // No 5xx, and nobody is signed out by it.
                    assert!(status < 500 && status != 401, "{status} {body}");
                    return Answer { status, body, again };
                }
                Err(error) => {
                    assert!(!error.is_timeout(), "{error:?}");
                    again |= !error.is_connect();
                    self.service.cut.fetch_add(1, SeqCst);
                }
            }
        }
    }

    async fn read(sent: reqwest::Result<Response>) -> reqwest::Result<(u16, Value)> {
        let reply = sent?;
        let status = reply.status().as_u16();
        let body = reply.bytes().await?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Registers one after the other; gives those who were told that they are members.
    async fn registers(mut self) -> BTreeSet<String> {
        let mut made = BTreeSet::new();
        for turn in 0.. {
            if self.service.is_over.load(SeqCst) {
                break;
            }
            let email = format!("v{}n{turn}@example.com", self.number);
            let body = json!({"email": email, "password": PASSWORD});
            let answer = self.ask(|http, at| http.post(format!("{at}/auth/register")).json(&body)).await;
            assert!(answer.status == 201 || (answer.status == 409 && answer.again), "{}", answer.body);
            made.insert(email);
        }
        made
    }

    /// Edits a profile, reads it, and refreshes, all of it in one session.
    async fn edits(mut self, mut tokens: Value) -> BTreeSet<String> {
        for turn in 0.. {
            if self.service.is_over.load(SeqCst) {
                break;
            }
            let bearer = tokens["access_token"].as_str().unwrap().to_owned();
            let edit = json!({"first_name": turn.to_string()});
            let me = |at: &str| format!("{at}/users/me");
            let answer = self.ask(|http, at| http.put(me(at)).bearer_auth(&bearer).json(&edit)).await;
            assert_eq!((answer.status, &answer.body["first_name"]), (200, &edit["first_name"]));
            // The other server sees it at once.
            let answer = self.ask(|http, at| http.get(me(at)).bearer_auth(&bearer)).await;
            assert_eq!((answer.status, &answer.body["first_name"]), (200, &edit["first_name"]));
            let refresh = json!({"refresh_token": tokens["refresh_token"]});
            let answer = self.ask(|http, at| http.post(format!("{at}/auth/refresh")).json(&refresh)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            tokens = answer.body;
        }
        BTreeSet::new()
    }
}

#[test]
fn f_08_servers_that_restart_one_after_the_other_fail_no_request() {
    let home = Home::on_chosen_store().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
    let mut servers = [Some(home.start()), Some(home.start())];
    let address = |server: &Option<Server>| server.as_ref().map(|server| server.address);
    let service = Arc::new(Service {
        servers: Mutex::new([address(&servers[0]), address(&servers[1])]),
        is_over: AtomicBool::new(false),
        answered: Default::default(),
        cut: AtomicUsize::new(0),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let visitor = |number: usize| Visitor {
        service: service.clone(),
        http: Client::builder().no_proxy().timeout(SOON).build().unwrap(),
        number,
        turn: number,
    };
    let mut visitors: Vec<JoinHandle<BTreeSet<String>>> = Vec::new();
    for number in 0..6 {
        let first = servers[0].as_ref().unwrap();
        if number < 2 {
            visitors.push(runtime.spawn(visitor(number).registers()));
            continue;
        }
        let email = format!("editor{number}@example.com");
        first.send(&registration(&email, PASSWORD)).expect(201);
        let tokens = first.login(&email, PASSWORD).expect(200).json();
        visitors.push(runtime.spawn(visitor(number).edits(tokens)));
    }
    let is_asked = |at: usize| {
        let before = service.answered[at].load(SeqCst);
        until("answers of a server", SOON, || {
            assert!(!visitors.iter().any(JoinHandle::is_finished), "a visitor ended, see above");
            (service.answered[at].load(SeqCst) > before + 10).then_some(())
        });
    };
    for at in [0, 1, 0, 1] {
        is_asked(at);
        // Nobody tells the clients: they find out.
        let stopping = servers[at].take().unwrap();
        stopping.signal(Signal::TERM);
        is_asked(1 - at);
        let (_, log) = stopping.ended(Duration::from_secs(15));
        assert!(!log.contains("cut off") && !log.contains("\"ERROR\""), "{log}");
        servers[at] = Some(home.start());
        service.servers.lock().unwrap()[at] = address(&servers[at]);
        is_asked(at);
    }
    service.is_over.store(true, SeqCst);
    let mut made = BTreeSet::new();
    for visitor in visitors {
        made.extend(runtime.block_on(visitor).unwrap());
    }
    assert!(service.cut.load(SeqCst) > 0, "nobody noticed");
    let kept: BTreeSet<String> =
        aside(home.place().rows("SELECT email FROM keyward_users")).into_iter().collect();
    assert!(made.len() > 8 && made.is_subset(&kept), "lost: {:?}", made.difference(&kept));
    assert_eq!(kept.len(), made.len() + 4);
}
