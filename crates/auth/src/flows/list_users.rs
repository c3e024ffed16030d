//! The administrator's list of users, in pages.

use super::{By, Forbidden};
use crate::Keyward;
use crate::records::{Search, StoreError, User};
use crate::values::{Permission, UserId};

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    /// Needs `users:read`. A page of at most `search.limit` users, and the id to go on after if there are more.
    pub async fn list_users(
        &self,
        by: By<'_>,
        search: Search,
    ) -> Result<(Vec<User>, Option<UserId>), ListError> {
        by.must(Permission::UsersRead)?;
        let limit = search.limit;
        let mut users = self.store.users.list(&Search { limit: limit + 1, ..search }).await?;
        let more = users.len() > limit;
        users.truncate(limit);
        let next = users.last().filter(|_| more).map(|user| user.id);
        Ok((users, next))
    }
}
