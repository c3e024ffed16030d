//! What a letter says, in which language: templates, built in and from a folder, all tried out before the first letter.
//! Owns no address and no wire.

mod builtin;
mod check;
mod folder;
mod language;
mod name;
mod problem;
mod values;

#[cfg(test)]
mod tests;

pub use problem::{TemplateProblem, TemplateProblems};

use crate::product::Product;
use builtin::BUILTIN;
use keyward_auth::outside::Letter;
use language::Languages;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// A letter in words. No `Debug`: there are codes in it.
#[derive(Clone)]
pub(crate) struct Written {
    /// The tag of the language.
    pub(crate) language: String,
    /// One line.
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// All templates, each of which has been rendered once for every topic.
pub(crate) struct Words {
    templates: Environment<'static>,
    languages: Languages,
    product: Product,
    public_url: String,
}

/// Which words a letter has: those of its topic, or the test's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(&'static str);

impl Kind {
    pub(crate) const TEST: Self = Self("test");

    pub(crate) fn of(letter: &Letter) -> Self {
        Self(letter.topic.as_str())
    }
}

/// A subject beyond this is cut by most clients.
const LONGEST_SUBJECT: usize = 200;

impl Words {
    /// The built-in templates, and those of the folder in their place. `language` is that of whoever asked for none.
    ///
    /// # Errors
    /// Everything that is wrong with the folder or the language.
    pub(crate) fn open(
        folder: Option<&Path>,
        language: &str,
        product: Product,
        public_url: &str,
    ) -> Result<Self, TemplateProblems> {
        let mut sources: BTreeMap<String, String> =
            BUILTIN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        sources.extend(folder.map(folder::read).transpose()?.unwrap_or_default());
        let languages = Languages::of(&mut sources, language)?;
        let templates = compiled(sources)?;
        let words = Self { templates, languages, product, public_url: public_url.to_owned() };
        words.try_out()?;
        Ok(words)
    }

    /// Writes a letter in the language that its reader wants, as far as there are words in it.
    ///
    /// # Errors
    /// A template of the folder does what it did not do when it was tried out.
    pub(crate) fn write(&self, kind: Kind, letter: &Letter) -> Result<Written, TemplateProblem> {
        let wanted = (letter.locale.as_ref(), letter.languages.as_ref());
        self.write_in(self.languages.choose(kind, wanted), kind, letter)
    }

    fn write_in(&self, language: &str, kind: Kind, letter: &Letter) -> Result<Written, TemplateProblem> {
        let mut values = self.values(language, letter)?;
        let name = |end: &str| format!("{language}/{}.{end}", kind.0);
        let subject = self.render(&name("subject.txt"), &values)?;
        values.insert("subject", Value::from(subject.as_str()));
        let text = self.render(&name("txt"), &values)?;
        let html = self.render(&name("html"), &values)?;
        Ok(Written { language: language.to_owned(), subject, text: spaced(&text), html })
    }

    fn render(&self, name: &str, values: &BTreeMap<&'static str, Value>) -> Result<String, TemplateProblem> {
        let template = self.templates.get_template(name);
        let rendered = template.and_then(|template| template.render(values));
        let rendered = rendered.map_err(|error| TemplateProblem::of(name, &error))?;
        Ok(rendered.trim().to_owned())
    }
}

fn compiled(sources: BTreeMap<String, String>) -> Result<Environment<'static>, TemplateProblems> {
    let mut templates = Environment::new();
    // Tags on lines of their own leave no lines behind, so that the texts stay readable as templates.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        templates.set_syntax(syntax);
    }
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_formatter(put);
    templates.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    templates.set_recursion_limit(100);
    templates.add_filter("isolate", isolate);
    let mut problems = Vec::new();
    for (name, source) in sources {
        if let Err(error) = templates.add_template_owned(name.clone(), source) {
            problems.push(TemplateProblem::of(&name, &error));
        }
    }
    if problems.is_empty() { Ok(templates) } else { Err(TemplateProblems(problems)) }
}

/// Writes a value, escaped in HTML. What a letter does not have is asked for before it is written.
fn put(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_none() {
        let advice = "a mail may be without this value; write it inside of {% if ... %}";
        return Err(Error::new(ErrorKind::InvalidOperation, advice));
    }
    let text = value.to_string();
    if *state.auto_escape() == AutoEscape::None || value.is_safe() {
        return Ok(out.write_str(&text)?);
    }
    // Not the slash: a link is to be found in the source as it is.
    text.chars().try_for_each(|c| match c {
        '&' => out.write_str("&amp;"),
        '<' => out.write_str("&lt;"),
        '>' => out.write_str("&gt;"),
        '"' => out.write_str("&quot;"),
        '\'' => out.write_str("&#39;"),
        _ => out.write_char(c),
    })?;
    Ok(())
}

/// Sets a value apart in plain text: it does not mix with the direction of the words around it (FSI and PDI of UAX 9).
fn isolate(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// Without empty lines beyond the first: what a letter does not have leaves no gap.
fn spaced(text: &str) -> String {
    let mut spaced = String::new();
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            spaced.push_str(line);
            spaced.push('\n');
        }
    }
    spaced
}
