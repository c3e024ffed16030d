//! One user, to be seen by oneself or by somebody who may.

use super::{By, Target};
use crate::Keyward;
use crate::records::{StoreError, User};
use crate::values::Permission;

impl Keyward {
    /// One user, for oneself or with `users:read`.
    pub async fn view_user(&self, by: By<'_>, target: &Target) -> Result<Option<User>, StoreError> {
        self.self_or(by, Permission::UsersRead, target).await
    }
}
