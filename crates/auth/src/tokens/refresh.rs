//! Refresh tokens: `kwr_<session>.<generation>.<mac>`. A token names its session, proves itself, and is a function of
//! both, so that nothing about it is stored and the successor of a generation is the same for whoever asks.

use super::Master;
use crate::values::SessionId;
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

pub struct RefreshTokens(hmac::Key);

/// What a genuine token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    pub generation: i64,
}

/// Longer than any genuine token: 4 + 36 + 1 + 19 + 1 + 43.
const LONGEST: usize = 128;

impl RefreshTokens {
    pub fn new(master: &Master) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive("refresh tokens, 1").as_ref()))
    }

    /// The one token of this session and generation; its proof is HMAC-SHA-256 at full length.
    pub fn write(&self, token: RefreshToken) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(token.session.as_bytes());
        context.update(&token.generation.to_be_bytes());
        format!("kwr_{}.{}.{}", token.session, token.generation, BASE64.encode(context.sign()))
    }

    /// Reads a token if it is genuine to the last character: what is presented is compared with what we would write.
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = text.strip_prefix("kwr_")?.splitn(3, '.');
        let session = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let token = RefreshToken { session, generation };
        constant_time::verify_slices_are_equal(self.write(token).as_bytes(), text.as_bytes()).ok()?;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let tokens = RefreshTokens::new(&Master::new(b"a master secret"));
        let session = "0192f0c1-7b1a-7000-8000-000000000001".parse().unwrap();
        let token = RefreshToken { session, generation: 7 };
        let text = tokens.write(token);
        assert_eq!(tokens.read(&text), Some(token));
        for i in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[i] ^= 1;
            assert_eq!(tokens.read(&String::from_utf8(altered).unwrap()), None, "character {i}");
            assert_eq!(tokens.read(&text[..i]), None, "cut at {i}");
        }
        for other in
            [format!("{text}="), format!(" {text}"), text.replace(".7.", ".07."), text.replace(".7.", ".+7.")]
        {
            assert_eq!(tokens.read(&other), None);
        }
        assert_eq!(RefreshTokens::new(&Master::new(b"another")).read(&text), None);
    }
}
