//! What is wrong with a configuration, for the person who has to set it right. Never holds a secret.

use std::fmt;

/// One thing that is wrong: which key, where it was set, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key's path such as `server.listen`, or the file or variable that is meant.
    pub key: String,
    /// Where it was set: `environment, SECRET_KEY`.
    pub from: Option<String>,
    pub message: String,
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), from: None, message: message.into() }
    }

    pub(super) fn at(key: impl Into<String>, from: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { key: key.into(), from: Some(from.to_string()), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{} ({from}): {}", self.key, self.message),
            None => write!(f, "{}: {}", self.key, self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong, a line each; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// The known name closest to a mistyped one, if any is close.
pub(super) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let best = known.into_iter().min_by_key(|candidate| distance(name, candidate))?;
    (distance(name, best) <= (name.len() / 3).max(2)).then_some(best)
}

/// `; did you mean ...?` where something is close.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

/// Levenshtein's: the fewest insertions, deletions and replacements of characters.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    // A name of the environment may be long; no known one is.
    for (i, a) in one.chars().take(200).enumerate() {
        let mut last = i + 1;
        let mut next = vec![last];
        for (b, above) in other.iter().zip(row.windows(2)) {
            if let [diagonal, up] = *above {
                last = (diagonal + usize::from(a != *b)).min(up + 1).min(last + 1);
                next.push(last);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("sever", "server", 1)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
        assert_eq!(closest("sever.listen", ["store.url", "server.listen"]), Some("server.listen"));
        assert_eq!(closest("wholly.different", ["store.url", "server.listen"]), None);
    }
}
