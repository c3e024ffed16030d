//! A code is spent: it is taken away, and then its user is changed as it says.
//!
//! In this order a crash leaves less access, never more: a code that is gone and has changed nothing is asked for again. A
//! store that says that it failed, or that the address is taken, gets the code back.

use super::CodeError;
use crate::Keyward;
use crate::flows::{Caller, MOST_TRIES};
use crate::outside::Busy;
use crate::records::{Actor, Along, Change, Code, Event, EventKind, Mail, StoreError, User};
use crate::values::Email;

/// What a code changes in its user, and who is told.
pub(in crate::flows) struct Effect {
    /// Applied to the very version that it was decided from.
    pub(in crate::flows) change: Change,
    pub(in crate::flows) events: Vec<EventKind>,
    pub(in crate::flows) mails: Vec<Mail>,
}

impl Keyward {
    /// Of many who present a code one goes on, and `effect` decides from the user and the address that the code is about.
    /// Should the user change meanwhile, it decides again.
    pub(in crate::flows) async fn spend(
        &self,
        code: &Code,
        caller: &Caller,
        effect: impl Fn(&User, Email) -> Effect,
    ) -> Result<User, CodeError> {
        if !self.store.codes.consume(code, self.now()).await? {
            return self.refuse_code(code.user, caller).await;
        }
        let changed = self.change_by(code, caller, effect).await;
        // An address that is taken may be free again.
        if let Err(CodeError::Store(_) | CodeError::Busy(_) | CodeError::Taken) = &changed {
            self.give_back(code).await;
        }
        changed
    }

    async fn change_by(
        &self,
        code: &Code,
        caller: &Caller,
        effect: impl Fn(&User, Email) -> Effect,
    ) -> Result<User, CodeError> {
        for _ in 0..MOST_TRIES {
            let user = self.owner_of(code).await?.ok_or(CodeError::Refused)?;
            let email = self.address_of(code, &user).ok_or(CodeError::Refused)?;
            let Effect { change, events, mails } = effect(&user, email);
            let change = Change { if_version: Some(user.version), ..change };
            let event = |kind| self.event(kind, Actor::User(user.id), Some(user.id), caller);
            let events: Vec<Event> = events.into_iter().map(event).collect();
            match self
                .change(user.id, &change, Along { events: &events, mails: &mails, ..Along::default() })
                .await
            {
                Err(StoreError::Stale) => {}
                other => return Ok(other?),
            }
        }
        Err(CodeError::Busy(Busy))
    }

    /// Should the change have been made all the same, the user's row makes the code worthless.
    async fn give_back(&self, code: &Code) {
        if let Err(error) = self.store.codes.issue(code).await {
            tracing::warn!(%error, "a one-time code is lost; whoever had it has to ask for another");
        }
    }
}
