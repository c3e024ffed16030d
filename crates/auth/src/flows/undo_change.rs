//! Undoing a change of address, by the link that the old address was sent: it counts again, all sessions end, and a mail
//! to set a new password goes to it, since whoever made the change may know the old one.

use super::Caller;
use super::codes::{CodeError, Effect};
use crate::Keyward;
use crate::records::{Change, EventKind, Purpose, Topic, User};

impl Keyward {
    pub async fn undo_change(&self, token: &str, caller: &Caller) -> Result<User, CodeError> {
        let (code, user) = self.code_by_link(&[Purpose::Undo], token, caller).await?;
        // Whoever has the account by another address learns of it.
        let notice = self.notice(Topic::Undone, &user, caller).await;
        self.spend(&code, caller, |user, email| Effect {
            change: Change {
                email: Some(Some(email.clone())),
                email_verified_at: Some(Some(self.now())),
                end_sessions: Some(None),
                ..Change::default()
            },
            events: vec![EventKind::EmailChangeUndone],
            mails: [self.mail(Topic::Reset, email, Some(user.id), caller)]
                .into_iter()
                .chain(notice.clone())
                .collect(),
        })
        .await
    }
}
