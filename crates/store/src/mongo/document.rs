//! Values as BSON, and back. Owns how a time, an id and what is absent lie in a document, and the promise that a stored
//! value which is not readable (any more) neither panics nor shows itself: the error names collection, id and field.
//!
//! BSON's dates know milliseconds, and a time here has microseconds: so a time is a text of RFC 3339 in UTC, always as long,
//! so that the order of bytes is the order of time. What is absent is not there: no field is `null`.

use jiff::Timestamp as Moment;
use keyward_auth::records::StoreError;
use keyward_auth::values::Timestamp;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document};
use std::str::FromStr;
use std::time::Duration;

/// The first moment and the last that have four digits for their year.
const FIRST: Moment = Moment::constant(-62_167_219_200, 0);
const LAST: Moment = Moment::constant(253_402_207_200, 999_999_000);

/// `2026-11-22T02:11:34.123456Z`. Nothing happens before the year 0 or after 9999, but a time is kept whatever it is: by
/// its microseconds, from the very first, behind a sign that is less than a digit, or more.
pub(super) fn time(time: Timestamp) -> String {
    match Moment::from_microsecond(time.as_micros()) {
        Ok(moment) if (FIRST..=LAST).contains(&moment) => format!("{moment:.6}"),
        _ => {
            let sign = if time.as_micros() < 0 { '-' } else { '~' };
            format!("{sign}{:020}", time.as_micros().abs_diff(i64::MIN))
        }
    }
}

/// What [`time`] has written; `None` for any other text.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    if let Some(since) = text.strip_prefix(['-', '~']) {
        return Some(Timestamp::from_micros(i64::MIN.checked_add_unsigned(since.parse().ok()?)?));
    }
    let moment: Moment = text.parse().ok()?;
    Some(Timestamp::from_micros(moment.as_microsecond()))
}

/// When the server may take a document away by itself: a day after this time, which is decided by the text. By then it has
/// come on every clock that is not wholly wrong.
pub(super) fn gone_at(time: Timestamp) -> DateTime {
    DateTime::from_millis((time + Duration::from_secs(86_400)).as_micros().div_euclid(1000))
}

/// A UUID.
pub(super) fn id(bytes: &[u8; 16]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: bytes.to_vec() })
}

