//! Proof that a person reads the mail of an address: of the one that the user has, or of the one that waits to take its
//! place. Of several who wait for one address the first to prove it gets it.

use super::codes::CodeError;
use super::{Caller, Limited, MOST_TRIES};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, Along, Change, Code, Event, EventKind, Mail, Purpose, StoreError, Topic, User};
use crate::values::Email;

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Wrong, used, expired, tried too often, or of nobody.
    #[error("the code is not valid")]
    Refused,
    /// Somebody else has proven this address meanwhile.
    #[error("the address is taken")]
    Taken,
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CodeError> for VerifyError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Refused => Self::Refused,
            CodeError::Limited(limited) => Self::Limited(limited),
            CodeError::Store(error) => Self::Store(error),
        }
    }
}

const PROVING: [Purpose; 2] = [Purpose::Verify, Purpose::Change];

impl Keyward {
    /// By the digits of the mail that went to this address.
    pub async fn verify_email(
        &self,
        email: &Email,
        digits: &str,
        caller: &Caller,
    ) -> Result<User, VerifyError> {
        let (code, _) = self.code_by_digits(&PROVING, email, digits, caller).await?;
        self.prove_address(&code, caller).await
    }

    /// By the link of that mail.
    pub async fn verify_by_link(&self, token: &str, caller: &Caller) -> Result<User, VerifyError> {
        let (code, ..) = self.code_by_link(&PROVING, token, caller).await?;
        self.prove_address(&code, caller).await
    }

    async fn prove_address(&self, code: &Code, caller: &Caller) -> Result<User, VerifyError> {
        self.consume(code, self.now(), caller).await?;
        let proven = self.write_proof(code, caller).await;
        if let Err(VerifyError::Store(_) | VerifyError::Busy(_)) = &proven {
            self.give_back_code(code).await;
        }
        proven
    }

    async fn write_proof(&self, code: &Code, caller: &Caller) -> Result<User, VerifyError> {
        let id = code.user.ok_or(VerifyError::Refused)?;
        for _ in 0..MOST_TRIES {
            let user = self.store.users.by_id(id).await?.ok_or(VerifyError::Refused)?;
            let email = self.address_of(code, &user).filter(|_| user.is_active());
            let email = email.ok_or(VerifyError::Refused)?;
            let now = self.now();
            let mut change = Change {
                if_version: Some(user.version),
                email_verified_at: Some(Some(now)),
                ..Change::default()
            };
            let mut kinds = vec![EventKind::EmailVerified];
            let mut mails: Vec<Mail> = Vec::new();
            if code.purpose == Purpose::Change {
                change.email = Some(Some(email));
                change.pending_email = Some(None);
                kinds.insert(0, EventKind::EmailChanged);
                mails.extend(self.notice(Topic::Changed, &user, caller).await);
            }
            let events: Vec<Event> =
                kinds.into_iter().map(|kind| self.event(kind, Actor::User(id), Some(id), caller)).collect();
            let along = Along { events: &events, mails: &mails };
            match self.store.users.change(id, &change, now, along).await {
                Err(StoreError::Stale) => {}
                Err(StoreError::Taken(_)) => return Err(VerifyError::Taken),
                other => {
                    let proven = other?;
                    events.iter().for_each(Event::log);
                    self.post(&mails);
                    return Ok(proven);
                }
            }
        }
        Err(VerifyError::Busy(Busy))
    }
}
