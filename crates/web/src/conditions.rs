//! What a client has already, and which part it wants: `If-None-Match`, `Range` and `If-Range` (RFC 9110, sections 13 and 14),
//! for what never changes and so has one strong tag. One range at a time; whoever asks for several gets all.

use axum::http::{HeaderMap, HeaderName, header};
use std::ops::RangeInclusive;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Whole,
    /// Of the bytes, counted from 0.
    Part(RangeInclusive<usize>),
    /// A range that begins behind the end.
    Nothing,
}

/// Whether the client has it.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut known = lines.flat_map(|line| line.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Which of `length` bytes are wanted. What cannot be read asks for nothing special.
pub(crate) fn wanted(headers: &HeaderMap, tag: &str, length: usize) -> Wanted {
    let has_another = only(headers, header::IF_RANGE).is_some_and(|known| known != tag);
    let range = only(headers, header::RANGE).filter(|_| !has_another);
    let range = range.and_then(|range| range.split_once('=')).and_then(|(unit, range)| {
        let (first, last) = range.trim().split_once('-')?;
        unit.eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?))
    });
    let (first, last) = match range {
        Some((Some(first), Some(last))) if last < first => return Wanted::Whole,
        Some((Some(first), last)) => (first, last.unwrap_or(usize::MAX)),
        Some((None, Some(0))) => return Wanted::Nothing,
        Some((None, Some(last))) => (length.saturating_sub(last), usize::MAX),
        Some((None, None)) | None => return Wanted::Whole,
    };
    if first < length { Wanted::Part(first..=last.min(length.saturating_sub(1))) } else { Wanted::Nothing }
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    value.filter(|_| values.next().is_none())
}

/// Digits, or nothing: `Some(None)`. More than can be counted is as much as can be.
fn number(digits: &str) -> Option<Option<usize>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((!digits.is_empty()).then(|| digits.parse().unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"0a1b-64\"";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_range_of_rfc_9110() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..=0)),
            ("bytes=0-99", Wanted::Part(0..=99)),
            ("Bytes=10-", Wanted::Part(10..=99)),
            ("bytes= 90-1000", Wanted::Part(90..=99)),
            ("bytes=-10", Wanted::Part(90..=99)),
            ("bytes=-1000", Wanted::Part(0..=99)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..=99)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=9-8", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=--2", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("pages=1-2", Wanted::Whole),
        ] {
            assert_eq!(wanted(&headers(&[("range", range)]), TAG, 100), expected, "{range}");
        }
        assert_eq!(wanted(&headers(&[]), TAG, 100), Wanted::Whole);
        assert_eq!(
            wanted(&headers(&[("range", "bytes=0-0"), ("range", "bytes=1-1")]), TAG, 9),
            Wanted::Whole
        );
        assert_eq!(wanted(&headers(&[("range", "bytes=0-")]), TAG, 0), Wanted::Nothing);
    }

    #[test]
    fn a_part_of_what_the_client_has_a_part_of() {
        for (known, is_part) in [
            (TAG, true),
            ("W/\"0a1b-64\"", false),
            ("\"other\"", false),
            ("Sat, 29 Oct 2026 19:43:31 GMT", false),
        ] {
            let part = wanted(&headers(&[("range", "bytes=0-0"), ("if-range", known)]), TAG, 9);
            assert_eq!(part == Wanted::Part(0..=0), is_part, "{known}");
        }
    }

    #[test]
    fn what_the_client_has() {
        for (known, is) in [
            (TAG, true),
            ("*", true),
            ("W/\"0a1b-64\"", true),
            ("\"a\", \"0a1b-64\" , \"b\"", true),
            ("\"0a1b-128\"", false),
            ("0a1b-64", false),
            ("", false),
        ] {
            assert_eq!(is_known(&headers(&[("if-none-match", known)]), TAG), is, "{known}");
        }
        assert!(is_known(&headers(&[("if-none-match", "\"a\""), ("if-none-match", TAG)]), TAG));
    }
}
