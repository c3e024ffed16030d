//! The languages that a client wants, as its request says it.

use super::Locale;

/// An `Accept-Language` (RFC 9110, section 12.5.4) without its blanks: visible ASCII, at most 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptLanguage(String);

/// Browsers send a tenth of it.
const LONGEST: usize = 200;
/// Nobody reads more; what comes behind is not looked at.
const MOST_WANTED: usize = 20;

impl AcceptLanguage {
    /// `None` for what is none: a client is not refused for it.
    pub fn parse(header: &str) -> Option<Self> {
        let text: String = header.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
        let is_sane = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_sane.then_some(Self(text))
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags, the most wanted first. A tag that is none is left out, as is `*`: whoever takes any wants none.
    pub fn wanted(&self) -> Vec<&str> {
        let mut wanted: Vec<(&str, u32)> = self.0.split(',').take(MOST_WANTED).filter_map(range).collect();
        // Stable: of two that are wanted alike, the first.
        wanted.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        wanted.into_iter().map(|(tag, _)| tag).collect()
    }
}

/// A tag and its weight in thousandths, if it is one that is wanted.
fn range(item: &str) -> Option<(&str, u32)> {
    let mut parts = item.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| Locale::parse(tag).is_ok())?;
    let weight = match parts.next() {
        Some(text) => weight(text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?)?,
        None => 1000,
    };
    (weight > 0).then_some((tag, weight))
}

/// `0` to `1` with up to three digits behind the point.
fn weight(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !digits(fraction) {
        return None;
    }
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole.parse::<u32>().ok()? * 1000 + thousandths).filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(header: &str) -> String {
        AcceptLanguage::parse(header).map(|languages| languages.wanted().join(" ")).unwrap_or_default()
    }

    #[test]
    fn short_and_visible_or_none() {
        let long = "a".repeat(201);
        for (sent, read) in [
            ("ar, en;q=0.5", Some("ar,en;q=0.5")),
            ("*", Some("*")),
            (&long[1..], Some(&long[1..])),
            (long.as_str(), None),
            ("", None),
            (" \t", None),
            ("d\u{e9}", None),
            ("de\r\nX: y", None),
        ] {
            assert_eq!(AcceptLanguage::parse(sent).as_ref().map(AcceptLanguage::as_str), read, "{sent:?}");
        }
    }

    #[test]
    fn the_most_wanted_first() {
        for (header, tags) in [
            ("", ""),
            ("ar", "ar"),
            ("ar-EG,ar;q=0.9,en;q=0.8", "ar-EG ar en"),
            ("en;q=0.5, de ;q=0.7 , fr", "fr de en"),
            ("en;q=0.8,de;q=0.8", "en de"),
            ("en;q=0, de;q=0.001", "de"),
            ("*", ""),
            ("*;q=0.5, pt-BR", "pt-BR"),
            ("en;q=1.0, de;q=1.001, fr;q=2, it;q=-1, es;q=0.1234, nl;q=, pl;q=0.x", "en"),
            ("e, en_US, ../etc, \u{e9}n, en\r\nX: y", ""),
            ("de;level=1", ""),
            (",,,en,,", "en"),
        ] {
            assert_eq!(wanted(header), tags, "{header}");
        }
        let endless = AcceptLanguage::stored("de;q=0.1,".repeat(100_000) + "en");
        assert_eq!(endless.wanted().len(), MOST_WANTED);
    }
}
