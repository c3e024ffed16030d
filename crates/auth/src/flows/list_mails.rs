//! The outbox, for whoever runs the command line: what waits, what was sent, what was given up, and another try at that.

use super::{By, Forbidden};
use crate::Keyward;
use crate::records::{Mail, MailSearch, StoreError};
use crate::values::MailId;

/// Why the outbox was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum MailsError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such mail")]
    NotFound,
    /// It was sent, or there is none.
    #[error("there is no such mail, or it was sent already")]
    Sent,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// The mails that are asked for, newest first.
    pub async fn list_mails(&self, by: By<'_>, search: &MailSearch) -> Result<Vec<Mail>, MailsError> {
        by.must_be_operator()?;
        Ok(self.store.mails.list(search).await?)
    }

    /// One mail, and what became of it.
    pub async fn view_mail(&self, by: By<'_>, id: MailId) -> Result<Mail, MailsError> {
        by.must_be_operator()?;
        self.store.mails.by_id(id).await?.ok_or(MailsError::NotFound)
    }

    /// Has a mail tried again at once that waits or was given up.
    pub async fn retry_mail(&self, by: By<'_>, id: MailId) -> Result<(), MailsError> {
        by.must_be_operator()?;
        if !self.store.mails.retry(id, self.now()).await? {
            return Err(MailsError::Sent);
        }
        self.mailer.wake();
        Ok(())
    }
}
