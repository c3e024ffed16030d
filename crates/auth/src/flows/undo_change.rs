//! Undoing a change of address, by the link that the old address was sent: it counts again, all sessions end, and a mail
//! to set a new password goes to it, since whoever made the change may know the old one.

use super::codes::CodeError;
use super::{Caller, Limited, MOST_TRIES};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, Along, Change, Code, EventKind, Purpose, StoreError, Topic, Undone, User};

#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Used, expired, or there is nothing to undo.
    #[error("the link is not valid")]
    Refused,
    /// Somebody else has the address by now.
    #[error("the address is taken")]
    Taken,
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CodeError> for UndoError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Refused => Self::Refused,
            CodeError::Limited(limited) => Self::Limited(limited),
            CodeError::Store(error) => Self::Store(error),
        }
    }
}

impl Keyward {
    pub async fn undo_change(&self, token: &str, caller: &Caller) -> Result<User, UndoError> {
        let (code, ..) = self.code_by_link(&[Purpose::Undo], token, caller).await?;
        self.consume(&code, self.now(), caller).await?;
        let undone = self.write_undoing(&code, caller).await;
        if let Err(UndoError::Store(_) | UndoError::Busy(_)) = &undone {
            self.give_back_code(&code).await;
        }
        undone
    }

    async fn write_undoing(&self, code: &Code, caller: &Caller) -> Result<User, UndoError> {
        let id = code.user.ok_or(UndoError::Refused)?;
        for _ in 0..MOST_TRIES {
            let user = self.store.users.by_id(id).await?.ok_or(UndoError::Refused)?;
            let email = self.address_of(code, &user).filter(|_| user.is_active());
            let email = email.ok_or(UndoError::Refused)?;
            let now = self.now();
            let change = Change {
                if_version: Some(user.version),
                email: Some(Some(email.clone())),
                email_verified_at: Some(Some(now)),
                pending_email: Some(None),
                end_sessions: Some(None),
                undone: Some(self.undone(code, &user)),
                ..Change::default()
            };
            let event = self.event(EventKind::EmailChangeUndone, Actor::User(id), Some(id), caller);
            let mail = self.mail(Topic::Reset, email, Some(id), caller);
            let along = Along { events: std::slice::from_ref(&event), mails: std::slice::from_ref(&mail) };
            match self.store.users.change(id, &change, now, along).await {
                Err(StoreError::Stale) => {}
                Err(StoreError::Taken(_)) => return Err(UndoError::Taken),
                other => {
                    let undone = other?;
                    event.log();
                    self.post(std::slice::from_ref(&mail));
                    self.forget_ended(&undone).await;
                    return Ok(undone);
                }
            }
        }
        Err(UndoError::Busy(Busy))
    }

    /// Everything since this code was asked for, and still what an undoing of before has covered while there are codes of
    /// that time.
    fn undone(&self, code: &Code, user: &User) -> Undone {
        let at = self.now();
        let before = user.undone.filter(|before| at.since(before.at) <= self.policy.codes.undo_link);
        Undone { to: before.map_or(code.asked_at, |before| before.to.min(code.asked_at)), at }
    }
}
