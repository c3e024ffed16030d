//! Readers turn what was written into values, within bounds, and can say what they accept: the messages, the sample and
//! the reference are made of that. Owns the general kinds (durations, numbers, choices, lists), not the keys.

use super::secret::{Secret, weakness};
use super::values::Caller;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// A value as it was written, before anybody has read it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    List(Vec<String>),
    /// The text is in this file.
    File(String),
}

/// How a value is written in TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    List,
}

/// How much of a value nobody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    Open,
    /// A URL in which a password may stand.
    Partly,
    Whole,
}

pub(super) trait Reader {
    type Value;
    const SHAPE: Shape = Shape::Text;
    const SECRECY: Secrecy = Secrecy::Open;

    /// The error is a whole message, without the key's name; that of a secret holds no part of it.
    fn read(&self, raw: &Raw) -> Result<Self::Value, String>;

    /// What is accepted, as a noun: `a duration from 10s to 24h`.
    fn accepts(&self) -> String;

    /// How a value that is partly secret may be shown.
    fn shown(&self, _: &Self::Value) -> String {
        String::new()
    }

    /// The value of a key that nobody gave, where that is a value.
    fn absent(&self) -> Option<Self::Value> {
        None
    }
}

fn one(raw: &Raw) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => Ok(text.trim()),
        Raw::List(_) | Raw::File(_) => Err("one value is expected here, not a list".into()),
    }
}

/// Whatever a function reads from a text.
pub(super) struct Parsed<T>(pub(super) &'static str, pub(super) fn(&str) -> Result<T, String>);

impl<T> Reader for Parsed<T> {
    type Value = T;

    fn read(&self, raw: &Raw) -> Result<T, String> {
        (self.1)(one(raw)?)
    }

    fn accepts(&self) -> String {
        self.0.into()
    }
}

/// A URL in which a password may stand; what is read from it shows itself without.
pub(super) struct Address<T>(pub(super) &'static str, pub(super) fn(&str) -> Result<T, String>);

impl<T: Display> Reader for Address<T> {
    type Value = T;
    const SECRECY: Secrecy = Secrecy::Partly;

    fn read(&self, raw: &Raw) -> Result<T, String> {
        (self.1)(one(raw)?)
    }

    fn accepts(&self) -> String {
        self.0.into()
    }

    fn shown(&self, value: &T) -> String {
        value.to_string()
    }
}

/// A value that may be missing; an empty text is as good as none.
pub(super) struct Optional<R>(pub(super) R);

impl<R: Reader> Reader for Optional<R> {
    type Value = Option<R::Value>;
    const SHAPE: Shape = R::SHAPE;
    const SECRECY: Secrecy = R::SECRECY;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        if one(raw)?.is_empty() { Ok(None) } else { self.0.read(raw).map(Some) }
    }

    fn shown(&self, value: &Self::Value) -> String {
        value.as_ref().map(|value| self.0.shown(value)).unwrap_or_default()
    }

    fn accepts(&self) -> String {
        self.0.accepts()
    }

    fn absent(&self) -> Option<Self::Value> {
        Some(None)
    }
}

/// A list, in one text separated by commas.
pub(super) struct Many<R>(pub(super) R);

impl<R: Reader> Reader for Many<R> {
    type Value = Vec<R::Value>;
    const SHAPE: Shape = Shape::List;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        items(raw).into_iter().map(|item| self.0.read(&Raw::Text(item))).collect()
    }

    fn accepts(&self) -> String {
        format!("a list, each {}", self.0.accepts())
    }

    fn absent(&self) -> Option<Self::Value> {
        Some(Vec::new())
    }
}

fn items(raw: &Raw) -> Vec<String> {
    match raw {
        Raw::List(items) => items.clone(),
        Raw::Text(text) | Raw::File(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Into::into).collect()
        }
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy> Reader for Choice<T> {
    type Value = T;

    fn read(&self, raw: &Raw) -> Result<T, String> {
        let text = one(raw)?;
        let found = self.0.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, value)| *value).ok_or_else(|| format!("`{text}` is not {}", self.accepts()))
    }

    fn accepts(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        format!("one of {}", words.join(", "))
    }
}

/// A whole number from one to another.
pub(super) struct Count<T>(pub(super) T, pub(super) T);

impl<T: FromStr + PartialOrd + Display> Reader for Count<T> {
    type Value = T;
    const SHAPE: Shape = Shape::Number;

    fn read(&self, raw: &Raw) -> Result<T, String> {
        let text = one(raw)?;
        let number =
            text.replace('_', "").parse().ok().filter(|number| (&self.0..=&self.1).contains(&number));
        number.ok_or_else(|| format!("`{text}` is not {}", self.accepts()))
    }

    fn accepts(&self) -> String {
        format!("a number from {} to {}", self.0, self.1)
    }
}

