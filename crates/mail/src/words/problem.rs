//! What is wrong with templates, for the person who has written them: file, line, and what to do.

use minijinja::{Error, ErrorKind};
use std::{error, fmt};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// Within the folder: `en/reset.html`.
    pub file: String,
    pub line: Option<usize>,
    pub message: String,
}

/// All that is wrong, a line each; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblems(pub Vec<TemplateProblem>);

impl TemplateProblem {
    pub(super) fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, message: message.into() }
    }

    pub(super) fn at(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// What the innermost of the errors says, which knows the file that was included.
    pub(super) fn of(file: &str, error: &Error) -> Self {
        let mut inner = error;
        while let Some(source) = error::Error::source(inner).and_then(|source| source.downcast_ref::<Error>())
        {
            inner = source;
        }
        let detail = inner.detail().unwrap_or_default();
        let message = match inner.kind() {
            ErrorKind::InvalidOperation => detail.to_owned(),
            ErrorKind::TemplateNotFound => {
                format!("{detail}; a template can only name others of this folder, and the built-in ones")
            }
            ErrorKind::UndefinedError if detail.is_empty() => {
                "a value that is not known stands here; docs/mail.md lists those that are".to_owned()
            }
            kind if detail.is_empty() => kind.to_string(),
            kind => format!("{kind}: {detail}"),
        };
        Self::new(inner.name().unwrap_or(file), message).at(inner.line())
    }
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for TemplateProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl error::Error for TemplateProblems {}

impl From<TemplateProblem> for TemplateProblems {
    fn from(problem: TemplateProblem) -> Self {
        Self(vec![problem])
    }
}
