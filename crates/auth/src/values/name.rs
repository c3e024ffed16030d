//! First and last names: any script, no tricks.

use super::Invalid;
use unicode_normalization::UnicodeNormalization;

/// 1 to 100 characters in NFC, trimmed, without control characters or invisible direction marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

const LONGEST: usize = 100;

impl Name {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refuse = |detail: &str| Err(Invalid::new("invalid_name", detail));
        // Checked before normalising, so that its cost is bounded.
        if text.len() > 16 * LONGEST {
            return refuse("a name has 1 to 100 characters");
        }
        let name: String = text.trim().nfc().collect();
        if name.is_empty() || name.chars().count() > LONGEST {
            return refuse("a name has 1 to 100 characters");
        }
        if name.chars().any(|c| c.is_control() || is_invisible(c)) {
            return refuse("a name holds no control characters");
        }
        Ok(Self(name))
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store: a later, stricter rule shuts nobody out.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Line separators, spaces without width, and marks that turn the direction of the text around them (Unicode, Trojan Source).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, kept) in
            [("Ada", "Ada"), (" Zoe\u{308} ", "Zoë"), ("李", "李"), ("O'Neil-Smith", "O'Neil-Smith")]
        {
            assert_eq!(Name::parse(text).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn refused() {
        let long = "a".repeat(101);
        for text in
            ["", "   ", "a\r\nX: y", "a\0b", "\u{202e}evil", "a\u{2028}b", "a\u{200b}b", long.as_str()]
        {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }
}
