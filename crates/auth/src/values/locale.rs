//! The language a person wants to be written to in.

use super::Invalid;

/// A language tag of BCP 47 (RFC 5646): `en`, `pt-BR`, `zh-Hant-TW`. Syntax and length are checked, the registry is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let right = text.len() <= 35
            && (2..=8).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_alphabetic())
            && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("invalid_locale", "a locale is a language tag of BCP 47, such as en or pt-BR"))
        }
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store: a later, stricter rule shuts nobody out.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for text in ["en", "pt-BR", "zh-Hant-TW", "de-1996"] {
            assert_eq!(Locale::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "e", "en_US", "en-", "-en", "en--US", "en\r\n", "toolonglanguage", "én"] {
            assert!(Locale::parse(text).is_err(), "{text:?}");
        }
    }
}
