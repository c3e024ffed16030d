//! The password as proof that the person is still the one who signed in: compared, and a wrong one counted and noted,
//! wherever a flow asks for it.

use super::tries::{Account, TryError};
use super::{Caller, Limited};
use crate::Keyward;
use crate::outside::{Busy, Verdict};
use crate::passwords::Owner;
use crate::records::{Actor, EventKind, StoreError, User};
use crate::values::Password;

/// Why a password given as proof proves nothing.
#[derive(Debug)]
pub(super) enum ProofError {
    Wrong,
    Limited(Limited),
    Busy(Busy),
    Store(StoreError),
}

impl From<TryError> for ProofError {
    fn from(error: TryError) -> Self {
        match error {
            TryError::Limited(limited) => Self::Limited(limited),
            TryError::Busy(busy) => Self::Busy(busy),
        }
    }
}

impl From<StoreError> for ProofError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Keyward {
    /// Compares the password that somebody gives as proof, and keeps an event of a wrong one.
    pub(super) async fn prove(
        &self,
        user: &User,
        password: &Password,
        caller: &Caller,
    ) -> Result<(), ProofError> {
        let (verdict, tried) = self.try_password(Account::Of(user), password, caller).await?;
        if verdict != Verdict::Wrong {
            self.was_right(tried).await;
            return Ok(());
        }
        self.note_wrong_proof(user, caller).await?;
        Err(ProofError::Wrong)
    }

    pub(super) async fn note_wrong_proof(&self, user: &User, caller: &Caller) -> Result<(), StoreError> {
        let event = self.event(EventKind::PasswordProofFailed, Actor::User(user.id), Some(user.id), caller);
        self.note(&event).await
    }
}

/// Whose password it is, for the policy.
pub(super) fn owner(user: &User) -> Owner<'_> {
    Owner {
        email: user.email.as_ref(),
        username: user.username.as_ref(),
        names: [user.first_name.as_ref(), user.last_name.as_ref()],
    }
}
