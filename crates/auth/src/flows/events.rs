//! What befell a user lately: the audit log, for those who may read users.

use super::{By, ListError};
use crate::Keyward;
use crate::records::Event;
use crate::values::{Permission, UserId};

impl Keyward {
    /// The latest security events of one user, newest first. Needs `users:read`.
    pub async fn events_of(&self, by: By<'_>, user: UserId, limit: usize) -> Result<Vec<Event>, ListError> {
        by.must(Permission::UsersRead)?;
        Ok(self.store.audit.of_user(user, limit).await?)
    }
}
