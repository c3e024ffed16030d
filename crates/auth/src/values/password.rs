//! Passwords and their hashes: neither ever shows itself. Owns normal form and outer limits; strength is
//! [`policy`](crate::policy)'s, hashing is [`outside::Hasher`](crate::outside::Hasher)'s.

use super::Invalid;
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password in NFC, as it is hashed and compared: never trimmed, never cut, at most 256 code points and 1,024 bytes.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub const MOST_CODE_POINTS: usize = 256;
    pub const MOST_BYTES: usize = 1024;

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let long =
            || Invalid::new("password_too_long", "a password has at most 256 characters and 1,024 bytes");
        // Checked before normalising too, so that its cost is bounded.
        if text.len() > 4 * Self::MOST_BYTES {
            return Err(long());
        }
        if text.contains('\0') {
            return Err(Invalid::new("invalid_password", "a password holds no NUL character"));
        }
        let normal: Zeroizing<String> = Zeroizing::new(text.nfc().collect());
        if normal.len() > Self::MOST_BYTES || normal.chars().count() > Self::MOST_CODE_POINTS {
            return Err(long());
        }
        Ok(Self(normal))
    }

    /// The secret itself; for hashing and for the policy only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A hash with its algorithm, parameters and salt, as a PHC or modular-crypt string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes what a hasher made or a store kept. A text that is no known hash verifies nothing.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_form_is_nfc_and_nothing_is_trimmed() {
        assert_eq!(Password::parse("e\u{301}t\u{e9} ").unwrap().expose(), "\u{e9}t\u{e9} ");
    }

    #[test]
    fn limits() {
        assert!(Password::parse(&"a".repeat(256)).is_ok());
        assert!(Password::parse(&"\u{1F511}".repeat(256)).is_ok());
        assert!(Password::parse(&"a".repeat(257)).is_err());
        assert!(Password::parse("abc\0defgh12").is_err());
    }

    #[test]
    fn neither_shows_itself() {
        let password = Password::parse("canary-secret").unwrap();
        let hash = PasswordHash::stored("$argon2id$canary".into());
        assert!(!format!("{password:?} {hash:?}").contains("canary"));
    }
}
