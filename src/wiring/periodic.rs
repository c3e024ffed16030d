//! What runs beside the requests: a look at the signing keys each second, the sweep, the collector of pictures, and the
//! [sending](super::sending) of mails.

use super::sending::send_mails;
use keyward_auth::Keyward;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How long mails that are being sent are waited for at a stop.
const LAST_MAILS: Duration = Duration::from_secs(5);

/// Runs until it is stopped or dropped.
pub(super) struct Periodic {
    /// What tells this server from others on the same store.
    server: String,
    running: JoinSet<()>,
    /// Ends by itself once it is told to.
    sending: JoinSet<()>,
    stopping: Arc<Notify>,
}

pub(super) fn start(keyward: &Arc<Keyward>) -> Periodic {
    let mut bytes = [0; 8];
    keyward.random.fill(&mut bytes);
    let server = format!("{:016x}", u64::from_ne_bytes(bytes));
    let mut running = JoinSet::new();
    running.spawn(watch_keys(keyward.clone()));
    running.spawn(sweep(keyward.clone(), server.clone()));
    running.spawn(collect(keyward.clone()));
    let stopping = Arc::new(Notify::new());
    // Without a way to send, what waits from before goes out once there is one again.
    let mut sending = JoinSet::new();
    if keyward.policy.has_mail {
        sending.spawn(send_mails(keyward.clone(), stopping.clone()));
    }
    Periodic { server, running, sending, stopping }
}

impl Periodic {
    /// Stops, and leaves the sweeping to others.
    pub(super) async fn stop(mut self, keyward: &Keyward) {
        self.stopping.notify_one();
        self.running.shutdown().await;
        // What is being sent may come to its end; what does not is sent again by whoever claims it next.
        let _ = tokio::time::timeout(LAST_MAILS, self.sending.join_next()).await;
        self.sending.shutdown().await;
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

/// Takes down pictures that are nobody's: within seconds where all is well.
async fn collect(keyward: Arc<Keyward>) {
    let mut ticks = ticks(Duration::from_secs(5));
    let mut told = Told::default();
    loop {
        ticks.tick().await;
        let failed = loop {
            match keyward.collect().await {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        match (told.news(failed.is_some(), Instant::now()), failed) {
            (Some(News::Fails), Some(error)) => {
                tracing::warn!(%error, "pictures that are nobody's cannot be taken away; they wait");
            }
            (Some(News::Over), _) => {
                tracing::info!("pictures that are nobody's can be taken away again");
            }
            _ => {}
        }
    }
}

/// For how long nothing may fail until it is over: what failed is tried again in less.
const OVER: Duration = Duration::from_secs(60);

/// What the log was told of something that is tried again and again: when it last failed, if it was told that it does.
#[derive(Debug, Default)]
struct Told(Option<Instant>);

#[derive(Debug, PartialEq, Eq)]
enum News {
    Fails,
    Over,
}

impl Told {
    fn news(&mut self, has_failed: bool, now: Instant) -> Option<News> {
        match (has_failed, self.0) {
            (true, known) => {
                self.0 = Some(now);
                known.is_none().then_some(News::Fails)
            }
            (false, Some(last)) if now.duration_since(last) >= OVER => {
                self.0 = None;
                Some(News::Over)
            }
            (false, _) => None,
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_so_is_its_end() {
        let (mut told, start) = (Told::default(), Instant::now());
        let mut at = |second, has_failed| told.news(has_failed, start + Duration::from_secs(second));
        assert_eq!(at(0, false), None);
        assert_eq!(at(5, true), Some(News::Fails));
        // What fails is tried again every half a minute, and others go well meanwhile.
        for second in (10..=300).step_by(5) {
            assert_eq!(at(second, second % 35 == 5), None, "{second}");
        }
        assert_eq!((at(340, false), at(345, false)), (None, Some(News::Over)));
        assert_eq!(at(500, false), None);
        assert_eq!(at(505, true), Some(News::Fails));
    }
}
