//! How commands speak: answers on standard output, failures on standard error, as text or as JSON.

use super::Failure;
use serde_json::{Value, json};
use std::io::{Write, stderr, stdout};

#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) json: bool,
}

impl Out {
    /// The answer, one way or the other.
    pub(super) fn answer(self, text: &str, value: &Value) {
        if self.json {
            self.line(&value.to_string());
        } else {
            self.line(text);
        }
    }

    pub(super) fn line(self, text: &str) {
        // A reader that has gone away wants no more lines.
        let _ = writeln!(stdout().lock(), "{text}");
    }

    /// Something to know beside the answer.
    pub(super) fn note(self, text: &str) {
        let _ = if self.json {
            writeln!(stderr(), "{}", json!({ "note": text }))
        } else {
            writeln!(stderr(), "keyward: {text}")
        };
    }

    pub(super) fn failure(self, failure: &Failure) {
        let text = failure.to_string();
        let _ = if self.json {
            writeln!(stderr(), "{}", json!({ "error": text }))
        } else {
            text.lines().try_for_each(|line| writeln!(stderr(), "keyward: {line}"))
        };
    }
}
