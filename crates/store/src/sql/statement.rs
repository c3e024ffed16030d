//! The text of a statement, written once with PostgreSQL's `$1` for what is bound, and lists of statements that apply
//! whole or not at all. Runs nothing.

use super::value::Value;
use keyward_auth::records::StoreError;
use std::borrow::Cow;
use std::sync::OnceLock;

/// A text that stands in the program. No statement holds a `$` but for its parameters: values are always bound.
pub(crate) struct Statement {
    text: &'static str,
    sqlite: OnceLock<String>,
}

impl Statement {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, sqlite: OnceLock::new() }
    }

    /// With `?1` for `$1`: SQLite would take `$1` for a name and number it by where it appears. Without `FOR UPDATE`:
    /// its one writer holds everything already.
    pub(crate) fn for_sqlite(&self) -> &str {
        self.sqlite.get_or_init(|| self.text.replace(" FOR UPDATE", "").replace('$', "?"))
    }

    pub(crate) fn for_postgres(&self) -> &'static str {
        self.text
    }
}

/// A text that stands in the program, or one that was put together from such texts.
pub(crate) enum Text {
    Fixed(&'static Statement),
    Made(String),
}

impl Text {
    pub(crate) fn for_sqlite(&self) -> Cow<'_, str> {
        match self {
            Self::Fixed(statement) => Cow::Borrowed(statement.for_sqlite()),
            Self::Made(text) => Cow::Owned(text.replace('$', "?")),
        }
    }

    pub(crate) fn for_postgres(&self) -> &str {
        match self {
            Self::Fixed(statement) => statement.for_postgres(),
            Self::Made(text) => text,
        }
    }
}

impl From<&'static Statement> for Text {
    fn from(statement: &'static Statement) -> Self {
        Self::Fixed(statement)
    }
}

/// A text with `$1` for what is bound.
impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Made(text)
    }
}

pub(crate) struct Step {
    pub(crate) text: Text,
    pub(crate) values: Vec<Value<'static>>,
    /// It must meet exactly one row, or the list fails with this.
    pub(crate) miss: Option<StoreError>,
    /// Whether the rows that it yields are the answer.
    pub(crate) returns: bool,
}

/// Statements that are applied in order, all or none.
#[derive(Default)]
pub(crate) struct Steps(pub(crate) Vec<Step>);

impl Steps {
    /// A statement that may meet any number of rows.
    pub(crate) fn run(&mut self, text: impl Into<Text>, values: Vec<Value<'static>>) {
        self.0.push(Step { text: text.into(), values, miss: None, returns: false });
    }

    /// A statement that must meet exactly one row, else nothing of the list is done and `miss` is the answer. It names
    /// the row by its key, so it meets none or one.
    pub(crate) fn hit(&mut self, text: impl Into<Text>, values: Vec<Value<'static>>, miss: StoreError) {
        self.0.push(Step { text: text.into(), values, miss: Some(miss), returns: false });
    }

    /// A statement whose rows are the answer. With `miss` it must yield exactly one.
    pub(crate) fn returning(
        &mut self,
        text: impl Into<Text>,
        values: Vec<Value<'static>>,
        miss: Option<StoreError>,
    ) {
        self.0.push(Step { text: text.into(), values, miss, returns: true });
    }
}

/// What came of a list.
#[derive(Default)]
pub(crate) struct Done {
    /// How many rows the statements met, in all.
    pub(crate) met: usize,
    /// What the returning statement yielded.
    pub(crate) rows: Vec<Vec<Value<'static>>>,
}
