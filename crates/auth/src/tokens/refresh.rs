//! Refresh tokens: `kwr_<session>.<generation>.<proofs>`. A token names its session, proves itself, and is a function of
//! session, generation and user, so that nothing about it is stored and the successor of a generation is the same for
//! whoever asks.

use super::Master;
use crate::values::{SessionId, UserId};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

pub struct RefreshTokens(hmac::Key);

/// What a genuine token says. No `Debug`: it holds a part of the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    pub generation: i64,
    owner: [u8; PROOF],
}

/// Longer than any genuine token: 4 + 36 + 1 + 19 + 1 + 48.
const LONGEST: usize = 128;

/// The characters of a proof: 18 bytes of HMAC-SHA-256.
const PROOF: usize = 24;

impl RefreshTokens {
    pub fn new(master: &Master) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive("refresh tokens, 2").as_ref()))
    }

    /// The one token of this session, generation and user.
    pub fn write(&self, session: SessionId, generation: i64, user: UserId) -> String {
        let mut text = self.genuine(session, generation);
        text.push_str(&self.proof(session, generation, Some(user)));
        text
    }

    /// Reads a token if it is genuine: what is presented is compared with what we would write. Whose it is, a token does
    /// not say; see [`is_of`](Self::is_of).
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = text.strip_prefix("kwr_")?.splitn(3, '.');
        let session = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let (genuine, owner) = text.as_bytes().split_last_chunk::<PROOF>()?;
        let expected = self.genuine(session, generation);
        constant_time::verify_slices_are_equal(expected.as_bytes(), genuine).ok()?;
        Some(RefreshToken { session, generation, owner: *owner })
    }

    /// Whether the token was written for this user, whatever the store of sessions says now: who can write there gets
    /// nobody else's tokens for it.
    pub fn is_of(&self, token: &RefreshToken, user: UserId) -> bool {
        let expected = self.proof(token.session, token.generation, Some(user));
        constant_time::verify_slices_are_equal(expected.as_bytes(), &token.owner).is_ok()
    }

    /// What can be checked before the session is read.
    fn genuine(&self, session: SessionId, generation: i64) -> String {
        format!("kwr_{session}.{generation}.{}", self.proof(session, generation, None))
    }

    fn proof(&self, session: SessionId, generation: i64, user: Option<UserId>) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(session.as_bytes());
        context.update(&generation.to_be_bytes());
        // Of another length than without, so that neither proof is the other.
        if let Some(user) = user {
            context.update(user.as_bytes());
        }
        let mut text = BASE64.encode(context.sign());
        text.truncate(PROOF);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let tokens = RefreshTokens::new(&Master::new(b"a master secret"));
        let session = "0192f0c1-7b1a-7000-8000-000000000001".parse().unwrap();
        let [ada, bob] = ["0192f0c1-7b1a-7000-8000-00000000000a", "0192f0c1-7b1a-7000-8000-00000000000b"]
            .map(|id| id.parse().unwrap());
        let text = tokens.write(session, 7, ada);
        let is_adas = |text: &str| tokens.read(text).is_some_and(|token| tokens.is_of(&token, ada));
        let token = tokens.read(&text).unwrap();
        assert_eq!((token.session, token.generation), (session, 7));
        assert!(is_adas(&text) && !tokens.is_of(&token, bob));
        for i in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[i] ^= 1;
            assert!(!is_adas(&String::from_utf8(altered).unwrap()), "character {i}");
            assert!(!is_adas(&text[..i]), "cut at {i}");
        }
        for other in
            [format!("{text}="), format!(" {text}"), text.replace(".7.", ".07."), text.replace(".7.", ".+7.")]
        {
            assert!(!is_adas(&other), "{other}");
        }
        assert!(RefreshTokens::new(&Master::new(b"another")).read(&text).is_none());
    }
}
