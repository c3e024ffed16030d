//! What runs by the clock beside the requests: a look at the signing keys each second, and the sweep.

use keyward_auth::Keyward;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Runs until it is stopped or dropped.
pub(super) struct Periodic {
    /// What tells this server from others on the same store.
    server: String,
    running: JoinSet<()>,
}

pub(super) fn start(keyward: &Arc<Keyward>) -> Periodic {
    let mut bytes = [0; 8];
    keyward.random.fill(&mut bytes);
    let server = format!("{:016x}", u64::from_ne_bytes(bytes));
    let mut running = JoinSet::new();
    running.spawn(watch_keys(keyward.clone()));
    running.spawn(sweep(keyward.clone(), server.clone()));
    Periodic { server, running }
}

impl Periodic {
    /// Stops, and leaves the sweeping to others.
    pub(super) async fn stop(mut self, keyward: &Keyward) {
        self.running.shutdown().await;
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

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
