//! The writes that most flows come down to, and what follows from each: a change of one user with what is kept along with
//! it, or an event alone. What is to change is for the flow to decide, but for what goes with every end of sessions.

use crate::Keyward;
use crate::records::{Along, Change, Event, StoreError, User};
use crate::values::UserId;

impl Keyward {
    /// Makes the change and keeps what goes along, or does neither. Where it ends sessions it also forgets an address that
    /// waits to be proven, since one of them may have asked for it; unless the change asks for one. Errors are those of
    /// [`Users::change`](crate::records::Users::change). Afterwards the events are in the log, the mailer is awake, the
    /// sessions that the change has ended are tidied up, and there is a mail more to set a password, which may all be lost.
    pub(super) async fn change(
        &self,
        user: UserId,
        change: &Change,
        along: Along<'_>,
    ) -> Result<User, StoreError> {
        let pending_email = change.end_sessions.and(Some(None));
        let change =
            Change { pending_email: change.pending_email.clone().or(pending_email), ..change.clone() };
        let changed = self.store.users.change(user, &change, self.now(), along).await?;
        along.events.iter().for_each(Event::log);
        self.wake_mailer(along.mails);
        if change.end_sessions.is_some() {
            self.forget_ended(&changed).await;
            self.grant_reset(&changed).await;
        }
        Ok(changed)
    }

    /// Keeps an event that tells of no change, and writes it into the log.
    pub(super) async fn note(&self, event: &Event) -> Result<(), StoreError> {
        self.store.audit.record(std::slice::from_ref(event)).await?;
        event.log();
        Ok(())
    }
}
