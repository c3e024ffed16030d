//! Proof that a person reads the mail of an address: of the one that the user has, or of the one that waits to take its
//! place. Of several who wait for one address the first to prove it gets it.

use super::Caller;
use super::codes::{CodeError, Effect};
use crate::Keyward;
use crate::records::{Change, Code, EventKind, Purpose, Topic, User};
use crate::values::Email;

const PROVING: [Purpose; 2] = [Purpose::Verify, Purpose::Change];

impl Keyward {
    /// By the digits of the mail that went to this address.
    pub async fn verify_email(
        &self,
        email: &Email,
        digits: &str,
        caller: &Caller,
    ) -> Result<User, CodeError> {
        let (code, user) = self.code_by_digits(&PROVING, email, digits, caller).await?;
        self.prove_address(&code, &user, caller).await
    }

    /// By the link of that mail.
    pub async fn verify_by_link(&self, token: &str, caller: &Caller) -> Result<User, CodeError> {
        let (code, user) = self.code_by_link(&PROVING, token, caller).await?;
        self.prove_address(&code, &user, caller).await
    }

    async fn prove_address(&self, code: &Code, user: &User, caller: &Caller) -> Result<User, CodeError> {
        let is_new = code.purpose == Purpose::Change;
        if let Some(email) = user.pending_email.as_ref().filter(|_| is_new)
            && self.is_held(email, Some(user.id)).await?
        {
            return Err(CodeError::Taken);
        }
        // To the address of before. Whatever changes it meanwhile forgets the one that waits, and so voids the code.
        let notice = if is_new { self.notice(Topic::Changed, user, caller).await } else { None };
        if let Some(notice) = &notice {
            self.hold(notice, user).await?;
        }
        self.spend(code, caller, |_, email| {
            let proven = Change { email_verified_at: Some(Some(self.now())), ..Change::default() };
            if !is_new {
                return Effect { change: proven, events: vec![EventKind::EmailVerified], mails: Vec::new() };
            }
            Effect {
                change: Change { email: Some(Some(email)), pending_email: Some(None), ..proven },
                events: vec![EventKind::EmailChanged, EventKind::EmailVerified],
                mails: notice.iter().cloned().collect(),
            }
        })
        .await
    }
}
