//! The sending of mails, as the flows see it: what a mail is about goes out, and what became of it comes back. Words,
//! languages, links and the wire are the mailer's.

use crate::records::Topic;
use crate::values::{AcceptLanguage, Email, Locale, MailId, Timestamp};
use async_trait::async_trait;
use std::net::IpAddr;
use std::time::Duration;

/// A mail that is to be written and sent. No `Debug`: it holds what its code is made of.
#[derive(Clone)]
pub struct Letter {
    /// The same at every attempt, so that a mail that came twice can be known as one.
    pub id: MailId,
    pub topic: Topic,
    pub to: Email,
    /// What the person is called, as typed at some time by somebody: not to be trusted.
    pub name: Option<String>,
    /// What the person wants to be written to in; comes before `languages`.
    pub locale: Option<Locale>,
    /// The languages of the request.
    pub languages: Option<AcceptLanguage>,
    /// The six digits, and how long they are good.
    pub digits: Option<(String, Duration)>,
    /// The token of the link, and how long it is good.
    pub token: Option<(String, Duration)>,
    /// The other address that this is about, most of it hidden: `a***@example.com`.
    pub other: Option<String>,
    /// When and where it was asked for.
    pub asked_at: Timestamp,
    pub asked_from: Option<IpAddr>,
    /// Now.
    pub at: Timestamp,
}

/// Why a mail was not taken, in a line for operators that holds neither a secret nor what the mail says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// Nothing can be sent at the moment, this mail or another.
    #[error("{0}")]
    Unreachable(String),
    /// Not this mail, not now.
    #[error("{0}")]
    Later(String),
    /// Not this mail, ever.
    #[error("{0}")]
    Never(String),
}

#[async_trait]
pub trait Mailer: Send + Sync {
    /// Writes a letter and hands it over. Takes no longer than [`Policy::mail_timeout`](crate::policy::Policy).
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered>;

    /// Says that a mail waits; returns at once.
    fn wake(&self);

    /// Returns once somebody has said so since this returned last.
    async fn woken(&self);
}
