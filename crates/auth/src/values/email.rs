//! E-mail addresses: what is accepted, and when two are the same. Owns no delivery and no proof of ownership.

use super::Invalid;

/// An address that mail can be sent to: `local@domain` of RFC 5321 without quoting, comments or address literals.
///
/// The domain is an A-label in lower case (UTS 46), the local part stays as it was typed. Two addresses are the same
/// when their [`key`](Self::key)s are: letter case is folded, dots and `+` are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    text: String,
    key: String,
}

const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

impl Email {
    /// Trims, checks and brings the domain to its A-label.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let malformed = |detail: &str| Invalid::new("invalid_email", detail);
        let text = text.trim();
        if text.len() > 4 * LONGEST {
            return Err(malformed("an e-mail address has at most 254 characters"));
        }
        let (local, domain) =
            text.rsplit_once('@').ok_or_else(|| malformed("an e-mail address needs an @"))?;
        if local.is_empty() || local.len() > LONGEST_LOCAL {
            return Err(malformed("the part before the @ has 1 to 64 characters"));
        }
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom)) {
            return Err(malformed(
                "the part before the @ may hold letters, digits and !#$%&'*+-/=?^_`{|}~ with single dots between",
            ));
        }
        let domain =
            domain_label(domain).ok_or_else(|| malformed("the part after the @ is not a domain name"))?;
        let text = format!("{local}@{domain}");
        if text.len() > LONGEST {
            return Err(malformed("an e-mail address has at most 254 characters"));
        }
        Ok(Self { key: text.to_ascii_lowercase(), text })
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store: a later, stricter rule shuts nobody out.
    pub fn stored(text: String) -> Self {
        Self { key: text.to_ascii_lowercase(), text }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What two spellings of one address have in common; unique among users.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn local(&self) -> &str {
        self.key.split('@').next().unwrap_or_default()
    }

    /// Whether both name one mailbox.
    pub fn same(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// `atext` of RFC 5322, section 3.2.3.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// A name of at least two labels, not an address literal, as a lower-case A-label.
fn domain_label(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?;
    let labels: Vec<&str> = ascii.split('.').collect();
    let whole = labels.len() >= 2
        && ascii.len() <= 253
        && labels.iter().all(|l| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-'));
    let top_is_numeric = labels.last().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
    (whole && !top_is_numeric).then(|| ascii.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, kept) in [
            (" ada@example.com ", "ada@example.com"),
            ("Ada.Lovelace+x@EXAMPLE.com", "Ada.Lovelace+x@example.com"),
            ("user@bücher.test", "user@xn--bcher-kva.test"),
            ("user@xn--bcher-kva.test", "user@xn--bcher-kva.test"),
        ] {
            assert_eq!(Email::parse(text).unwrap().as_str(), kept, "{text}");
        }
        assert!(Email::parse("A@Example.com").unwrap().same(&Email::parse("a@EXAMPLE.com").unwrap()));
        assert!(!Email::parse("a.b@x.test").unwrap().same(&Email::parse("ab@x.test").unwrap()));
    }

    #[test]
    fn refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "b.".repeat(130));
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b.test",
            "a@b",
            "a@b.",
            "a@.b.test",
            "a@@b.test",
            "a@b@c.test",
            "a b@c.test",
            ".a@b.test",
            "a.@b.test",
            "a..b@c.test",
            "\"a b\"@c.test",
            "a(b)@c.test",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b_c.test",
            "a@-b.test",
            "a\r\nBcc: x@y.test",
            "a@b.test\r\nX: y",
            "a@b.test,c@d.test",
            "\u{430}@b.test",
            "a\0@b.test",
            long_local.as_str(),
            long.as_str(),
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }
}
