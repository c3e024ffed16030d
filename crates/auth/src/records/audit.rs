//! The audit log: who did what to whom, when, from where, and what came of it. Never a secret, and of a deleted user
//! the id alone.

use super::{Along, StoreError};
use crate::values::{EventId, SessionId, Timestamp, UserId};
use async_trait::async_trait;
use std::net::IpAddr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Registered,
    SignedIn,
    SignInFailed,
    SignedOut,
    SignedOutEverywhere,
    SessionEnded,
    RefreshTokenReused,
    PasswordChanged,
    PasswordProofFailed,
    EmailChanged,
    EmailChangeAsked,
    EmailVerified,
    EmailUnverified,
    UsernameChanged,
    UserCreated,
    UserDeleted,
    UserDisabled,
    UserEnabled,
    RolesChanged,
    CodeRefused,
    PasswordResetAsked,
    PasswordReset,
    UserInvited,
    EmailChangeUndone,
    PictureChanged,
    PictureRemoved,
}

impl EventKind {
    pub const ALL: [Self; 26] = [
        Self::Registered,
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::SignedOutEverywhere,
        Self::SessionEnded,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::PasswordProofFailed,
        Self::EmailChanged,
        Self::EmailChangeAsked,
        Self::EmailVerified,
        Self::EmailUnverified,
        Self::UsernameChanged,
        Self::UserCreated,
        Self::UserDeleted,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::RolesChanged,
        Self::CodeRefused,
        Self::PasswordResetAsked,
        Self::PasswordReset,
        Self::UserInvited,
        Self::EmailChangeUndone,
        Self::PictureChanged,
        Self::PictureRemoved,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::SignedOutEverywhere => "signed_out_everywhere",
            Self::SessionEnded => "session_ended",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordProofFailed => "password_proof_failed",
            Self::EmailChanged => "email_changed",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailVerified => "email_verified",
            Self::EmailUnverified => "email_unverified",
            Self::UsernameChanged => "username_changed",
            Self::UserCreated => "user_created",
            Self::UserDeleted => "user_deleted",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::RolesChanged => "roles_changed",
            Self::CodeRefused => "code_refused",
            Self::PasswordResetAsked => "password_reset_asked",
            Self::PasswordReset => "password_reset",
            Self::UserInvited => "user_invited",
            Self::EmailChangeUndone => "email_change_undone",
            Self::PictureChanged => "picture_changed",
            Self::PictureRemoved => "picture_removed",
        }
    }

    /// Reads what a store kept; a kind of a newer Keyward is `None`.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether something was refused.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::SignInFailed | Self::RefreshTokenReused | Self::PasswordProofFailed | Self::CodeRefused
        )
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody who is signed in.
    Anonymous,
    User(UserId),
    /// Whoever runs the command line.
    Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub at: Timestamp,
    pub kind: EventKind,
    pub actor: Actor,
    /// Whom it befell, if that is a known user.
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub address: Option<IpAddr>,
    pub agent: Option<String>,
    pub request_id: Option<String>,
    /// Only begun: what became of it is not known (any more), since change and event lie in two stores.
    pub is_intent: bool,
}

#[async_trait]
pub trait Audit: Send + Sync {
    /// Keeps events that tell of no change, such as a refused sign-in.
    async fn record(&self, events: &[Event]) -> Result<(), StoreError>;

    /// Keeps events as intents, and the mails as they are, before a change in another store. What came of them is for
    /// [`settle`](Self::settle); a mail that is not due before that is sent if nobody settles.
    async fn intend(&self, along: Along<'_>) -> Result<(), StoreError>;

    /// The change has happened: the intents are events, and the mails due when they were made. Or it has not, and both
    /// are gone.
    async fn settle(&self, along: Along<'_>, happened: bool) -> Result<(), StoreError>;

    /// The latest events that befell a user, newest first.
    async fn of_user(&self, user: UserId, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Removes up to `most` events from before `before`; returns how many.
    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError>;
}
