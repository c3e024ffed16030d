//! Deletion: oneself with the password, others with `users:delete`. The user is gone at once, sessions with it; the
//! audit log keeps the id.

use super::proof::ProofError;
use super::{By, Caller, Forbidden, SignedIn, Target};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, EventKind, StoreError, User};
use crate::values::{Password, Permission};

#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such user")]
    NotFound,
    /// The user is not of the version that the request names.
    #[error("the user has changed")]
    Changed,
    #[error("the password is wrong")]
    Wrong,
    #[error("the last administrator stays")]
    LastAdministrator,
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for DeleteError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Guarded => Self::LastAdministrator,
            other => Self::Store(other),
        }
    }
}

impl From<ProofError> for DeleteError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Wrong => Self::Wrong,
            ProofError::Busy(busy) => Self::Busy(busy),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl Keyward {
    pub async fn delete_me(
        &self,
        person: &SignedIn,
        password: &Password,
        if_version: Option<i64>,
        caller: &Caller,
    ) -> Result<(), DeleteError> {
        self.prove(&person.user, password, caller).await?;
        self.delete(person.user.clone(), if_version, Actor::User(person.user.id), caller).await
    }

    /// Needs `users:delete`.
    pub async fn delete_user(
        &self,
        by: By<'_>,
        target: &Target,
        if_version: Option<i64>,
        caller: &Caller,
    ) -> Result<(), DeleteError> {
        by.must(Permission::UsersDelete)?;
        let user = self.find(target).await?.ok_or(DeleteError::NotFound)?;
        self.delete(user, if_version, by.actor(), caller).await
    }

    async fn delete(
        &self,
        mut user: User,
        if_version: Option<i64>,
        actor: Actor,
        caller: &Caller,
    ) -> Result<(), DeleteError> {
        let event = self.event(EventKind::UserDeleted, actor, Some(user.id), caller);
        loop {
            if if_version.is_some_and(|version| version != user.version) {
                return Err(DeleteError::Changed);
            }
            match self.store.users.delete(&user, std::slice::from_ref(&event)).await {
                Err(StoreError::Stale) => {
                    user = self.store.users.by_id(user.id).await?.ok_or(DeleteError::NotFound)?;
                }
                other => {
                    other?;
                    event.log();
                    return Ok(());
                }
            }
        }
    }
}
