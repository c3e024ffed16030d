//! One-time codes: what proves that somebody reads the mail of an address. A record holds neither the digits nor the
//! token of the link: both are keyed functions of it, so that nothing in a store verifies anything.

use super::StoreError;
use crate::values::{Email, MailId, Timestamp, UserId};
use async_trait::async_trait;

/// What a code is good for; a code of one purpose does nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Proves the address that a user has.
    Verify,
    /// Proves the address that a user wants to have.
    Change,
    /// Sets a new password instead of a forgotten one.
    Reset,
    /// Sets the first password of a user that somebody else has made.
    Invite,
    /// Gives the address back that a user had before a change.
    Undo,
}

impl Purpose {
    pub const ALL: [Self; 5] = [Self::Verify, Self::Change, Self::Reset, Self::Invite, Self::Undo];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Change => "change",
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::Undo => "undo",
        }
    }

    /// Reads what a store kept.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Where codes are found: a keyed digest of a purpose and an address. Several users may wait for one address, so a place
/// holds a code for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodePlace(pub [u8; 16]);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub place: CodePlace,
    /// Whose it is; `None` for an address that nobody has, where a code that nobody gets keeps appearances.
    pub user: Option<UserId>,
    /// The mail that carries it, from which digits and link are made.
    pub id: MailId,
    /// When that mail was asked for: what was asked for later is the newer code.
    pub asked_at: Timestamp,
    pub purpose: Purpose,
    /// The address that an undoing gives back; other codes get on with the digest.
    pub email: Option<Email>,
    /// The user's epoch: a code that sets a password is over when it was raised.
    pub epoch: i64,
    /// How often digits were tried at it.
    pub tries: u32,
    /// Until when the digits are good; `None` if the code is a link alone.
    pub digits_until: Option<Timestamp>,
    /// Until when the link is good; not before the digits end.
    pub expires_at: Timestamp,
}

#[async_trait]
pub trait Codes: Send + Sync {
    /// Keeps a code in its place instead of one of the same user that was not asked for later; `false` if a newer one
    /// is there, and then nothing changes. The very same code again gets the new times and keeps its tries.
    async fn issue(&self, code: &Code) -> Result<bool, StoreError>;

    /// A try at the digits of all codes of a place at once: those that are good at `now` and were tried less than `most`
    /// times, each with this try counted. However many ask at a time, no code is given more often than `most` times.
    async fn try_at(&self, place: CodePlace, most: u32, now: Timestamp) -> Result<Vec<Code>, StoreError>;

    /// All codes of a place, as stored, expired or not; none where they lie beside the main store and cannot be read, since
    /// that keeps nobody from registering.
    async fn at(&self, place: CodePlace) -> Result<Vec<Code>, StoreError>;

    /// A user's code in a place, as stored, expired or not.
    async fn read(&self, place: CodePlace, user: UserId) -> Result<Option<Code>, StoreError>;

    /// Takes this very code away if it has not expired at `now`: `true` for one of many racers.
    async fn consume(&self, code: &Code, now: Timestamp) -> Result<bool, StoreError>;

    /// Removes what a user has in these places. Only tidies up.
    async fn forget(&self, places: &[CodePlace], user: UserId) -> Result<(), StoreError>;

    /// Removes up to `most` codes that have expired at `now`; returns how many.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError>;
}
