//! The worker's part: mails that are due are claimed, turned into letters, and handed over; then what became of each is
//! kept. What there is to be said in them is in `letter.rs`.
//!
//! A claim holds a mail for one server until sending it must have ended. A server that dies in between leaves the mail to
//! be claimed again, with the same id and the same code.

mod letter;

use crate::Keyward;
use crate::outside::Undelivered;
use crate::records::{Mail, Outcome, StoreError};
use futures_util::future::join_all;
use std::time::Duration;

/// How many mails are sent at a time, by one server.
const AT_ONCE: usize = 8;
/// How much longer a claim holds than sending may take.
const MARGIN: Duration = Duration::from_secs(30);

/// How long a mail waits after its first attempt; after each further one three times as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest that one mail waits for its next try, and that any does where nothing can be sent.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_OUTAGE: Duration = Duration::from_secs(30);

/// What came of a pass.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// There may be more that is due.
    pub is_full: bool,
    /// The mailer took or refused at least one.
    pub is_reached: bool,
    /// Nothing can be sent at the moment, and why.
    pub unreachable: Option<String>,
}

/// What one mail tells of the mailer.
enum Reached {
    Yes,
    No(String),
    NotAsked,
}

impl Keyward {
    /// Sends what is due, up to a few mails; to be called again while there may be more.
    pub async fn deliver(&self) -> Result<Pass, StoreError> {
        let now = self.now();
        let until = now + self.policy.mail_timeout + MARGIN;
        let claimed = self.store.mails.claim(now, until, AT_ONCE).await?;
        let mut pass = Pass { is_full: claimed.len() == AT_ONCE, ..Pass::default() };
        for reached in join_all(claimed.into_iter().map(|mail| self.deliver_one(mail))).await {
            match reached? {
                Reached::Yes => pass.is_reached = true,
                Reached::No(reason) => pass.unreachable = Some(reason),
                Reached::NotAsked => {}
            }
        }
        Ok(pass)
    }

    /// Sends one mail and keeps what became of it.
    async fn deliver_one(&self, mut mail: Mail) -> Result<Reached, StoreError> {
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
                tracing::warn!(mail = %mail.id, %error, "a mail could not be made; it is tried again");
                let reason = "a store failed while it was made".to_owned();
                (self.put_off(&mail, reason, LONGEST_OUTAGE), Reached::NotAsked)
            }
        };
        let is_ours = self.store.mails.settle(&mail, &outcome).await?;
        tell(&mail, &outcome, is_ours);
        Ok(reached)
    }

    /// Another try, later each time; or none, after a day.
    fn put_off(&self, mail: &Mail, reason: String, longest: Duration) -> Outcome {
        let now = self.now();
        if now.since(mail.created_at) >= self.policy.mail_patience {
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
            tracing::warn!(mail = %id, topic, "sending took longer than its claim, or it was removed meanwhile")
        }
        Outcome::Sent { .. } => tracing::info!(mail = %id, topic, attempts, "mail sent"),
        Outcome::Again { due_at, reason } => {
            tracing::info!(mail = %id, topic, attempts, next = %due_at, %reason, "mail not sent; it is tried again");
        }
        Outcome::Dead { reason, .. } => tracing::warn!(mail = %id, topic, attempts, %reason, "mail given up"),
        Outcome::Dropped => tracing::debug!(mail = %id, topic, "nobody to send a mail to"),
    }
}
