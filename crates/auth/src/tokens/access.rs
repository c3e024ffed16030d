//! Access tokens: short-lived JWTs that name a user and a session. Claims and `typ` are those of RFC 9068 where the key
//! is asymmetric; HS256 tokens carry no audience. That the session lives is asked elsewhere, at every request.

use super::{KeyError, Ring};
use crate::outside::Random;
use crate::values::{SessionId, Timestamp, UserId};
use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Who issues tokens, for whom.
#[derive(Debug, Clone)]
pub struct Issuer {
    pub issuer: String,
    pub audience: String,
    pub client_id: String,
}

/// What a new token says.
pub struct Claims<'a> {
    pub user: UserId,
    pub session: SessionId,
    pub roles: Vec<&'a str>,
    pub signed_in_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What a genuine token said when its signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub user: UserId,
    pub session: SessionId,
    /// Seconds since 1970.
    pub issued_at: i64,
    pub expires_at: i64,
}

/// Longer than any token of ours with some hundred roles.
const LONGEST: usize = 8 * 1024;
/// How many verified tokens are remembered; some 150 bytes each.
const REMEMBERED: usize = 32 * 1024;

pub struct AccessTokens {
    issuer: Issuer,
    leeway: Duration,
    ring: RwLock<(u64, Arc<Ring>)>,
    /// Signatures that were right: the token's SHA-256, the ring that said so, and what the token says. Checking a
    /// signature is the dearest step of a request.
    verified: Cache<[u8; 32], (u64, Verified)>,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    iat: i64,
    exp: i64,
    auth_time: i64,
    jti: String,
    sid: String,
    roles: &'a [&'a str],
}

/// What is read back: every claim that is there has its type, and none is there twice.
#[derive(Deserialize)]
struct Presented<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    aud: Option<Cow<'a, str>>,
    iat: i64,
    exp: i64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<i64>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    sid: Cow<'a, str>,
}

/// An optional claim may be absent, but not `null`.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl AccessTokens {
    /// Accepts tokens that say they were issued up to `leeway` in the future; expiry knows no leeway.
    pub fn new(issuer: Issuer, leeway: Duration) -> Self {
        let ring = RwLock::new((0, Arc::new(Ring::default())));
        Self { issuer, leeway, ring, verified: Cache::new(REMEMBERED) }
    }

    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub fn ring(&self) -> Arc<Ring> {
        self.current().1
    }

    /// Puts other keys in force at once: what was verified under the old ones is forgotten.
    pub fn install(&self, ring: Ring) {
        let mut current = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *current = (current.0 + 1, Arc::new(ring));
        drop(current);
        self.verified.clear();
    }

    fn current(&self) -> (u64, Arc<Ring>) {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn mint(&self, claims: &Claims<'_>, now: Timestamp, random: &dyn Random) -> Result<String, KeyError> {
        let (_, ring) = self.current();
        let key = &ring.signing(now).ok_or(KeyError::Crypto)?.key;
        let rfc9068 = !key.algorithm().is_symmetric();
        let mut jti = [0; 16];
        random.fill(&mut jti);
        let payload = Payload {
            iss: &self.issuer.issuer,
            sub: claims.user.to_string(),
            aud: rfc9068.then_some(&self.issuer.audience),
            client_id: rfc9068.then_some(&self.issuer.client_id),
            iat: now.as_seconds(),
            exp: claims.expires_at.as_seconds(),
            auth_time: claims.signed_in_at.as_seconds(),
            jti: BASE64.encode(jti),
            sid: claims.session.to_string(),
            roles: &claims.roles,
        };
        let payload = serde_json::to_vec(&payload).map_err(|_| KeyError::Crypto)?;
        let mut token = key.header().to_owned();
        BASE64.encode_string(payload, &mut token);
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        Ok(token)
    }

    /// What the token says, if it is ours, whole, unexpired and of a key in force; else `None`, whatever is wrong.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Verified> {
        if token.len() > LONGEST {
            return None;
        }
        let (generation, ring) = self.current();
        let name: [u8; 32] = digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let remembered = self.verified.get(&name).filter(|(of, _)| *of == generation);
        let (verified, new) = match remembered {
            Some((_, verified)) => (verified, false),
            None => (self.check(&ring, token, now)?, true),
        };
        if now.as_seconds() >= verified.expires_at || verified.issued_at > (now + self.leeway).as_seconds() {
            return None;
        }
        // A key may retire between two looks at the stored keys; its end is known beforehand.
        if !new && self.retired(&ring, token, now) {
            return None;
        }
        if new {
            self.verified.insert(name, (generation, verified));
        }
        Some(verified)
    }

    fn retired(&self, ring: &Ring, token: &str, now: Timestamp) -> bool {
        token.find('.').is_none_or(|dot| ring.verifying(&token[..=dot], now).is_none())
    }

    fn check(&self, ring: &Ring, token: &str, now: Timestamp) -> Option<Verified> {
        let (signed, signature) = token.rsplit_once('.')?;
        let dot = signed.find('.')?;
        let key = &ring.verifying(&signed[..=dot], now)?.key;
        let signature = BASE64.decode(signature).ok()?;
        if !key.verifies(signed.as_bytes(), &signature) {
            return None;
        }
        let payload = BASE64.decode(&signed[dot + 1..]).ok()?;
        let claims: Presented<'_> = serde_json::from_slice(&payload).ok()?;
        let audience =
            if key.algorithm().is_symmetric() { None } else { Some(self.issuer.audience.as_str()) };
        let for_us =
            claims.iss == self.issuer.issuer && claims.aud.as_deref() == audience && !claims.jti.is_empty();
        // We never write `nbf`; where a holder of the shared secret does, it counts.
        let begun = claims.nbf.is_none_or(|nbf| nbf <= (now + self.leeway).as_seconds());
        if !for_us || !begun {
            return None;
        }
        Some(Verified {
            user: claims.sub.parse().ok()?,
            session: claims.sid.parse().ok()?,
            issued_at: claims.iat,
            expires_at: claims.exp,
        })
    }
}