/// As a person writes it: a UUID, or a text. Nothing else is an id here.
pub(super) fn shown(id: &Bson) -> String {
    match id {
        Bson::Binary(binary) => binary.to_uuid().map(|id| id.to_string()).unwrap_or_default(),
        Bson::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// A document in the making, of what is there.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Document);

impl Fields {
    pub(super) fn with(mut self, name: &str, value: impl Into<Bson>) -> Self {
        self.0.insert(name, value);
        self
    }

    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Bson>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn with_time(self, name: &str, at: Option<Timestamp>) -> Self {
        self.with_some(name, at.map(time))
    }
}

/// A change of a document in the making.
#[derive(Debug, Default)]
pub(super) struct Update {
    set: Document,
    unset: Document,
    rest: Document,
}

impl Update {
    /// Sets a field, or takes it away.
    pub(super) fn put(&mut self, name: &str, value: Option<impl Into<Bson>>) {
        match value {
            Some(value) => drop(self.set.insert(name, value)),
            None => drop(self.unset.insert(name, "")),
        }
    }

    /// Whatever else, by its operator.
    pub(super) fn with(&mut self, operator: &str, what: Document) {
        self.rest.insert(operator, what);
    }

    /// Without the operators that have nothing to do: some servers refuse them.
    pub(super) fn whole(self) -> Document {
        let mut whole = self.rest;
        for (operator, what) in [("$set", self.set), ("$unset", self.unset)] {
            if !what.is_empty() {
                whole.insert(operator, what);
            }
        }
        whole
    }
}

/// A document of a collection, as it is read.
pub(super) struct Stored<'d> {
    of: &'static str,
    document: &'d Document,
    /// Of the whole document, where this is one within.
    id: Option<&'d Bson>,
}

impl<'d> Stored<'d> {
    pub(super) fn of(of: &'static str, document: &'d Document) -> Self {
        Self { of, document, id: document.get("_id") }
    }

    pub(super) fn unreadable(&self, name: &str) -> StoreError {
        // The name of a picture opens it.
        let id = self.id.filter(|_| self.of != super::LEFTOVERS).map(shown).unwrap_or_default();
        StoreError::Backend(format!("{} {id}: {name} cannot be read", self.of))
    }

    pub(super) fn text_or_none(&self, name: &str) -> Result<Option<&'d str>, StoreError> {
        match self.document.get(name) {
            None => Ok(None),
            Some(Bson::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&'d str, StoreError> {
        self.text_or_none(name)?.ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn int(&self, name: &str) -> Result<i64, StoreError> {
        match self.document.get(name) {
            Some(Bson::Int64(number)) => Ok(*number),
            // As a person writes it in a shell.
            Some(Bson::Int32(number)) => Ok((*number).into()),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(super) fn count(&self, name: &str) -> Result<u32, StoreError> {
        u32::try_from(self.int(name)?).map_err(|_| self.unreadable(name))
    }

    pub(super) fn time_or_none(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let Some(text) = self.text_or_none(name)? else { return Ok(None) };
        read_time(text).map(Some).ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn time(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.time_or_none(name)?.ok_or_else(|| self.unreadable(name))
    }

    /// The bytes of a UUID.
    pub(super) fn id_or_none(&self, name: &str) -> Result<Option<[u8; 16]>, StoreError> {
        match self.document.get(name) {
            None => Ok(None),
            Some(Bson::Binary(binary)) => {
                binary.to_uuid().map(|id| Some(id.bytes())).map_err(|_| self.unreadable(name))
            }
            Some(_) => Err(self.unreadable(name)),
        }
    }

    pub(super) fn id(&self, name: &str) -> Result<[u8; 16], StoreError> {
        self.id_or_none(name)?.ok_or_else(|| self.unreadable(name))
    }

    pub(super) fn bytes(&self, name: &str) -> Result<&'d [u8], StoreError> {
        match self.document.get(name) {
            Some(Bson::Binary(binary)) => Ok(&binary.bytes),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'d str>, StoreError> {
        let Some(Bson::Array(items)) = self.document.get(name) else { return Err(self.unreadable(name)) };
        items.iter().map(|item| item.as_str().ok_or_else(|| self.unreadable(name))).collect()
    }

    /// A text that must be one of those that are known.
    pub(super) fn known<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        read(self.text(name)?).ok_or_else(|| self.unreadable(name))
    }

    /// A word of its own kind, if it is there.
    pub(super) fn word<T: FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let word = self.text_or_none(name)?.map(T::from_str).transpose();
        word.map_err(|_| self.unreadable(name))
    }

    /// A document within.
    pub(super) fn within(&self, name: &str) -> Result<Option<Stored<'d>>, StoreError> {
        match self.document.get(name) {
            None => Ok(None),
            Some(Bson::Document(document)) => Ok(Some(Stored { document, ..*self })),
            Some(_) => Err(self.unreadable(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_microsecond_and_texts_are_in_its_order() {
        let absurd = [i64::MIN, i64::MIN + 1, -62_167_219_200_000_001];
        let sound = [0, 1, 999_999, 1_000_000, 1_795_254_000_123_456, 253_402_207_199_999_999];
        let moments = [&absurd[..], &sound, &[253_402_207_201_000_000, i64::MAX]].concat();
        let texts = moments.iter().map(|micros| time(Timestamp::from_micros(*micros))).collect::<Vec<_>>();
        assert!(texts.is_sorted() && texts[3..9].iter().all(|text| text.len() == 27), "{texts:?}");
        assert_eq!(texts[7], "2026-11-21T09:40:00.123456Z");
        for (micros, text) in moments.into_iter().zip(&texts) {
            let document = Fields::default().with("at", text.as_str()).0;
            let read = Stored::of("x", &document).time("at").unwrap();
            assert_eq!(read, Timestamp::from_micros(micros));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_shown() {
        let document = Fields::default()
            .with("_id", id(&[7; 16]))
            .with("text", 5)
            .with("at", "canary")
            .with("number", "canary")
            .0;
        let stored = Stored::of("keyward_users", &document);
        for error in [
            stored.text("text").unwrap_err(),
            stored.text("none").unwrap_err(),
            stored.time("at").unwrap_err(),
            stored.int("number").unwrap_err(),
            stored.id("text").unwrap_err(),
            stored.texts("text").unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains("keyward_users 07070707-0707-0707-0707-070707070707: "), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
        assert_eq!(stored.text_or_none("none"), Ok(None));
    }
}
