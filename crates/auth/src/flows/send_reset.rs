//! A mail to set a new password, asked for by an administrator or on the command line: nobody sets another's password.

use super::{By, Caller, Forbidden, Target};
use crate::Keyward;
use crate::records::{EventKind, StoreError, Topic};
use crate::values::Permission;

#[derive(Debug, thiserror::Error)]
pub enum SendResetError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such user")]
    NotFound,
    #[error("the user has no e-mail address")]
    NoEmail,
    #[error("the user is disabled")]
    Disabled,
    /// There is no way to send mails.
    #[error("no mail can be sent: set mail.url (SMTP_URL)")]
    NotConfigured,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// Needs `users:write`. Not counted: whoever may do this could as well disable the user.
    pub async fn send_reset(
        &self,
        by: By<'_>,
        target: &Target,
        caller: &Caller,
    ) -> Result<(), SendResetError> {
        by.must(Permission::UsersWrite)?;
        let user = self.find(target).await?.ok_or(SendResetError::NotFound)?;
        let email = user.email.clone().ok_or(SendResetError::NoEmail)?;
        if !user.is_active() {
            return Err(SendResetError::Disabled);
        }
        if !self.policy.has_mail {
            return Err(SendResetError::NotConfigured);
        }
        // First that it was asked for: a crash in between leaves no mail of which nobody knows why.
        let event = self.event(EventKind::PasswordResetAsked, by.actor(), Some(user.id), caller);
        self.note(&event).await?;
        let mail = self.mail(Topic::Reset, email, Some(user.id), caller);
        Ok(self.put_mail(&mail).await?)
    }
}
