//! Refresh: a refresh token for its successor and a new access token (RFC 9700, section 4.14.2).
//!
//! A session has one good generation. Who presents it moves the session on by one conditional write; who comes second
//! with the same token within the grace gets the very same successor. Any older token is stolen, or the newer one is:
//! the session ends.

use super::{Caller, LoggedIn};
use crate::Keyward;
use crate::records::{Actor, Along, EventKind, Mail, Session, StoreError, Topic, User};
use crate::tokens::{KeyError, RefreshToken};

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not genuine, expired, over, or used before.
    #[error("the refresh token is not valid")]
    Refused,
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    pub async fn refresh(&self, token: &str, caller: &Caller) -> Result<LoggedIn, RefreshError> {
        let token = self.tokens.refresh.read(token).ok_or(RefreshError::Refused)?;
        let (user, mut session) = self.session_of(token).await?.ok_or(RefreshError::Refused)?;

        if token.generation == session.generation {
            let now = self.now();
            let idle_at = now + self.policy.session_idle;
            match self.store.sessions.rotate(session.id, session.generation, now, idle_at).await? {
                Some(rotated) => return Ok(self.issue(user, &rotated)?),
                // Somebody else was quicker: what they got is ours, too.
                None => (_, session) = self.session_of(token).await?.ok_or(RefreshError::Refused)?,
            }
        }
        let is_predecessor = token.generation.checked_add(1) == Some(session.generation);
        if is_predecessor && self.now().since(session.rotated_at) <= self.policy.refresh_grace {
            return Ok(self.issue(user, &session)?);
        }
        self.end_stolen(&session, &user, caller).await?;
        Err(RefreshError::Refused)
    }

    async fn session_of(&self, token: RefreshToken) -> Result<Option<(User, Session)>, StoreError> {
        let Some(session) = self.store.sessions.by_id(token.session).await? else { return Ok(None) };
        if !self.tokens.refresh.is_of(&token, session.user) {
            return Ok(None);
        }
        let Some(user) = self.store.users.by_id(session.user).await? else { return Ok(None) };
        Ok(session.is_live(&user, self.now()).then_some((user, session)))
    }

    async fn end_stolen(&self, session: &Session, user: &User, caller: &Caller) -> Result<(), StoreError> {
        let event = self
            .event(EventKind::RefreshTokenReused, Actor::Anonymous, Some(session.user), caller)
            .of_session(session.id);
        let notice = self.notice(Topic::SessionEnded, user, caller).await;
        let mails: Vec<Mail> = notice.into_iter().collect();
        let along = Along { events: std::slice::from_ref(&event), mails: &mails, ..Along::default() };
        if self.store.sessions.end(session.id, session.user, along).await? {
            event.log();
            self.wake_mailer(&mails);
        }
        Ok(())
    }
}
