//! The outbox: mails that wait to be sent, and for a while those that were. A mail says what it is about and for whom; it
//! holds no text and no code, which are made when it is sent.

use super::{Purpose, StoreError};
use crate::values::{AcceptLanguage, Email, MailId, Timestamp, UserId};
use async_trait::async_trait;
use std::net::IpAddr;

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Prove the address that you have.
    Verify,
    /// Prove the address that you want to have.
    Change,
    /// Set a new password.
    Reset,
    /// Set your first password.
    Invite,
    /// To the old address: another was asked for. Carries the undoing.
    ChangeAsked,
    /// To the old address: another counts now. Carries the undoing.
    Changed,
    /// To the old address: an administrator has put another in its place.
    Replaced,
    /// To the address that has just lost the account: a change was undone from the one of before.
    Undone,
    /// The password is another now.
    PasswordChanged,
    /// A refresh token was used twice, and its session is over.
    SessionEnded,
    /// Somebody wanted an account with this address, which has one.
    Taken,
}

impl Topic {
    pub const ALL: [Self; 11] = [
        Self::Verify,
        Self::Change,
        Self::Reset,
        Self::Invite,
        Self::ChangeAsked,
        Self::Changed,
        Self::Replaced,
        Self::Undone,
        Self::PasswordChanged,
        Self::SessionEnded,
        Self::Taken,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Change => "change",
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::ChangeAsked => "change_asked",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::Undone => "undone",
            Self::PasswordChanged => "password_changed",
            Self::SessionEnded => "session_ended",
            Self::Taken => "taken",
        }
    }

    /// Reads what a store kept; a topic of a newer Keyward is `None`.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == text)
    }

    /// What the code in such a mail is good for, if there is one.
    pub fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Verify => Some(Purpose::Verify),
            Self::Change => Some(Purpose::Change),
            Self::Reset => Some(Purpose::Reset),
            Self::Invite => Some(Purpose::Invite),
            Self::ChangeAsked | Self::Changed => Some(Purpose::Undo),
            Self::Replaced | Self::Undone | Self::PasswordChanged | Self::SessionEnded | Self::Taken => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub id: MailId,
    pub topic: Topic,
    pub to: Email,
    /// Whom it is for; `None` where it was asked for by address, and nobody has looked yet whose that is.
    pub user: Option<UserId>,
    /// The languages that the request named.
    pub languages: Option<AcceptLanguage>,
    /// Where it was asked for.
    pub asked_from: Option<IpAddr>,
    pub created_at: Timestamp,
    pub state: MailState,
    /// While it waits: when it is to be sent, or tried again. Afterwards: when that ended.
    pub due_at: Timestamp,
    /// How often sending was begun.
    pub attempts: u32,
    /// Why it was not sent the last time; for operators.
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    Waiting,
    /// The transport has taken it.
    Sent,
    /// It will not be tried again.
    Dead,
}

impl MailState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Dead];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    /// Reads what a store kept.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What became of a mail that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent {
        at: Timestamp,
    },
    Again {
        due_at: Timestamp,
        reason: String,
    },
    Dead {
        at: Timestamp,
        reason: String,
    },
    /// There was nothing to send, and nothing stays of it.
    Dropped,
}

/// Which mails an operator asks for, newest first.
#[derive(Debug, Clone, Default)]
pub struct MailSearch {
    pub state: Option<MailState>,
    pub to: Option<Email>,
    /// Only ids before this one.
    pub before: Option<MailId>,
    pub limit: usize,
}

#[async_trait]
pub trait Mails: Send + Sync {
    /// Keeps mails that no change has caused.
    async fn put(&self, mails: &[Mail]) -> Result<(), StoreError>;

    /// Up to `most` mails that are due at `now`, the longest due first, each for this caller alone until `until`: its
    /// `due_at` is `until` then, and the attempt is counted. Of many racers one gets a mail.
    async fn claim(&self, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Mail>, StoreError>;

    /// Keeps what became of a mail, and whose it turned out to be, if the claim still holds: waiting, and due when the
    /// claim ends. `false` if it does not.
    async fn settle(&self, claimed: &Mail, outcome: &Outcome) -> Result<bool, StoreError>;

    async fn by_id(&self, id: MailId) -> Result<Option<Mail>, StoreError>;

    async fn list(&self, search: &MailSearch) -> Result<Vec<Mail>, StoreError>;

    /// Makes a dead or waiting mail due at `now`, as if it had never been tried: `false` if there is none, or it was sent.
    async fn retry(&self, id: MailId, now: Timestamp) -> Result<bool, StoreError>;

    /// Removes up to `most` mails that were sent or given up before `before`; returns how many.
    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError>;
}
