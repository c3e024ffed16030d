//! A person's own sessions, to see and to end; and the end of all sessions of somebody else.

use super::{By, Caller, Forbidden, SignedIn, Target};
use crate::Keyward;
use crate::records::{Actor, EventKind, Session, StoreError};
use crate::values::{Permission, SessionId};

#[derive(Debug, thiserror::Error)]
pub enum EndSessionsError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such user or session")]
    NotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// The living sessions of the person who asks, newest first.
    pub async fn list_sessions(&self, person: &SignedIn) -> Result<Vec<Session>, StoreError> {
        let now = self.now();
        let mut sessions = self.store.sessions.of_user(person.user.id, now).await?;
        sessions.retain(|session| session.is_live(&person.user, now));
        Ok(sessions)
    }

    /// Ends one of the person's own sessions.
    pub async fn end_session(
        &self,
        person: &SignedIn,
        session: SessionId,
        caller: &Caller,
    ) -> Result<(), EndSessionsError> {
        let id = person.user.id;
        let event =
            self.event(EventKind::SessionEnded, Actor::User(id), Some(id), caller).of_session(session);
        if !self.store.sessions.end(session, id, (&event).into()).await? {
            return Err(EndSessionsError::NotFound);
        }
        event.log();
        Ok(())
    }

    /// Ends all sessions of a user. Needs `users:write`.
    pub async fn end_user_sessions(
        &self,
        by: By<'_>,
        target: &Target,
        caller: &Caller,
    ) -> Result<(), EndSessionsError> {
        by.must(Permission::UsersWrite)?;
        let user = self.find(target).await?.ok_or(EndSessionsError::NotFound)?;
        match self.end_all(user.id, by.actor(), caller).await {
            Err(StoreError::Stale) => Err(EndSessionsError::NotFound),
            other => Ok(other?),
        }
    }
}
