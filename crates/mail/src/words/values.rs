//! What templates can say: the values of a letter, each by its name. docs/mail.md lists them, and a test holds it to that.

use super::language::direction;
use super::name::harmless;
use super::{TemplateProblem, Words};
use crate::product::Colour;
use keyward_auth::outside::Letter;
use keyward_auth::records::Topic;
use keyward_auth::values::Timestamp;
use minijinja::value::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const FONT: &str = "-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,Helvetica,Arial,Tahoma,sans-serif";

impl Words {
    /// All values but `subject`, which is made of them.
    pub(super) fn values(
        &self,
        language: &str,
        letter: &Letter,
    ) -> Result<BTreeMap<&'static str, Value>, TemplateProblem> {
        let (code, code_life) = letter.digits.as_ref().map(|(code, life)| (code.as_str(), *life)).unzip();
        let (token, link_life) = letter.token.as_ref().map(|(token, life)| (token.as_str(), *life)).unzip();
        let words = |life: Option<Duration>| life.map(|life| self.duration(language, life)).transpose();
        let until = |life: Option<Duration>| life.map(|life| minute(letter.at + life));
        let direction = direction(language);
        let colour = self.product.colour;
        Ok(BTreeMap::from([
            ("product", Value::from(self.product.name.as_str())),
            ("logo", optional(self.product.logo.as_deref())),
            ("colour", Value::from(colour.to_string())),
            ("on_colour", Value::from(colour.ink().to_string())),
            ("link_colour", Value::from(colour.readable_on(Colour::WHITE).to_string())),
            ("link_colour_dark", Value::from(colour.readable_on(Colour::DARK).to_string())),
            ("font", Value::from(FONT)),
            ("language", Value::from(language)),
            ("direction", Value::from(direction)),
            ("start", Value::from(if direction == "rtl" { "right" } else { "left" })),
            ("url", Value::from(self.public_url.as_str())),
            ("topic", Value::from(letter.topic.as_str())),
            ("email", Value::from(letter.to.as_str())),
            ("name", optional(name(letter).as_deref())),
            ("code", optional(code)),
            ("code_for", optional(words(code_life)?.as_deref())),
            ("code_until", optional(until(code_life).as_deref())),
            ("link", optional(token.map(|token| self.link(token)).as_deref())),
            ("link_for", optional(words(link_life)?.as_deref())),
            ("link_until", optional(until(link_life).as_deref())),
            ("token", optional(token)),
            ("other", optional(letter.other.as_deref().map(unlinked).as_deref())),
            ("when", Value::from(minute(letter.asked_at))),
            ("address", optional(letter.asked_from.map(|ip| ip.to_canonical().to_string()).as_deref())),
        ]))
    }

    pub(crate) fn link(&self, token: &str) -> String {
        format!("{}/link/{token}", self.public_url)
    }

    /// `10 minutes`, in the words of a language.
    fn duration(&self, language: &str, life: Duration) -> Result<String, TemplateProblem> {
        let (number, unit) = counted(life);
        let values = BTreeMap::from([("number", Value::from(number)), ("unit", Value::from(unit))]);
        self.render(&format!("{language}/duration.txt"), &values)
    }
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::from(()), Value::from)
}

/// What the person is called; nothing in mails whose address anybody may have given, who may have given the name as well.
fn name(letter: &Letter) -> Option<String> {
    match letter.topic {
        Topic::Verify | Topic::Change | Topic::Undone | Topic::Taken => None,
        Topic::Reset
        | Topic::Invite
        | Topic::ChangeAsked
        | Topic::Changed
        | Topic::Replaced
        | Topic::PasswordChanged
        | Topic::SessionEnded => letter.name.as_deref().and_then(harmless),
    }
}

/// An address, or what is shown of it, that no client makes a link of: its domain may be anybody's. Word joiners, which
/// nobody sees and at which no line ends, part the dots from the labels.
fn unlinked(address: &str) -> String {
    address.replace('.', "\u{2060}.\u{2060}")
}

/// In the largest unit that people would say it in: 24 hours, but 3 days.
fn counted(life: Duration) -> (u64, &'static str) {
    const MINUTES: u64 = 60;
    let minutes = life.as_secs() / 60;
    let is_whole = |unit: u64| minutes.is_multiple_of(unit);
    match minutes {
        2880.. if is_whole(24 * MINUTES) => (minutes / (24 * MINUTES), "day"),
        60.. if is_whole(MINUTES) => (minutes / MINUTES, "hour"),
        _ => (minutes.max(1), "minute"),
    }
}

/// `2026-11-21 09:40 UTC`: the same in every language, and nobody takes the day for the month.
fn minute(moment: Timestamp) -> String {
    let text = moment.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_as_people_do() {
        for (seconds, counted_as) in [
            (0, (1, "minute")),
            (60, (1, "minute")),
            (600, (10, "minute")),
            (3600, (1, "hour")),
            (5400, (90, "minute")),
            (86_400, (24, "hour")),
            (2 * 86_400, (2, "day")),
            (3 * 86_400 + 3600, (73, "hour")),
            (7 * 86_400, (7, "day")),
        ] {
            assert_eq!(counted(Duration::from_secs(seconds)), counted_as, "{seconds}");
        }
    }

    #[test]
    fn moments_are_told_to_the_minute() {
        assert_eq!(minute(Timestamp::from_micros(1_795_254_012_345_678)), "2026-11-21 09:40 UTC");
        assert!(!minute(Timestamp::from_micros(i64::MAX)).is_empty());
        assert!(!minute(Timestamp::from_micros(i64::MIN)).is_empty());
    }
}
