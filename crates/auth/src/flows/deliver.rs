//! The worker's part: mails that are due are claimed, turned into letters, and handed over; then what became of each is
//! kept. What there is to be said in them is in `letter.rs`.
//!
//! A claim holds a mail for one server until sending it must have ended. A server that dies in between leaves the mail to
//! be claimed again, with the same id and the same code.

mod letter;

use crate::Keyward;
use crate::outside::Undelivered;
use crate::records::{Mail, Outcome, StoreError};
use std::time::Duration;

/// How much longer a claim holds than sending may take.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a mail waits after its first attempt; after each further one three times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How often a mail is tried however old it is: one that an operator retries has a chance, too.
const FEWEST_TRIES: u32 = 8;
/// The longest that one mail waits for its next try, and that any does where nothing can be sent.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_OUTAGE: Duration = Duration::from_secs(30);

/// What the sending of one mail tells of all sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// The mailer took it or refused it.
    Yes,
    /// The mailer can send nothing at the moment, or a store fails; and why.
    No(String),
    /// There was nothing to send.
    NotAsked,
}

impl Keyward {
    /// Up to `most` mails that are due, for this server alone until sending them must have ended; each is to be given to
    /// [`deliver`](Self::deliver).
    pub async fn claim_mails(&self, most: usize) -> Result<Vec<Mail>, StoreError> {
        let now = self.now();
        self.store.mails.claim(now, now + self.policy.mail_timeout + MARGIN, most).await
    }

    /// Sends a mail that was claimed, and keeps what became of it. The error is of keeping that.
    pub async fn deliver(&self, mut mail: Mail) -> Result<Reached, StoreError> {
        let (outcome, reached) = match self.letter_of(&mut mail).await {
            Ok(Some(letter)) => match self.mailer.send(&letter).await {
                Ok(()) => (Outcome::Sent { at: self.now() }, Reached::Yes),
                Err(Undelivered::Later(reason)) => (self.put_off(&mail, reason, LONGEST_WAIT), Reached::Yes),
                Err(Undelivered::Never(reason)) => (Outcome::Dead { at: self.now(), reason }, Reached::Yes),
                Err(Undelivered::Unreachable(reason)) => {
                    (self.put_off(&mail, reason.clone(), LONGEST_OUTAGE), Reached::No(reason))
                }
            },
            Ok(None) => (Outcome::Dropped, Reached::NotAsked),
            Err(error) => {
                // The store's own words are for the log alone.
                let reason = "a store failed while it was made".to_owned();
                (self.put_off(&mail, reason, LONGEST_OUTAGE), Reached::No(error.to_string()))
            }
        };
        let is_ours = self.store.mails.settle(&mail, &outcome).await?;
        tell(&mail, &outcome, is_ours);
        Ok(reached)
    }

    /// Another try, later each time; or none, after a day.
    fn put_off(&self, mail: &Mail, reason: String, longest: Duration) -> Outcome {
        let now = self.now();
        if now.since(mail.created_at) >= self.policy.mail_patience && mail.attempts >= FEWEST_TRIES {
            return Outcome::Dead { at: now, reason: format!("given up after a day: {reason}") };
        }
        let wait = FIRST_WAIT * 3_u32.saturating_pow(mail.attempts.saturating_sub(1).min(5));
        Outcome::Again { due_at: now + wait.min(longest), reason }
    }
}

/// Of a mail the log holds neither address nor text.
fn tell(mail: &Mail, outcome: &Outcome, is_ours: bool) {
    let (id, topic, attempts) = (mail.id, mail.topic.as_str(), mail.attempts);
    match outcome {
        _ if !is_ours => {
            tracing::warn!(mail = %id, topic, "sending took longer than its claim, or the mail was removed or retried meanwhile")
        }
        Outcome::Sent { .. } => tracing::info!(mail = %id, topic, attempts, "mail sent"),
        Outcome::Again { due_at, reason } => {
            tracing::info!(mail = %id, topic, attempts, next = %due_at, %reason, "mail not sent; it is tried again");
        }
        Outcome::Dead { reason, .. } => tracing::warn!(mail = %id, topic, attempts, %reason, "mail given up"),
        Outcome::Dropped => tracing::debug!(mail = %id, topic, "nobody to send a mail to"),
    }
}
