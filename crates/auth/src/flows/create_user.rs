//! Creation of a user by somebody else: an administrator, or whoever runs the command line.

use super::{AuthenticateError, By, Caller, Forbidden, NewUser, NewUserError};
use crate::Keyward;
use crate::records::{EventKind, User};
use crate::values::Permission;

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The session ended while this ran.
    #[error("the session is over")]
    SignedOut,
    #[error(transparent)]
    New(#[from] NewUserError),
}

impl From<AuthenticateError> for CreateError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::SignedOut,
            AuthenticateError::Store(error) => Self::New(error.into()),
        }
    }
}

impl Keyward {
    /// Needs `users:write`.
    pub async fn create_user(&self, by: By<'_>, new: NewUser, caller: &Caller) -> Result<User, CreateError> {
        by.must(Permission::UsersWrite)?;
        let user = self.compose(new).await?;
        // Hashing takes long enough to be signed out or demoted in.
        let again = self.again(by).await?;
        let by = again.as_ref().map_or(By::Operator, By::Person);
        by.must(Permission::UsersWrite)?;
        let event = self.event(EventKind::UserCreated, by.actor(), Some(user.id), caller);
        self.store.users.insert(&user, (&event).into()).await.map_err(NewUserError::from)?;
        event.log();
        Ok(user)
    }
}
