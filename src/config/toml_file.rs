//! Reading `keyward.toml` against the table of keys: every entry is a known key in a known section, or is refused with
//! its line. The text of the file is never repeated in a message, since secrets may stand in it.

use super::problem::{Problem, suggestion};
use super::readers::Raw;
use super::settings::Key;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Entries = Vec<(&'static str, Raw, usize)>;

/// Path, value and line of each known key, and what is wrong with the rest.
pub(super) fn read(file: &str, text: &str, keys: &BTreeMap<&'static str, Key>) -> (Entries, Vec<Problem>) {
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            let at = error.span().map_or(String::new(), |span| format!(", line {}", line(span.start)));
            return (
                Vec::new(),
                vec![Problem::new(format!("{file}{at}"), format!("no valid TOML: {}", error.message()))],
            );
        }
    };
    let mut reader = Reading { file, keys, entries: Vec::new(), problems: Vec::new() };
    for (section, value) in root.get_ref() {
        reader.section(section.get_ref(), value, line(section.span().start), &line);
    }
    (reader.entries, reader.problems)
}

struct Reading<'a> {
    file: &'a str,
    keys: &'a BTreeMap<&'static str, Key>,
    entries: Entries,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn section(
        &mut self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        at: usize,
        line: &dyn Fn(usize) -> usize,
    ) {
        let known = self.keys.values().any(|key| key.section == name);
        match value.get_ref() {
            DeValue::Table(table) if !table.is_empty() => {
                for (key, value) in table {
                    self.entry(&format!("{name}.{}", key.get_ref()), value, line(key.span().start));
                }
            }
            DeValue::Table(_) if known => {}
            _ if known => self.wrong(
                name,
                at,
                "this is a section; write its keys below a line with its name in brackets",
            ),
            _ => self.unknown(name, at),
        }
    }

    fn entry(&mut self, path: &str, value: &Spanned<DeValue<'_>>, at: usize) {
        match (self.keys.get(path), raw(value.get_ref())) {
            (None, _) => self.unknown(path, at),
            (Some(_), None) => self.wrong(path, at, "a text, a number or a list of them is expected here"),
            (Some(key), Some(raw)) => self.entries.push((key.path, raw, at)),
        }
    }

    fn unknown(&mut self, path: &str, at: usize) {
        let sections = self.keys.values().map(|key| key.section);
        let hint = suggestion(path, self.keys.keys().copied().chain(sections));
        let file = self.file;
        self.problems.push(Problem::new(
            format!("{file}, line {at}"),
            format!("unknown key `{path}` in {file}{hint}"),
        ));
    }

    fn wrong(&mut self, path: &str, at: usize, message: &str) {
        self.problems.push(Problem::at(path, format!("{}, line {at}", self.file), message));
    }
}

fn raw(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::Array(items) => {
            items.iter().map(|item| scalar(item.get_ref())).collect::<Option<_>>().map(Raw::List)
        }
        value => scalar(value).map(Raw::Text),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}
