//! The worker that sends mails: claims what is due, hands it over a few at a time, and pauses while nothing can be sent.
//! What becomes of a mail is for [`Keyward::deliver`] to know.

use keyward_auth::Keyward;
use keyward_auth::flows::Reached;
use keyward_auth::records::StoreError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How often it is looked whether another process has left a mail, or one is due again.
const LOOK: Duration = Duration::from_secs(1);
/// The longest pause while nothing can be sent.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long nothing may have failed before it is said that all is well: by then whatever was put off was tried again.
const QUIET: Duration = Duration::from_secs(60);
/// How many mails are sent at a time. One that hangs holds up its own place alone.
const AT_ONCE: usize = 8;

/// Sends what is due: at once where a request of this server left it. Ends when it is told to and what it began is done.
pub(super) async fn send_mails(keyward: Arc<Keyward>, stopping: Arc<Notify>) {
    let mut trouble = Trouble::default();
    let mut sending: JoinSet<Result<Reached, StoreError>> = JoinSet::new();
    let mut may_be_more = true;
    loop {
        if trouble.is_over(Instant::now()) {
            tracing::info!("mails can be sent again");
        }
        let free = AT_ONCE - sending.len();
        if may_be_more && free > 0 && !trouble.is_fresh {
            may_be_more = false;
            match keyward.claim_mails(free).await {
                Ok(claimed) => {
                    trouble.ends(Of::Store);
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
                Ok(Reached::Yes) => trouble.ends(Of::Mailer),
                Ok(Reached::No(reason)) => trouble.begins(Of::Mailer, &reason),
                Ok(Reached::NotAsked) => {}
                Err(error) => trouble.begins(Of::Store, &error.to_string()),
            },
            // While nothing can be sent, a new mail makes no difference.
            () = keyward.mailer.woken(), if !trouble.is_fresh => may_be_more = true,
            () = tokio::time::sleep(trouble.pause()) => {
                trouble.was_waited_for();
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
///
/// A mail that goes out ends the waiting. It does not end the trouble, since others may fail beside it, such as those that
/// need a store that is gone.
#[derive(Default)]
struct Trouble {
    of: Option<Of>,
    pause: Duration,
    /// The pause has not been waited for yet.
    is_fresh: bool,
    /// The last failure, if it was told that mails fail.
    told: Option<Instant>,
}

impl Trouble {
    /// Of mails that were begun together one tells for all.
    fn begins(&mut self, of: Of, reason: &str) {
        if self.told.replace(Instant::now()).is_none() {
            tracing::warn!(%reason, "mails cannot be sent; they wait");
        }
        self.of = Some(of);
        if !self.is_fresh {
            self.pause = (self.pause * 2).clamp(LOOK, LONGEST_PAUSE);
            self.is_fresh = true;
        }
    }

    fn was_waited_for(&mut self) {
        self.is_fresh = false;
    }

    fn pause(&self) -> Duration {
        if self.is_fresh { self.pause } else { LOOK }
    }

    fn ends(&mut self, of: Of) {
        if self.of == Some(of) {
            *self = Self { told: self.told, ..Self::default() };
        }
    }

    /// Whether nothing has failed for a while, once.
    fn is_over(&mut self, now: Instant) -> bool {
        let is_over = self.of.is_none() && self.told.is_some_and(|last| now.duration_since(last) >= QUIET);
        if is_over {
            self.told = None;
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_well_once_nothing_has_failed_for_a_while() {
        let mut trouble = Trouble::default();
        let later = |wait: Duration| Instant::now() + wait;
        assert!(!trouble.is_over(later(QUIET)), "there was none");
        for _ in 0..3 {
            trouble.begins(Of::Mailer, "no answer");
            assert!(trouble.pause() >= LOOK && trouble.is_fresh);
            assert!(!trouble.is_over(later(QUIET)), "nothing has gone out since");
            // One that goes out: the next need not wait.
            trouble.ends(Of::Store);
            assert!(trouble.is_fresh);
            trouble.ends(Of::Mailer);
            assert!(!trouble.is_fresh && trouble.pause() == LOOK);
            assert!(!trouble.is_over(later(QUIET / 2)), "another may fail still");
        }
        assert!(trouble.is_over(later(QUIET)));
        assert!(!trouble.is_over(later(QUIET)), "it is said once");
    }
}
