//! Templates are tried out at the start: every kind of letter is written in every language, once with all that it can
//! have and once with as little, so that a mistake is known before anybody waits for a mail.

use super::builtin::KINDS;
use super::problem::{TemplateProblem, TemplateProblems};
use super::{Kind, LONGEST_SUBJECT, Words};
use keyward_auth::outside::Letter;
use keyward_auth::records::{Purpose, Topic};
use keyward_auth::values::{Email, MailId, Timestamp};
use minijinja::value::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const CODE: &str = "314159";
const TOKEN: &str = "kwl_sample";
/// What stands in templates besides values.
const WORDS_OF_TEMPLATES: [&str; 9] =
    ["subject", "super", "self", "loop", "range", "dict", "namespace", "label", "otherwise"];

impl Words {
    pub(super) fn try_out(&self) -> Result<(), TemplateProblems> {
        let mut problems = Vec::new();
        for language in self.languages.tags() {
            for kind in KINDS.map(Kind).into_iter().filter(|kind| self.languages.has(language, *kind)) {
                problems.extend(self.try_kind(language, kind));
            }
        }
        // A part is included in many letters, and is wrong in each.
        problems.sort_by(|a, b| (&a.file, a.line, &a.message).cmp(&(&b.file, b.line, &b.message)));
        problems.dedup();
        if problems.is_empty() { Ok(()) } else { Err(TemplateProblems(problems)) }
    }

    fn try_kind(&self, language: &str, kind: Kind) -> Vec<TemplateProblem> {
        let topic = Topic::stored(kind.0).unwrap_or(Topic::Verify);
        let is_test = kind == Kind::TEST;
        let full = sample(topic, is_test);
        let bare = Letter { name: None, asked_from: None, ..full.clone() };
        let mut found = self.unknown(language, kind, &full);
        if !found.is_empty() {
            return found;
        }
        for letter in [full, bare] {
            found.extend(self.try_letter(language, kind, &letter));
        }
        found
    }

    /// Names in all branches, also those that no sample takes.
    fn unknown(&self, language: &str, kind: Kind, letter: &Letter) -> Vec<TemplateProblem> {
        // What is wrong with a duration is found in the letter.
        let Ok(values) = self.values(language, letter) else { return Vec::new() };
        let names = ["subject.txt", "txt", "html"].map(|end| format!("{language}/{}.{end}", kind.0));
        names.iter().flat_map(|name| self.unknown_in(name, &values)).collect()
    }

    fn unknown_in(&self, name: &str, values: &BTreeMap<&str, Value>) -> Vec<TemplateProblem> {
        let Ok(template) = self.templates.get_template(name) else { return Vec::new() };
        let mut unknown: Vec<String> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|used| {
                !values.contains_key(used.as_str()) && !WORDS_OF_TEMPLATES.contains(&used.as_str())
            })
            .collect();
        unknown.sort();
        let known: Vec<&str> = values.keys().copied().collect();
        let problem = |used: String| {
            let message = format!("`{used}` is not a value; known are {}", known.join(", "));
            TemplateProblem::new(name, message).at(line_of(template.source(), &used))
        };
        unknown.into_iter().map(problem).collect()
    }

    fn try_letter(&self, language: &str, kind: Kind, letter: &Letter) -> Vec<TemplateProblem> {
        let written = match self.write_in(language, kind, letter) {
            Ok(written) => written,
            Err(problem) => return vec![problem],
        };
        let mut found = Vec::new();
        let mut wrong = |end: &str, message: &str| {
            found.push(TemplateProblem::new(format!("{language}/{}.{end}", kind.0), message));
        };
        if written.subject.is_empty() {
            wrong("subject.txt", "the subject is empty");
        }
        if written.subject.chars().any(char::is_control) {
            wrong("subject.txt", "the subject is one line, without control characters");
        }
        if written.subject.chars().count() > LONGEST_SUBJECT {
            wrong("subject.txt", "the subject has more than 200 characters");
        }
        if written.subject.contains(CODE) || written.subject.contains(TOKEN) {
            wrong("subject.txt", "a code has no place in the subject, which mail servers log");
        }
        for (end, body) in [("txt", &written.text), ("html", &written.html)] {
            if body.trim().is_empty() {
                wrong(end, "the mail is empty");
            }
            // The layout shows the digits in two groups.
            let has_code = body.contains(CODE)
                || CODE.split_at_checked(3).is_some_and(|(a, b)| body.contains(a) && body.contains(b));
            let link = format!("/link/{TOKEN}");
            if letter.token.is_some() && !body.contains(&link) && !(letter.digits.is_some() && has_code) {
                wrong(
                    end,
                    "neither the code nor the link is in this mail; write {{ code }}, {{ link }} or both",
                );
            }
        }
        found
    }
}

/// A letter with all that one of its topic has.
pub(super) fn sample(topic: Topic, is_test: bool) -> Letter {
    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    let purpose = topic.purpose().filter(|_| !is_test);
    let life = purpose.map(|purpose| match purpose {
        Purpose::Verify | Purpose::Change => hours(24),
        Purpose::Reset => hours(1),
        Purpose::Invite => hours(7 * 24),
        Purpose::Undo => hours(3 * 24),
    });
    let has_digits = matches!(purpose, Some(Purpose::Verify | Purpose::Change | Purpose::Reset));
    let is_about_another =
        matches!(topic, Topic::ChangeAsked | Topic::Changed | Topic::Replaced | Topic::Undone);
    // 21 November 2026, 09:40.
    let now = Timestamp::from_micros(1_795_254_000_000_000);
    Letter {
        id: MailId::from_bytes([0; 16]),
        topic,
        to: Email::stored("ada@example.com".to_owned()),
        name: Some("Ada".to_owned()),
        locale: None,
        languages: None,
        digits: has_digits.then(|| (CODE.to_owned(), Duration::from_secs(600))),
        token: life.map(|life| (TOKEN.to_owned(), life)),
        other: is_about_another.then(|| "n***@example.org".to_owned()),
        asked_at: now,
        asked_from: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        at: now,
    }
}

/// Where a name stands for the first time within tags.
fn line_of(source: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let holds = |line: &str| line.split(|c| !is_part(c)).any(|word| word == name);
    let line = source.lines().position(|line| (line.contains("{{") || line.contains("{%")) && holds(line));
    line.or_else(|| source.lines().position(holds)).map(|line| line + 1)
}
