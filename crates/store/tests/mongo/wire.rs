//! A connection to the server that can be tampered with, message by message: what a command is answered, when it arrives, and
//! whether it, or its answer, arrives at all. Knows nothing of what is in a message but the command's name; other messages and
//! those about the connection itself pass, unless a test says otherwise.

use crate::message::{Message, answer_to, name_of};
use crate::place::until;
use mongodb::bson::Document;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as Lock, Notify, watch};
use tokio::task::JoinHandle;

/// What becomes of a command.
#[derive(Clone)]
pub(crate) enum Act {
    Pass,
    /// It does not arrive, and the connection ends.
    Cut,
    /// It is done, and the connection ends before the answer.
    Lost,
    /// It is done, and the connection ends in the middle of the answer.
    Torn,
    /// It does not arrive, and nothing is said.
    Swallow,
    /// It does not arrive, and this is the answer.
    Answer(Document),
    /// It is done, and its answer is changed.
    Change(Arc<dyn Fn(&mut Document) + Send + Sync>),
    /// It arrives when the wire lets go, whether or not anybody still waits for the answer.
    Hold,
}

impl Act {
    pub(crate) fn change(change: impl Fn(&mut Document) + Send + Sync + 'static) -> Self {
        Self::Change(Arc::new(change))
    }
}

/// By a command, which is empty where it cannot be read; asked also of those about the connection.
type Rule = dyn FnMut(&Document) -> Act + Send;
type Watcher = dyn FnMut(&Document) + Send;

