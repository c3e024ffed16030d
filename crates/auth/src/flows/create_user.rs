//! Creation of a user by somebody else: an administrator, or whoever runs the command line.

use super::{By, Caller, Forbidden, NewUser, NewUserError};
use crate::Keyward;
use crate::records::{EventKind, User};
use crate::values::Permission;

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    New(#[from] NewUserError),
}

impl Keyward {
    /// Needs `users:write`.
    pub async fn create_user(&self, by: By<'_>, new: NewUser, caller: &Caller) -> Result<User, CreateError> {
        by.must(Permission::UsersWrite)?;
        let user = self.compose(new).await?;
        let event = self.event(EventKind::UserCreated, by.actor(), Some(user.id), caller);
        self.store.users.insert(&user, std::slice::from_ref(&event)).await.map_err(NewUserError::from)?;
        event.log();
        Ok(user)
    }
}
