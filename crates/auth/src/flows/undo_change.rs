//! Undoing a change of address, by the link that the old address was sent: it counts again, all sessions end, and so does
//! the password, which whoever made the change may know. A mail to set a new one goes to the address.

use super::Caller;
use super::codes::{CodeError, Effect};
use crate::Keyward;
use crate::records::{Change, Code, EventKind, Purpose, Topic, Undone, User};

impl Keyward {
    pub async fn undo_change(&self, token: &str, caller: &Caller) -> Result<User, CodeError> {
        let (code, user) = self.code_by_link(&[Purpose::Undo], token, caller).await?;
        // Whoever has the account by another address learns of it.
        let notice = self.notice(Topic::Undone, &user, caller).await;
        self.spend(&code, caller, |user, email| Effect {
            change: Change {
                email: Some(Some(email.clone())),
                email_verified_at: Some(Some(self.now())),
                // Else that person would sign in and change the address again before the owner has read the mail.
                password: Some(None),
                end_sessions: Some(None),
                undone: Some(self.undone(&code, user)),
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

    /// Everything since this code was asked for, and still what an undoing of before has covered while there are codes of
    /// that time.
    fn undone(&self, code: &Code, user: &User) -> Undone {
        let at = self.now();
        let before = user.undone.filter(|before| at.since(before.at) <= self.policy.codes.undo_link);
        Undone { to: before.map_or(code.asked_at, |before| before.to.min(code.asked_at)), at }
    }
}
