//! Sign-out: of this session by removing it, of all by raising the user's epoch.

use super::{Caller, Limited, SignedIn};
use crate::Keyward;
use crate::records::{Actor, Change, EventKind, StoreError, User};
use crate::values::{SessionId, UserId};

#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// This account has ended all its sessions too often.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// Ends the session that asks.
    pub async fn logout(&self, person: &SignedIn, caller: &Caller) -> Result<(), LogoutError> {
        let id = person.user.id;
        let event =
            self.event(EventKind::SignedOut, Actor::User(id), Some(id), caller).of_session(person.session.id);
        if self.store.sessions.end(person.session.id, id, (&event).into()).await? {
            event.log();
        }
        Ok(())
    }

    /// Ends all sessions of the person who asks, this one included.
    pub async fn logout_everywhere(&self, person: &SignedIn, caller: &Caller) -> Result<(), LogoutError> {
        let id = person.user.id;
        let counted = self.count_ending(id).await?;
        match self.end_all(id, Actor::User(id), caller).await {
            // Deleted meanwhile: then there is nothing left to end.
            Ok(()) | Err(StoreError::Stale) => Ok(()),
            Err(error) => {
                self.put_back(&[counted]).await;
                Err(error.into())
            }
        }
    }

    /// The one write that ends all of a user's sessions. `Stale` if the user is gone.
    pub(super) async fn end_all(&self, id: UserId, actor: Actor, caller: &Caller) -> Result<(), StoreError> {
        let change = Change { end_sessions: Some(None), ..Change::default() };
        let event = self.event(EventKind::SignedOutEverywhere, actor, Some(id), caller);
        self.change(id, &change, (&event).into()).await.map(drop)
    }

    /// Tidies up the sessions that a raised epoch has ended. They are dead already, so a failure is only logged.
    pub(super) async fn forget_ended(&self, user: &User) {
        self.forget(user.id, user.epoch, user.kept_session).await;
    }

    /// The same for a user who is gone.
    pub(super) async fn forget_all(&self, user: UserId) {
        self.forget(user, i64::MAX, None).await;
    }

    async fn forget(&self, user: UserId, epoch: i64, kept: Option<SessionId>) {
        if let Err(error) = self.store.sessions.forget(user, epoch, kept).await {
            tracing::warn!(%error, "ended sessions were not removed; they stay, dead, until they expire");
        }
    }
}
