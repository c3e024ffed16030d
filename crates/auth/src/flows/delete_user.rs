//! Deletion: oneself with the password, others with `users:delete`. The user is gone at once, sessions with it; the
//! audit log keeps the id.

use super::proof::ProofError;
use super::{AuthenticateError, By, Caller, Forbidden, Limited, MOST_TRIES, SignedIn, Target};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, Along, EventKind, Leftover, StoreError, User};
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
    /// The session is too old to delete its own user without the password.
    #[error("proof is needed")]
    ReauthenticationRequired,
    #[error("the last administrator stays")]
    LastAdministrator,
    /// The session ended while this ran.
    #[error("the session is over")]
    SignedOut,
    /// The password was tried too often.
    #[error(transparent)]
    Limited(#[from] Limited),
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
            ProofError::Limited(limited) => Self::Limited(limited),
            ProofError::Busy(busy) => Self::Busy(busy),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AuthenticateError> for DeleteError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::SignedOut,
            AuthenticateError::Store(error) => Self::Store(error),
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
        for _ in 0..MOST_TRIES {
            let user = self.still(person).await?.user;
            // Whoever changed the password meanwhile raised the epoch: then the proof is one of yesterday.
            if user.epoch != person.user.epoch {
                return Err(DeleteError::Wrong);
            }
            match self.delete(&user, if_version, Actor::User(user.id), caller).await {
                Err(DeleteError::Store(StoreError::Stale)) => {}
                other => return other,
            }
        }
        Err(DeleteError::Busy(Busy))
    }

    /// Needs `users:delete`; of oneself, also a session that has just signed in, since no password comes with it.
    pub async fn delete_user(
        &self,
        by: By<'_>,
        target: &Target,
        if_version: Option<i64>,
        caller: &Caller,
    ) -> Result<(), DeleteError> {
        let mut by = by;
        let mut again: Option<SignedIn>;
        for _ in 0..MOST_TRIES {
            by.must(Permission::UsersDelete)?;
            let user = self.find(target).await?.ok_or(DeleteError::NotFound)?;
            if let By::Person(person) = by
                && by.is(user.id)
                && self.now().since(person.session.created_at) > self.policy.fresh_for
            {
                return Err(DeleteError::ReauthenticationRequired);
            }
            match self.delete(&user, if_version, by.actor(), caller).await {
                Err(DeleteError::Store(StoreError::Stale)) => {
                    again = self.again(by).await?;
                    by = again.as_ref().map_or(By::Operator, By::Person);
                }
                other => return other,
            }
        }
        Err(DeleteError::Busy(Busy))
    }

    /// The user as it was read, or `Stale`.
    async fn delete(
        &self,
        user: &User,
        if_version: Option<i64>,
        actor: Actor,
        caller: &Caller,
    ) -> Result<(), DeleteError> {
        if if_version.is_some_and(|version| version != user.version) {
            return Err(DeleteError::Changed);
        }
        let event = self.event(EventKind::UserDeleted, actor, Some(user.id), caller);
        let leftovers: Vec<Leftover> =
            user.picture.into_iter().map(|picture| self.leftover(picture, user.id)).collect();
        let along = Along { leftovers: &leftovers, ..Along::from(&event) };
        self.store.users.delete(user, along).await?;
        event.log();
        self.forget_all(user.id).await;
        self.forget_codes(user).await;
        Ok(())
    }
}
