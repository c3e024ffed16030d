//! What is bound to a statement. Owns the ways in which values become one of the few kinds that every SQL database has.
//! No `Debug`: a value is never logged.

use keyward_auth::values::{EventId, MailId, SessionId, Timestamp, UserId};
use std::borrow::Cow;

/// Reads borrow what they bind, writes own it since they go to another thread (`'static`).
pub(crate) enum Value<'v> {
    Null,
    Int(i64),
    /// The 36 characters of an id, without an allocation: every request binds two.
    Id([u8; 36]),
    Text(Cow<'v, str>),
    Bytes(Vec<u8>),
}

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(hyphenated(id.as_bytes()))
            }
        }
    )*};
}

ids!(UserId, SessionId, EventId, MailId);

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// A limit; none is so large that it would not fit.
impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.as_micros())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// An id as it is written everywhere: lower case, with hyphens (RFC 9562, section 4).
fn hyphenated(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_bound_as_it_is_written() {
        let id: UserId = "0192f0c1-2345-7abc-8def-0123456789ab".parse().unwrap();
        let Value::Id(text) = Value::from(id) else { panic!("an id") };
        assert_eq!(std::str::from_utf8(&text).unwrap(), id.to_string());
    }
}
