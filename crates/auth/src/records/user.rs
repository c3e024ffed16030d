//! A user: one row, which also holds what ends all of the user's sessions.

use super::{Along, StoreError};
use crate::values::{
    Email, Locale, Metadata, Name, PasswordHash, Permission, Picture, Roles, SessionId, Timestamp, UserId,
    Username,
};
use async_trait::async_trait;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Counts the changes that a client sees; what `ETag` shows.
    pub version: i64,
    pub username: Option<Username>,
    pub email: Option<Email>,
    pub email_verified_at: Option<Timestamp>,
    /// The address that waits to be proven before it becomes `email`.
    pub pending_email: Option<Email>,
    pub first_name: Option<Name>,
    pub last_name: Option<Name>,
    pub locale: Option<Locale>,
    pub picture: Option<Picture>,
    pub metadata: Metadata,
    pub roles: Roles,
    pub disabled_at: Option<Timestamp>,
    pub password: Option<PasswordHash>,
    /// Raised to end all sessions: a session lives only with the epoch that it was born in.
    pub epoch: i64,
    /// The one session that outlives the last raise.
    pub kept_session: Option<SessionId>,
    /// The last time that a change of address was undone.
    pub undone: Option<Undone>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_login_at: Option<Timestamp>,
}

/// A change of address was undone, and with it all that followed: whoever asked for another address after `to`, and up to
/// `at`, was somebody else, and the addresses of in between undo nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undone {
    pub to: Timestamp,
    pub at: Timestamp,
}

impl Undone {
    /// All that was asked for up to this moment is over.
    pub fn all(at: Timestamp) -> Self {
        Self { to: Timestamp::from_micros(i64::MIN), at }
    }

    /// Whether something of that moment is over with it.
    pub fn covers(self, moment: Timestamp) -> bool {
        self.to < moment && moment <= self.at
    }
}

impl User {
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether this user counts for "the last administrator stays".
    pub fn is_administrator(&self) -> bool {
        self.is_active() && self.roles.contains("admin")
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.is_active() && self.roles.permit(permission)
    }
}

/// What a change does to the number of administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Joins,
    Leaves,
}

/// What is to change in a user: only what is `Some`; the inner `None` clears an optional field.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Apply to this version only. Always set where the rest was decided from the user as read.
    pub if_version: Option<i64>,
    pub username: Option<Option<Username>>,
    pub email: Option<Option<Email>>,
    pub email_verified_at: Option<Option<Timestamp>>,
    pub pending_email: Option<Option<Email>>,
    pub first_name: Option<Option<Name>>,
    pub last_name: Option<Option<Name>>,
    pub locale: Option<Option<Locale>>,
    pub picture: Option<Option<Picture>>,
    pub metadata: Option<Metadata>,
    pub roles: Option<Roles>,
    pub disabled_at: Option<Option<Timestamp>>,
    pub password: Option<Option<PasswordHash>>,
    /// Raises the epoch, and keeps at most this one session.
    pub end_sessions: Option<Option<SessionId>>,
    pub undone: Option<Undone>,
    /// Needs `if_version`: the direction was decided from the user as read.
    pub administrators: Option<Direction>,
}

/// What a right password leaves on the user's row.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub user: UserId,
    pub at: Timestamp,
    /// Old and new hash: the old one is replaced only if it is still there.
    pub rehash: Option<(PasswordHash, PasswordHash)>,
}

/// Which users an administrator asks for, in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The beginning of an e-mail address or of a username, in lower case.
    pub prefix: Option<String>,
    pub role: Option<String>,
    pub active: Option<bool>,
    pub verified: Option<bool>,
    /// Only ids after this one.
    pub after: Option<UserId>,
    pub limit: usize,
}

#[async_trait]
pub trait Users: Send + Sync {
    /// Keeps a new user and what goes along. `Taken` if the e-mail, the username or its look is another's. An administrator
    /// joins the guard in the same step.
    async fn insert(&self, user: &User, along: Along<'_>) -> Result<(), StoreError>;

    /// As `insert`, if there is no administrator yet; else `Guarded`. One of many racers wins.
    async fn insert_first_administrator(&self, user: &User, along: Along<'_>) -> Result<(), StoreError>;

    async fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError>;
    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError>;
    async fn by_username(&self, username: &Username) -> Result<Option<User>, StoreError>;

    /// Up to `most` users whose `pending_email` is this address, the one changed last first.
    async fn waiting_for(&self, email: &Email, most: usize) -> Result<Vec<User>, StoreError>;

    /// Applies a change with what goes along and returns the user as it is then, with a new version and `updated_at = at`.
    /// `Stale` if the user is gone or of another version than asked for, `Taken`, or `Guarded` if the last
    /// administrator would leave; then nothing has changed.
    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: Timestamp,
        along: Along<'_>,
    ) -> Result<User, StoreError>;

    /// Notes a sign-in. Changes no version, and does nothing if the user is gone.
    async fn signed_in(&self, sign_in: &SignIn) -> Result<(), StoreError>;

    /// Deletes the user as it was read, with all that hangs on it: sessions, codes and mails of before that are kept in
    /// the same store. `Stale` or `Guarded` as `change`.
    async fn delete(&self, user: &User, along: Along<'_>) -> Result<(), StoreError>;

    async fn list(&self, search: &Search) -> Result<Vec<User>, StoreError>;

    /// Whether the guard knows an administrator.
    async fn has_administrator(&self) -> Result<bool, StoreError>;
}
