//! A new password for whoever reads the mail of the user's address, and the first one for whoever was invited. It ends all
//! sessions and signs nobody in.

use super::codes::CodeError;
use super::proof::owner;
use super::{Caller, Limited, MOST_TRIES};
use crate::Keyward;
use crate::outside::Busy;
use crate::passwords::Owner;
use crate::records::{Actor, Along, Change, Code, Event, EventKind, Mail, Purpose, StoreError, Topic, User};
use crate::values::{Email, Invalid, Password, PasswordHash};

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// Wrong, used, expired, tried too often, or of nobody.
    #[error("the code is not valid")]
    Refused,
    /// The new password is refused by the policy; the code stays good.
    #[error("the password is refused: {0}")]
    Password(Invalid),
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CodeError> for ResetError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Refused => Self::Refused,
            CodeError::Limited(limited) => Self::Limited(limited),
            CodeError::Store(error) => Self::Store(error),
        }
    }
}

impl Keyward {
    /// By the digits of the mail that went to this address.
    pub async fn reset_password(
        &self,
        email: &Email,
        digits: &str,
        password: &Password,
        caller: &Caller,
    ) -> Result<(), ResetError> {
        // What can be refused without a try at the code is.
        let anybody = Owner { email: Some(email), username: None, names: [None, None] };
        self.check_password(password, &anybody).map_err(ResetError::Password)?;
        let (code, user) = self.code_by_digits(&[Purpose::Reset], email, digits, caller).await?;
        self.set_password(&code, &user, password, caller).await
    }

    /// By the link of that mail, or of an invitation.
    pub async fn reset_by_link(
        &self,
        token: &str,
        password: &Password,
        caller: &Caller,
    ) -> Result<(), ResetError> {
        let purposes = [Purpose::Reset, Purpose::Invite];
        let (code, user, _) = self.code_by_link(&purposes, token, caller).await?;
        self.set_password(&code, &user, password, caller).await
    }

    async fn set_password(
        &self,
        code: &Code,
        user: &User,
        password: &Password,
        caller: &Caller,
    ) -> Result<(), ResetError> {
        self.check_password(password, &owner(user)).map_err(ResetError::Password)?;
        let hash = self.hasher.hash(password).await?;
        self.consume(code, self.now(), caller).await?;
        let set = self.write_password(code, &hash, caller).await;
        if let Err(ResetError::Store(_) | ResetError::Busy(_)) = &set {
            self.give_back_code(code).await;
        }
        set
    }

    async fn write_password(
        &self,
        code: &Code,
        hash: &PasswordHash,
        caller: &Caller,
    ) -> Result<(), ResetError> {
        let id = code.user.ok_or(ResetError::Refused)?;
        for _ in 0..MOST_TRIES {
            let user = self.store.users.by_id(id).await?.ok_or(ResetError::Refused)?;
            let email = self.address_of(code, &user).filter(|_| user.is_active());
            let email = email.ok_or(ResetError::Refused)?;
            let is_first = code.purpose == Purpose::Invite;
            let now = self.now();
            let mut change = Change {
                if_version: Some(user.version),
                password: Some(hash.clone()),
                end_sessions: Some(None),
                // Whoever had a session may have asked for another address.
                pending_email: user.pending_email.is_some().then_some(None),
                ..Change::default()
            };
            let mut kinds =
                vec![if is_first { EventKind::PasswordChanged } else { EventKind::PasswordReset }];
            if user.email_verified_at.is_none() {
                change.email_verified_at = Some(Some(now));
                kinds.push(EventKind::EmailVerified);
            }
            let events: Vec<Event> =
                kinds.into_iter().map(|kind| self.event(kind, Actor::User(id), Some(id), caller)).collect();
            // The address is proven by now, so nobody else causes this mail.
            let tells = self.policy.has_mail && !is_first;
            let mail = tells.then(|| self.mail(Topic::PasswordChanged, email, Some(id), caller));
            let mails: Vec<Mail> = mail.into_iter().collect();
            let along = Along { events: &events, mails: &mails };
            match self.store.users.change(id, &change, now, along).await {
                Err(StoreError::Stale) => {}
                other => {
                    let changed = other?;
                    events.iter().for_each(Event::log);
                    self.post(&mails);
                    self.forget_ended(&changed).await;
                    return Ok(());
                }
            }
        }
        Err(ResetError::Busy(Busy))
    }
}
