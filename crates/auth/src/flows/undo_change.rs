//! Undoing a change of address, by the link that the old address was sent: it counts again, all sessions end, and a mail
//! to set a new password goes to it, since whoever made the change may know the old one.

use super::Caller;
use super::codes::{CodeError, Effect};
use crate::Keyward;
use crate::records::{Change, EventKind, Purpose, Topic, User};

impl Keyward {
    pub async fn undo_change(&self, token: &str, caller: &Caller) -> Result<User, CodeError> {
        let (code, _) = self.code_by_link(&[Purpose::Undo], token, caller).await?;
        self.spend(&code, caller, |user, email| Effect {
            change: Change {
                email: Some(Some(email.clone())),
                email_verified_at: Some(Some(self.now())),
                pending_email: Some(None),
                end_sessions: Some(None),
                ..Change::default()
            },
            events: vec![EventKind::EmailChangeUndone],
            mails: vec![self.mail(Topic::Reset, email, Some(user.id), caller)],
        })
        .await
    }
}
