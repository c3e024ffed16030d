//! What runs beside the requests: a look at the signing keys each second, the sweep, and the sending of mails.

use keyward_auth::Keyward;
use keyward_auth::flows::Reached;
use keyward_auth::records::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

/// Runs until it is stopped or dropped.
pub(super) struct Periodic {
    /// What tells this server from others on the same store.
    server: String,
    running: JoinSet<()>,
    /// Ends by itself once it is told to.
    sending: JoinHandle<()>,
    stopping: Arc<Notify>,
}

pub(super) fn start(keyward: &Arc<Keyward>) -> Periodic {
    let mut bytes = [0; 8];
    keyward.random.fill(&mut bytes);
    let server = format!("{:016x}", u64::from_ne_bytes(bytes));
    let mut running = JoinSet::new();
    running.spawn(watch_keys(keyward.clone()));
    running.spawn(sweep(keyward.clone(), server.clone()));
    let stopping = Arc::new(Notify::new());
    let sends = keyward.policy.has_mail.then(|| send_mails(keyward.clone(), stopping.clone()));
    let sending = tokio::spawn(async {
        // What waits from before goes out once there is a way again.
        if let Some(sends) = sends {
            sends.await;
        }
    });
    Periodic { server, running, sending, stopping }
}

impl Periodic {
    /// Stops, and leaves the sweeping to others.
    pub(super) async fn stop(mut self, keyward: &Keyward) {
        self.stopping.notify_one();
        self.running.shutdown().await;
        // What is being sent may come to its end; what does not is sent again by whoever claims it next.
        if tokio::time::timeout(LAST_MAILS, &mut self.sending).await.is_err() {
            self.sending.abort();
        }
        if let Err(error) = keyward.stop_sweeping(&self.server).await {
            tracing::warn!(%error, "others sweep a little later");
        }
    }
}

/// Learns of keys that another process added: within a second, and well before they sign.
async fn watch_keys(keyward: Arc<Keyward>) {
    let mut ticks = ticks(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if let Err(error) = keyward.load_keys().await {
            tracing::warn!(%error, "the signing keys could not be looked at");
        }
    }
}

async fn sweep(keyward: Arc<Keyward>, server: String) {
    let mut ticks = ticks(Duration::from_secs(60));
    loop {
        ticks.tick().await;
        if let Err(error) = keyward.sweep(&server).await {
            tracing::warn!(%error, "the sweep did not finish; the next one will go on");
        }
    }
}

/// How long mails that are being sent are waited for at a stop.
const LAST_MAILS: Duration = Duration::from_secs(5);
/// How often it is looked whether another process has left a mail, or one is due again.
const LOOK: Duration = Duration::from_secs(1);
/// The longest pause while nothing can be sent.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How many mails are sent at a time. One that hangs holds up its own place alone.
const AT_ONCE: usize = 8;

/// Sends what is due: at once where a request of this server left it. Ends when it is told to and what it began is done.
async fn send_mails(keyward: Arc<Keyward>, stopping: Arc<Notify>) {
    let mut trouble = Trouble::default();
    let mut sending: JoinSet<Result<Reached, StoreError>> = JoinSet::new();
    let mut may_be_more = true;
    loop {
        let free = AT_ONCE - sending.len();
        if may_be_more && free > 0 && !trouble.is_known() {
            may_be_more = false;
            match keyward.claim_mails(free).await {
                Ok(claimed) => {
                    trouble.is_over_for(Of::Store);
                    may_be_more = claimed.len() == free;
                    for mail in claimed {
                        let keyward = keyward.clone();
                        sending.spawn(async move { keyward.deliver(mail).await });
                    }
                }
                Err(error) => trouble.begins(Of::Store, &error.to_string()),
            }
        }
        tokio::select! {
            biased;
            () = stopping.notified() => break,
            Some(Ok(done)) = sending.join_next() => match done {
                Ok(Reached::Yes) => trouble.is_over_for(Of::Mailer),
                Ok(Reached::No(reason)) => trouble.begins(Of::Mailer, &reason),
                Ok(Reached::NotAsked) => {}
                Err(error) => trouble.begins(Of::Store, &error.to_string()),
            },
            // While nothing can be sent, a new mail makes no difference.
            () = keyward.mailer.woken(), if !trouble.is_known() => may_be_more = true,
            () = tokio::time::sleep(trouble.pause()) => {
                trouble.is_waited_for();
                may_be_more = true;
            }
        }
    }
    while sending.join_next().await.is_some() {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Store,
    Mailer,
}

/// Tells once that mails cannot be sent, and once that they can be again; waits longer each time.
#[derive(Default)]
struct Trouble {
    of: Option<Of>,
    pause: Duration,
    /// The pause has not been waited for yet.
    is_fresh: bool,
}

impl Trouble {
    /// Of mails that were begun together one tells for all.
    fn begins(&mut self, of: Of, reason: &str) {
        if self.of.is_none() {
            tracing::warn!(%reason, "mails cannot be sent; they wait");
        }
        self.of = Some(of);
        if !self.is_fresh {
            self.pause = (self.pause * 2).clamp(LOOK, LONGEST_PAUSE);
            self.is_fresh = true;
        }
    }

    fn is_known(&self) -> bool {
        self.is_fresh
    }

    fn is_waited_for(&mut self) {
        self.is_fresh = false;
    }

    fn pause(&self) -> Duration {
        if self.is_fresh { self.pause } else { LOOK }
    }

    fn is_over_for(&mut self, of: Of) {
        if self.of == Some(of) {
            tracing::info!("mails can be sent again");
            *self = Self::default();
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