/// A duration from one to another: `250ms`, `10s`, `15m`, `24h`, `30d`, or a bare number of seconds.
pub(super) struct Span(pub(super) Duration, pub(super) Duration);

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const UNITS: [(&str, Duration); 5] =
    [("ms", Duration::from_millis(1)), ("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)];

impl Reader for Span {
    type Value = Duration;

    fn read(&self, raw: &Raw) -> Result<Duration, String> {
        let text = one(raw)?;
        let span = parse_span(text).filter(|span| (self.0..=self.1).contains(span));
        span.ok_or_else(|| format!("`{text}` is not {}", self.accepts()))
    }

    fn accepts(&self) -> String {
        format!("a duration from {} to {}", write_span(self.0), write_span(self.1))
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = if unit.is_empty() { "s" } else { unit };
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    unit.checked_mul(number.parse().ok()?)
}

/// In the largest unit that leaves no rest.
fn write_span(span: Duration) -> String {
    let whole = |(name, unit): &(&str, Duration)| {
        span.as_millis()
            .is_multiple_of(unit.as_millis())
            .then(|| format!("{}{name}", span.as_millis() / unit.as_millis()))
    };
    if span.is_zero() { "0s".into() } else { UNITS.iter().rev().find_map(whole).unwrap_or_default() }
}

/// A secret that keys are made of; the name is that of the variable that people know it by.
pub(super) struct Strong(pub(super) &'static str);

impl Reader for Strong {
    type Value = Option<Secret>;
    const SECRECY: Secrecy = Secrecy::Whole;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        let Raw::Text(text) = raw else { return Err(format!("{} is one text", self.0)) };
        match weakness(text) {
            None => Ok(Some(Secret::new(text.as_str()))),
            Some(why) => Err(format!(
                "the secret {why}; make one with `openssl rand -hex 32` and give it as {}, or leave it out",
                self.0
            )),
        }
    }

    fn accepts(&self) -> String {
        "a secret of at least 32 bytes; `openssl rand -hex 32` makes one".into()
    }

    fn absent(&self) -> Option<Self::Value> {
        Some(None)
    }
}

/// A secret that somebody else has made, and answers for.
pub(super) struct Hidden(pub(super) &'static str);

impl Reader for Hidden {
    type Value = Option<Secret>;
    const SECRECY: Secrecy = Secrecy::Whole;

    fn read(&self, raw: &Raw) -> Result<Self::Value, String> {
        let text = one(raw)?;
        Ok((!text.is_empty()).then(|| Secret::new(text)))
    }

    fn accepts(&self) -> String {
        self.0.into()
    }

    fn absent(&self) -> Option<Self::Value> {
        Some(None)
    }
}

/// The callers of introspection, each `name:secret`.
pub(super) struct Callers;

impl Reader for Callers {
    type Value = Vec<Caller>;
    const SHAPE: Shape = Shape::List;
    const SECRECY: Secrecy = Secrecy::Whole;

    fn read(&self, raw: &Raw) -> Result<Vec<Caller>, String> {
        let callers: Vec<Caller> =
            items(raw).iter().map(|item| Caller::parse(item)).collect::<Result<_, _>>()?;
        let mut names: Vec<&str> = callers.iter().map(|caller| caller.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err("two callers have one name".into());
        }
        Ok(callers)
    }

    fn accepts(&self) -> String {
        "a list, each name:secret with a secret of at least 16 characters".into()
    }

    fn absent(&self) -> Option<Vec<Caller>> {
        Some(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.into())
    }

    #[test]
    fn durations() {
        for (written, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("10", 10_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            assert_eq!(
                Span(Duration::ZERO, DAY).read(&text(written)),
                Ok(Duration::from_millis(millis)),
                "{written}"
            );
        }
        for written in [
            "",
            "-1",
            "1.5h",
            "1e9",
            "10 s",
            "s",
            "2d",
            "1w",
            "99999999999999999999",
            "9999999999999d",
            "\u{661}s",
        ] {
            let message = Span(Duration::ZERO, DAY).read(&text(written)).unwrap_err();
            assert!(message.ends_with("is not a duration from 0s to 1d"), "{message}");
        }
        assert_eq!(write_span(90 * SECOND), "90s");
    }

    #[test]
    fn numbers_choices_and_lists() {
        assert_eq!(Count(8_usize, 64).read(&text(" 12 ")), Ok(12));
        assert_eq!(Count(8_usize, 64).read(&text("7")), Err("`7` is not a number from 8 to 64".into()));
        assert!(Count(0_usize, 64).read(&text("-1")).is_err());
        let choice = Choice(&[("ES256", 1), ("HS256", 2)]);
        assert_eq!(choice.read(&text("hs256")), Ok(2));
        assert_eq!(choice.read(&text("none")), Err("`none` is not one of ES256, HS256".into()));
        let list = Many(Count(0_u8, 9));
        assert_eq!(list.read(&text(" 1, 2,,3 ")), Ok(vec![1, 2, 3]));
        assert_eq!(list.read(&Raw::List(vec!["4".into()])), Ok(vec![4]));
        assert!(Count(0_u8, 9).read(&Raw::List(vec!["4".into()])).is_err());
        assert_eq!(Optional(Count(1_u8, 9)).read(&text("")), Ok(None));
    }
}