pub(crate) struct Wire {
    pub(crate) address: String,
    tamper: Tamper,
    is_dead: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

#[derive(Clone)]
struct Tamper {
    rule: Arc<Mutex<Box<Rule>>>,
    watcher: Arc<Mutex<Box<Watcher>>>,
    waiting: Waiting,
    held: Arc<AtomicUsize>,
    is_holding: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let tamper = Tamper {
            rule: Arc::new(Mutex::new(Box::new(|_| Act::Pass))),
            watcher: Arc::new(Mutex::new(Box::new(|_| ()))),
            waiting: Arc::default(),
            held: Arc::default(),
            is_holding: watch::Sender::new(true),
        };
        let (server, shared) = (server.to_owned(), tamper.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, tamper) = (server.clone(), shared.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        serve(client, server, tamper).await;
                    }
                });
            }
        });
        Self { address, tamper, is_dead: Arc::default(), accepting }
    }

    /// By the name of each command.
    pub(crate) fn obey(&self, mut rule: impl FnMut(&str) -> Act + Send + 'static) {
        self.judge(move |command| rule(name_of(command)));
    }

    /// By the whole of each command.
    pub(crate) fn judge(&self, rule: impl FnMut(&Document) -> Act + Send + 'static) {
        *self.tamper.rule.lock().unwrap() = Box::new(rule);
    }

    /// Shows every command.
    pub(crate) fn watch(&self, watcher: impl FnMut(&Document) + Send + 'static) {
        *self.tamper.watcher.lock().unwrap() = Box::new(watcher);
    }

    /// The same for all that is about data.
    pub(crate) fn all(&self, act: Act) {
        self.obey(move |name| if is_about_data(name) { act.clone() } else { Act::Pass });
    }

    /// As if the process ended after so many commands about data: of the next one it is said whether it arrives.
    pub(crate) fn die_after(&self, mut commands: usize, last: Act) {
        let is_dead = self.is_dead.clone();
        self.obey(move |name| match () {
            () if is_dead.load(Ordering::SeqCst) => Act::Cut,
            () if !is_about_data(name) => Act::Pass,
            () if commands > 0 => {
                commands -= 1;
                Act::Pass
            }
            () => {
                is_dead.store(true, Ordering::SeqCst);
                last.clone()
            }
        });
    }

    /// Stands still before the next command about data that comes after so many, and before whatever comes behind it.
    pub(crate) fn hold_after(&self, mut commands: usize) {
        self.obey(move |name| match () {
            () if !is_about_data(name) => Act::Pass,
            () if commands > 0 => {
                commands -= 1;
                Act::Pass
            }
            () => Act::Hold,
        });
    }

    /// How many commands stand still.
    pub(crate) fn held(&self) -> usize {
        self.tamper.held.load(Ordering::SeqCst)
    }

    /// Has them arrive, and nothing be held any more; what came through is done then.
    pub(crate) async fn let_go(&self) {
        self.tamper.is_holding.send_replace(false);
        until(async || self.held() == 0 && self.tamper.waiting.load(Ordering::SeqCst) == 0).await;
    }

    /// Whether it came to that.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// Nothing comes through any more, and what has come through is done.
    pub(crate) async fn end(&self) {
        self.all(Act::Cut);
        until(async || self.tamper.waiting.load(Ordering::SeqCst) == 0).await;
    }

    pub(crate) fn pass(&self) {
        self.obey(|_| Act::Pass);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Whether it is none by which the driver comes to know the server, or signs in.
pub(crate) fn is_about_data(name: &str) -> bool {
    !["hello", "isMaster", "ismaster", "ping", "buildInfo", "saslStart", "saslContinue", "endSessions"]
        .contains(&name)
}

/// What was sent on and is not answered yet, on all connections.
type Waiting = Arc<AtomicUsize>;

async fn serve(client: TcpStream, server: TcpStream, tamper: Tamper) {
    let ((mut asks, to_client), (mut answers, mut to_server)) = (client.into_split(), server.into_split());
    let to_client = Arc::new(Lock::new(to_client));
    let acts: Arc<Mutex<HashMap<i32, Act>>> = Arc::default();
    let over = Arc::new(Notify::new());
    let (back, awaited, ended, waiting) =
        (to_client.clone(), acts.clone(), over.clone(), tamper.waiting.clone());
    let answering = tokio::spawn(async move {
        let _ = answer(&mut answers, &back, &awaited, &waiting).await;
        ended.notify_one();
        // Whatever was sent on is done: only then it is over for whoever waits for the end of all.
        while !awaited.lock().unwrap().is_empty() {
            let Ok(message) = Message::read(&mut answers).await else { break };
            done(&awaited, &waiting, message.answers);
        }
        let left = awaited.lock().unwrap().drain().count();
        waiting.fetch_sub(left, Ordering::SeqCst);
    });
    let asking = async {
        while let Ok(message) = Message::read(&mut asks).await {
            if let Some(document) = &message.document {
                tamper.watcher.lock().unwrap_or_else(PoisonError::into_inner)(document);
            }
            let command = message.document.clone().unwrap_or_default();
            let act = tamper.rule.lock().unwrap_or_else(PoisonError::into_inner)(&command);
            match act {
                Act::Cut => return,
                Act::Swallow => continue,
                Act::Answer(document) => {
                    let bytes = answer_to(message.id, &document);
                    if to_client.lock().await.write_all(&bytes).await.is_err() {
                        return;
                    }
                    continue;
                }
                _ => {}
            }
            let is_held = matches!(act, Act::Hold);
            if is_held {
                tamper.held.fetch_add(1, Ordering::SeqCst);
                let _ = tamper.is_holding.subscribe().wait_for(|is_holding| !is_holding).await;
            }
            acts.lock().unwrap().insert(message.id, act);
            tamper.waiting.fetch_add(1, Ordering::SeqCst);
            tamper.held.fetch_sub(usize::from(is_held), Ordering::SeqCst);
            if to_server.write_all(&message.bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = asking => {}
        () = over.notified() => {}
    }
    // The client sees the end; the server's answers are waited for.
    let _ = to_client.lock().await.shutdown().await;
    drop(asks);
    let _ = answering.await;
}

fn done(acts: &Mutex<HashMap<i32, Act>>, waiting: &Waiting, id: i32) -> Option<Act> {
    let act = acts.lock().unwrap().remove(&id);
    waiting.fetch_sub(usize::from(act.is_some()), Ordering::SeqCst);
    act
}

/// Ends where the connection is to end.
async fn answer(
    answers: &mut OwnedReadHalf,
    client: &Lock<OwnedWriteHalf>,
    acts: &Mutex<HashMap<i32, Act>>,
    waiting: &Waiting,
) -> io::Result<()> {
    loop {
        let message = Message::read(answers).await?;
        let act = done(acts, waiting, message.answers);
        let mut client = client.lock().await;
        match (act, message.document) {
            (Some(Act::Lost), _) => return Ok(()),
            (Some(Act::Torn), _) => return client.write_all(&message.bytes[..message.bytes.len() / 2]).await,
            (Some(Act::Change(change)), Some(mut document)) => {
                change(&mut document);
                client.write_all(&answer_to(message.answers, &document)).await?;
            }
            _ => client.write_all(&message.bytes).await?,
        }
    }
}
