//! A new password for whoever reads the mail of the user's address, and the first one for whoever was invited. It ends
//! all sessions and signs nobody in.

use super::Caller;
use super::codes::{CodeError, Effect};
use super::proof::owner;
use crate::Keyward;
use crate::passwords::Owner;
use crate::records::{Change, Code, EventKind, Purpose, Topic, User};
use crate::values::{Email, Invalid, Password};

#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The new password is refused by the policy; the code stays good.
    #[error("the password is refused: {0}")]
    Password(Invalid),
    #[error(transparent)]
    Code(#[from] CodeError),
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
        let (code, user) = self.code_by_link(&purposes, token, caller).await?;
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
        let hash = self.hasher.hash(password).await.map_err(CodeError::Busy)?;
        let is_first = code.purpose == Purpose::Invite;
        self.spend(code, caller, |user, email| {
            let is_proven = user.email_verified_at.is_some();
            let set = if is_first { EventKind::PasswordChanged } else { EventKind::PasswordReset };
            let proven = (!is_proven).then_some(EventKind::EmailVerified);
            // The address is proven by now, so nobody else causes this mail, and it is not counted.
            let is_told = self.policy.has_mail && !is_first;
            let told = is_told.then(|| self.mail(Topic::PasswordChanged, email, Some(user.id), caller));
            Effect {
                change: Change {
                    password: Some(Some(hash.clone())),
                    end_sessions: Some(None),
                    email_verified_at: (!is_proven).then(|| Some(self.now())),
                    ..Change::default()
                },
                events: [Some(set), proven].into_iter().flatten().collect(),
                mails: told.into_iter().collect(),
            }
        })
        .await?;
        Ok(())
    }
}
