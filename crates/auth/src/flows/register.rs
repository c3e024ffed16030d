//! Registration: anyone makes an account for oneself, if the house is open.

use super::{Caller, NewUser, NewUserError};
use crate::Keyward;
use crate::policy::Verification;
use crate::records::{Actor, Along, EventKind, Mail, StoreError, Topic, Unique, User};
use crate::values::{Email, Role, Roles};

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Accounts are made by administrators only.
    #[error("registration is closed")]
    Closed,
    #[error(transparent)]
    New(#[from] NewUserError),
}

/// What came of it.
#[derive(Debug)]
pub enum Registered {
    Made(Box<User>),
    /// Perhaps an account was made, perhaps the address has one already: its owner was told by mail.
    Concealed,
}

impl Keyward {
    /// Keeps a new, active, unverified user with the role `user`, whatever else was asked for.
    pub async fn register(&self, new: NewUser, caller: &Caller) -> Result<Registered, RegisterError> {
        if !self.policy.registration_open {
            return Err(RegisterError::Closed);
        }
        let conceal = self.policy.conceal;
        let new = NewUser { roles: Roles::new([Role::user()]), active: true, email_verified: false, ..new };
        let user = self.compose(new, conceal).await?;
        let event = self.event(EventKind::Registered, Actor::User(user.id), Some(user.id), caller);
        let mails = self.welcome(&user, caller).await;
        let along = Along { events: std::slice::from_ref(&event), mails: &mails, ..Along::default() };
        let inserted = match &user.email {
            // One that somebody may take back is taken; an administrator may give it to somebody else.
            Some(email) if self.is_held(email, None).await.map_err(NewUserError::from)? => {
                Err(StoreError::Taken(Unique::Email))
            }
            _ => self.store.users.insert(&user, along).await,
        };
        match (inserted, &user.email) {
            (Err(StoreError::Taken(Unique::Email)), Some(email)) if conceal => {
                self.tell_owner(email, &mails, caller).await?;
                return Ok(Registered::Concealed);
            }
            (other, _) => other.map_err(NewUserError::from)?,
        }
        event.log();
        self.wake_mailer(&mails);
        Ok(if conceal { Registered::Concealed } else { Registered::Made(Box::new(user)) })
    }

    /// The first mail to a new user: to set a password, or to prove the address.
    pub(super) async fn welcome(&self, user: &User, caller: &Caller) -> Vec<Mail> {
        let Some(email) = user.email.as_ref().filter(|_| self.policy.has_mail && user.is_active()) else {
            return Vec::new();
        };
        let is_proven = user.email_verified_at.is_some() || self.policy.verification == Verification::Off;
        let topic = match (&user.password, is_proven) {
            (None, _) => Topic::Invite,
            (Some(_), false) => Topic::Verify,
            (Some(_), true) => return Vec::new(),
        };
        vec![self.wanted(topic, email, user.id, caller).await]
    }

    /// In place of the mail to a new user, which has been counted where there is one, and put off where there were too many.
    async fn tell_owner(
        &self,
        email: &Email,
        instead_of: &[Mail],
        caller: &Caller,
    ) -> Result<(), NewUserError> {
        let is_too_much = match instead_of.first() {
            Some(mail) => mail.due_at > mail.created_at,
            None => self.count_mail(Topic::Taken, email).await.is_err(),
        };
        if !self.policy.has_mail || is_too_much {
            return Ok(());
        }
        let mail = self.mail(Topic::Taken, email.clone(), None, caller);
        Ok(self.put_mail(&mail).await?)
    }
}
