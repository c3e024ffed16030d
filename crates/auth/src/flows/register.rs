//! Registration: anyone makes an account for oneself, if the house is open.

use super::{Caller, NewUser, NewUserError};
use crate::Keyward;
use crate::records::{Actor, EventKind, User};
use crate::values::{Role, Roles};

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Accounts are made by administrators only.
    #[error("registration is closed")]
    Closed,
    #[error(transparent)]
    New(#[from] NewUserError),
}

impl Keyward {
    /// Keeps a new, active, unverified user with the role `user`, whatever else was asked for.
    pub async fn register(&self, new: NewUser, caller: &Caller) -> Result<User, RegisterError> {
        if !self.policy.registration_open {
            return Err(RegisterError::Closed);
        }
        let new = NewUser { roles: Roles::new([Role::user()]), active: true, email_verified: false, ..new };
        let user = self.compose(new).await?;
        let event = self.event(EventKind::Registered, Actor::User(user.id), Some(user.id), caller);
        self.store.users.insert(&user, (&event).into()).await.map_err(NewUserError::from)?;
        event.log();
        Ok(user)
    }
}
