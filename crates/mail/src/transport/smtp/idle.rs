//! Connections that wait for the next mail: few, and not for long, so that a server need not end them.

use lettre::transport::smtp::client::AsyncSmtpConnection as Connection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Default)]
pub(super) struct Idle(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Each with a number of its own, the last used last.
    lines: Vec<(u64, Connection)>,
    next: u64,
}

/// As many as a worker sends at a time.
const MOST: usize = 8;
const LONGEST: Duration = Duration::from_secs(20);
/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

impl Idle {
    pub(super) fn take(&self) -> Option<Connection> {
        kept(&self.0).lines.pop().map(|(_, line)| line)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        kept(&self.0).lines.len()
    }

    /// Keeps a connection for a while, or ends it where there are enough.
    pub(super) fn keep(&self, line: Connection) {
        let mut all = kept(&self.0);
        if all.lines.len() >= MOST {
            return quit(line);
        }
        let number = all.next;
        all.next += 1;
        all.lines.push((number, line));
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(LONGEST).await;
            let Some(idle) = weak.upgrade() else { return };
            let mut all = kept(&idle);
            let place = all.lines.iter().position(|(known, _)| *known == number);
            if let Some((_, line)) = place.map(|place| all.lines.remove(place)) {
                quit(line);
            }
        });
    }
}

/// Whoever panicked while it was held left whole connections behind.
fn kept(idle: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says goodbye and closes, beside whatever else goes on.
pub(super) fn quit(mut line: Connection) {
    tokio::spawn(async move { tokio::time::timeout(GOODBYE, line.abort()).await });
}
