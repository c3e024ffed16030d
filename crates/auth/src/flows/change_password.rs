//! A new password against the old one. All other sessions end, and this one is replaced: its tokens die with it.

use super::proof::{ProofError, owner};
use super::{AuthenticateError, Caller, Limited, LoggedIn, MOST_TRIES, SignedIn};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, Along, Change, EventKind, Mail, StoreError, Topic, User};
use crate::tokens::KeyError;
use crate::values::{Invalid, Password};

#[derive(Debug)]
pub struct PasswordChange {
    pub current: Password,
    pub new: Password,
}

#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is another.
    #[error("the current password is wrong")]
    Wrong,
    #[error("the new password is refused: {0}")]
    Password(Invalid),
    /// The session ended while this ran: another change of the password won.
    #[error("the session is over")]
    SignedOut,
    /// The password was tried too often.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    pub async fn change_password(
        &self,
        person: &SignedIn,
        asked: &PasswordChange,
        caller: &Caller,
    ) -> Result<LoggedIn, ChangePasswordError> {
        self.check_password(&asked.new, &owner(&person.user)).map_err(ChangePasswordError::Password)?;
        self.prove(&person.user, &asked.current, caller).await?;
        let counted = self.count_ending(person.user.id).await?;
        let changed = self.replace_password(person, &asked.new, caller).await;
        if changed.is_err() {
            self.put_back(&[counted]).await;
        }
        let changed = changed?;
        let session = self.new_session(&changed, caller);
        match self.store.sessions.insert(&session, self.policy.sessions_per_user, &[]).await {
            Err(StoreError::Stale) => return Err(ChangePasswordError::SignedOut),
            other => other?,
        }
        Ok(self.issue(changed, &session)?)
    }

    /// The user with the new password, and without sessions.
    async fn replace_password(
        &self,
        person: &SignedIn,
        password: &Password,
        caller: &Caller,
    ) -> Result<User, ChangePasswordError> {
        let password = self.hasher.hash(password).await?;
        let notice = self.notice(Topic::PasswordChanged, &person.user, caller).await;
        let mails: Vec<Mail> = notice.into_iter().collect();
        for _ in 0..MOST_TRIES {
            // Hashing takes long enough to be signed out in, or to have the password changed elsewhere.
            let user = self.still(person).await?.user;
            if user.epoch != person.user.epoch {
                return Err(ChangePasswordError::Wrong);
            }
            let change = Change {
                if_version: Some(user.version),
                password: Some(Some(password.clone())),
                end_sessions: Some(None),
                ..Change::default()
            };
            let event = self.event(EventKind::PasswordChanged, Actor::User(user.id), Some(user.id), caller);
            let along = Along { events: std::slice::from_ref(&event), mails: &mails, ..Along::default() };
            match self.change(user.id, &change, along).await {
                Err(StoreError::Stale) => {}
                other => return Ok(other?),
            }
        }
        Err(ChangePasswordError::Busy(Busy))
    }
}

impl From<ProofError> for ChangePasswordError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Wrong => Self::Wrong,
            ProofError::Limited(limited) => Self::Limited(limited),
            ProofError::Busy(busy) => Self::Busy(busy),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AuthenticateError> for ChangePasswordError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::SignedOut,
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}
