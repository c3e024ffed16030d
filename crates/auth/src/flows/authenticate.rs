//! Who sends this request: an access token, the session it names and that session's user, all three good at this
//! moment. Both are read every time, so that logout, disable, delete and a changed role act on the next request.

use crate::Keyward;
use crate::records::{Session, StoreError, User};

/// A person with a living session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: User,
    pub session: Session,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The token is not ours, not valid now, or its session is over. Never told apart.
    #[error("the access token is not valid")]
    Refused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    pub async fn authenticate(&self, token: &str) -> Result<SignedIn, AuthenticateError> {
        let now = self.now();
        let token = self.tokens.access.verify(token, now).ok_or(AuthenticateError::Refused)?;
        match self.store.sessions.with_user(token.session, token.user).await? {
            Some((session, user)) if session.is_live(&user, now) => Ok(SignedIn { user, session }),
            _ => Err(AuthenticateError::Refused),
        }
    }

    /// The person as it is now, if the session still lives.
    pub(super) async fn still(&self, person: &SignedIn) -> Result<SignedIn, AuthenticateError> {
        match self.store.sessions.with_user(person.session.id, person.user.id).await? {
            Some((session, user)) if session.is_live(&user, self.now()) => Ok(SignedIn { user, session }),
            _ => Err(AuthenticateError::Refused),
        }
    }
}
