//! The password as proof that the person is still the one who signed in: compared, and a wrong one noted, wherever a flow
//! asks for it.

use super::Caller;
use crate::Keyward;
use crate::outside::{Busy, Verdict};
use crate::passwords::Owner;
use crate::records::{Actor, EventKind, StoreError, User};
use crate::values::Password;

/// Why a password given as proof proves nothing.
#[derive(Debug)]
pub(super) enum ProofError {
    Wrong,
    Busy(Busy),
    Store(StoreError),
}

impl From<Busy> for ProofError {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
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
        if self.hasher.verify(password, user.password.as_ref()).await? != Verdict::Wrong {
            return Ok(());
        }
        self.note_wrong_proof(user, caller).await?;
        Err(ProofError::Wrong)
    }

    pub(super) async fn note_wrong_proof(&self, user: &User, caller: &Caller) -> Result<(), StoreError> {
        let event = self.event(EventKind::PasswordProofFailed, Actor::User(user.id), Some(user.id), caller);
        self.store.audit.record(std::slice::from_ref(&event)).await?;
        event.log();
        Ok(())
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
