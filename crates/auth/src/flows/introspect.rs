//! Introspection (RFC 7662): whether an access token is good at this moment, for a service that may ask.

use super::{By, Forbidden, SignedIn};
use crate::Keyward;
use crate::records::StoreError;
use crate::tokens::Verified;
use crate::values::Permission;

impl Keyward {
    /// Needs `tokens:introspect`, of a person; that a service may ask was settled by its own secret.
    pub fn may_introspect(&self, by: By<'_>) -> Result<(), Forbidden> {
        by.must(Permission::TokensIntrospect)
    }

    /// The token's claims and the person, if token, session and user are good; `None` for all else.
    pub async fn introspect(&self, token: &str) -> Result<Option<(Verified, SignedIn)>, StoreError> {
        let now = self.now();
        let Some(verified) = self.tokens.access.verify(token, now) else { return Ok(None) };
        let found = self.store.sessions.with_user(verified.session, verified.user).await?;
        let live = found.filter(|(session, user)| session.is_live(user, now));
        Ok(live.map(|(session, user)| (verified, SignedIn { user, session })))
    }
}
