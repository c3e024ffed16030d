//! Secrets: never shown, wiped when dropped, and refused when somebody else may know them already.

use std::fmt;
use zeroize::Zeroizing;

/// Bytes that nothing prints.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// 256 bits, as RFC 7518 section 3.2 wants them for HS256.
const LEAST_BYTES: usize = 32;
const LEAST_DISTINCT: usize = 10;

/// What samples, tutorials and hasty hands write, without letter case and punctuation. Each is long enough to stand in
/// no random secret by chance. The first is the beginning of a key that a widely copied tutorial prints.
const SAMPLES: &[&str] = &[
    "09d25e094faa6ca2",
    "yoursecret",
    "yourkey",
    "yourjwt",
    "256bit",
    "changeme",
    "changethis",
    "changeit",
    "secretkey",
    "supersecret",
    "mysecret",
    "topsecret",
    "verysecret",
    "jwtsecret",
    "devsecret",
    "testsecret",
    "notsecret",
    "insecure",
    "password",
    "passphrase",
    "example",
    "sample",
    "placeholder",
    "replaceme",
    "replacethis",
    "replacewith",
    "dontuse",
    "donotuse",
    "development",
    "keyward",
    "keycloak",
    "openssl",
    "generate",
    "atleast32",
    "32characters",
    "32chars",
    "32bytes",
    "qwertz",
    "qwerty",
    "abcdefgh",
    "12345678",
    "87654321",
    "letmein",
    "foobar",
    "lorem",
];

/// Why nobody should trust this as a key, if so. Says nothing about the text itself.
pub(super) fn weakness(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    if bytes.is_empty() {
        Some("is empty")
    } else if looks_like_a_sample(text) {
        Some("looks like one from an example, which everybody knows")
    } else if bytes.len() < LEAST_BYTES {
        Some("is shorter than 32 bytes")
    } else if seen.iter().filter(|seen| **seen).count() < LEAST_DISTINCT || repeats(bytes) {
        Some("repeats itself, so it can be guessed")
    } else {
        None
    }
}

pub(super) fn looks_like_a_sample(text: &str) -> bool {
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SAMPLES.iter().any(|sample| plain.contains(sample))
}

/// Whether the whole is a shorter text at least twice, the last time perhaps cut.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "Secret(..)");
    }

    /// M-01.
    #[test]
    fn m_01_weak_and_sample_secrets() {
        let (ones, pattern) = ("a".repeat(32), "abc".repeat(20));
        let twice = "0f1e2d3c4b5a69788796".repeat(2);
        let padded = ["your_secret_", "0f1e2d3c4b5a69788796", "a5b4c3d2e1f0"].concat();
        for text in [
            "",
            "your_secret_key",
            "changeme",
            "Change-Me",
            "short",
            &ones,
            &pattern,
            &twice,
            &padded,
            "0f1e2d3c4b5a69788796a5b4c3d2e1f",
            "Your-256-Bit-Secret Your-256-Bit-Secret",
            "keyward_dev_keyward_dev_keyward_dev_",
        ] {
            assert!(weakness(text).is_some(), "{text}");
        }
    }

    #[test]
    fn random_ones_pass() {
        for _ in 0..200 {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).unwrap();
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(weakness(&hex), None);
            let letters: String = bytes.iter().map(|b| char::from(33 + b % 94)).collect();
            assert_eq!(weakness(&letters), None);
        }
    }
}
