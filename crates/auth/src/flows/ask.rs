//! Asking for a mail by an address alone: the code that proves it, or the one that sets a new password.
//!
//! Nobody is looked up. The address is counted and a mail is kept for it, whether it is somebody's or not; whose it is,
//! the worker finds out. So neither the reply nor its time tells who has an account.

use super::{Caller, Limited};
use crate::Keyward;
use crate::records::{StoreError, Topic};
use crate::values::Email;

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no way to send mails.
    #[error("no mail can be sent")]
    NotConfigured,
    /// This address has been sent enough.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// Another mail to prove an address, if somebody waits for it.
    pub async fn resend(&self, email: &Email, caller: &Caller) -> Result<(), AskError> {
        self.ask(Topic::Verify, email, caller).await
    }

    /// A mail to set a new password, if somebody has this address.
    pub async fn forgot_password(&self, email: &Email, caller: &Caller) -> Result<(), AskError> {
        self.ask(Topic::Reset, email, caller).await
    }

    async fn ask(&self, topic: Topic, email: &Email, caller: &Caller) -> Result<(), AskError> {
        if !self.policy.has_mail {
            return Err(AskError::NotConfigured);
        }
        let counted = self.count_mail(topic, email).await?;
        let mail = self.mail(topic, email.clone(), None, caller);
        // Nobody is woken: what the worker does for a mail would otherwise be felt by the very next request.
        if let Err(error) = self.store.mails.put(std::slice::from_ref(&mail)).await {
            self.put_back(&counted).await;
            return Err(error.into());
        }
        Ok(())
    }
}
