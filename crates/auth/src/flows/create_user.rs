//! Creation of a user by somebody else: an administrator, or whoever runs the command line.

use super::{AuthenticateError, By, Caller, Forbidden, NewUser, NewUserError};
use crate::Keyward;
use crate::records::{Along, Event, EventKind, Topic, User};
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
    /// Needs `users:write`. Without a password the user is invited to set one, by a mail.
    pub async fn create_user(&self, by: By<'_>, new: NewUser, caller: &Caller) -> Result<User, CreateError> {
        by.must(Permission::UsersWrite)?;
        let user = self.compose(new, false).await?;
        // Hashing takes long enough to be signed out or demoted in.
        let again = self.again(by).await?;
        let by = again.as_ref().map_or(By::Operator, By::Person);
        by.must(Permission::UsersWrite)?;
        let event = self.event(EventKind::UserCreated, by.actor(), Some(user.id), caller);
        let mails = self.welcome(&user, caller).await;
        let is_invited = mails.iter().any(|mail| mail.topic == Topic::Invite);
        let invited =
            is_invited.then(|| self.event(EventKind::UserInvited, by.actor(), Some(user.id), caller));
        let events: Vec<Event> = [Some(event), invited].into_iter().flatten().collect();
        let along = Along { events: &events, mails: &mails, ..Along::default() };
        self.store.users.insert(&user, along).await.map_err(NewUserError::from)?;
        events.iter().for_each(Event::log);
        self.wake_mailer(&mails);
        Ok(user)
    }
}
