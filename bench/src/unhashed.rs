//! Keyward on the configured store, with hashing left out: all passwords have the hash of one, made once and in
//! earnest, so signing in over HTTP later costs what it should. What is measured and seeded here goes through the flows.

use crate::{Failure, config};
use async_trait::async_trait;
use keyward::system::{SystemClock, SystemRandom};
use keyward::wiring::{self, World};
use keyward_auth::Keyward;
use keyward_auth::outside::{Busy, Hasher, Verdict};
use keyward_auth::tokens::Claims;
use keyward_auth::values::{Password, PasswordHash, SessionId, UserId};
use std::sync::Arc;

/// Knows one password and its hash.
struct Once(PasswordHash);

#[async_trait]
impl Hasher for Once {
    async fn hash(&self, _: &Password) -> Result<PasswordHash, Busy> {
        Ok(self.0.clone())
    }

    async fn verify(&self, _: &Password, _: Option<&PasswordHash>) -> Result<Verdict, Busy> {
        Ok(Verdict::Right)
    }

    fn most_bytes(&self) -> usize {
        Password::MOST_BYTES
    }
}

pub(crate) async fn open(password: &Password) -> Result<Arc<Keyward>, Failure> {
    let config = config()?;
    let hash = World::real(&config)?.hasher.hash(password).await?;
    let world =
        World { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), hasher: Arc::new(Once(hash)) };
    Ok(wiring::open(&config, config.server.listen, world).await?.keyward)
}

/// An access token of a session, as a refresh would give.
pub(crate) fn mint(keyward: &Keyward, user: UserId, session: SessionId) -> Result<String, Failure> {
    let now = keyward.clock.now();
    let claims = Claims {
        user,
        session,
        roles: vec!["user"],
        signed_in_at: now,
        expires_at: now + keyward.policy.access_ttl,
    };
    Ok(keyward.tokens.access.mint(&claims, now, keyward.random.as_ref())?)
}
