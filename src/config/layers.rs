//! One value for each key out of all that was given, and where it came from. Owns the order of the layers and the names
//! of the environment; what a value means is its reader's.

use super::dotenv;
use super::problem::{Problem, suggestion};
use super::readers::{Raw, Reader, Secrecy, Shape};
use super::settings::{Key, keys};
use super::sources::Sources;
use super::toml_file;
use std::collections::BTreeMap;
use std::{fmt, fs};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Default,
    /// The configuration file's name and the line.
    File(String, usize),
    /// The name in the `.env` file.
    Dotenv(String),
    /// The name in the environment.
    Environment(String),
    Flag,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name, line) => write!(f, "{name}, line {line}"),
            Self::Dotenv(name) => write!(f, ".env, {name}"),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// A key as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    pub path: &'static str,
    /// As TOML; `(set)` for a secret and `(not set)` where nothing is.
    pub value: String,
    pub place: Place,
}

/// What was given, the winner of each key only, and what was found wrong so far.
pub(super) struct Layers {
    keys: BTreeMap<&'static str, Key>,
    given: BTreeMap<&'static str, (Raw, Place)>,
    /// Keys that one layer gives twice, until a stronger one decides.
    doubtful: BTreeMap<&'static str, Problem>,
    pub(super) effective: Vec<Effective>,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    pub(super) fn gather(sources: &Sources) -> Self {
        let keys = keys().into_iter().map(|key| (key.path, key)).collect();
        let mut layers = Self {
            keys,
            given: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            effective: Vec::new(),
            problems: Vec::new(),
        };
        let dotenv = layers.dotenv(sources.dotenv.as_deref().unwrap_or_default());
        // From the weakest to the strongest; our own names beat the plain ones, wherever either stands.
        if let Some((name, text)) = &sources.toml {
            layers.toml(name, text);
        }
        for names in [Key::plain_names, Key::own_names] {
            layers.variables(&dotenv, names, Place::Dotenv);
            layers.variables(&sources.env, names, Place::Environment);
        }
        layers.flags(&sources.flags);
        layers.problems.extend(std::mem::take(&mut layers.doubtful).into_values());
        layers.unknown(&dotenv, &Place::Dotenv);
        layers.unknown(&sources.env, &Place::Environment);
        layers
    }

    fn toml(&mut self, file: &str, text: &str) {
        let (entries, problems) = toml_file::read(file, text, &self.keys);
        self.problems.extend(problems);
        for (path, raw, line) in entries {
            self.given.insert(path, (raw, Place::File(file.to_owned(), line)));
        }
    }

    fn dotenv(&mut self, text: &str) -> Vec<(String, String)> {
        if let Some(line) = dotenv::broken(text) {
            self.problems
                .push(Problem::new(format!(".env, line {line}"), "the line sets nothing; write NAME=value"));
        }
        dotenv::parse(text)
    }

    fn variables(
        &mut self,
        pairs: &[(String, String)],
        name_of: fn(&Key) -> Vec<String>,
        place: fn(String) -> Place,
    ) {
        for key in self.keys.values() {
            let mut given: Vec<(Raw, String)> = Vec::new();
            for name in name_of(key) {
                let in_file = format!("{name}_FILE");
                if let Some(text) = value(pairs, &name) {
                    given.push((Raw::Text(meant(&name, text)), name));
                }
                if let Some(file) = value(pairs, &in_file).filter(|_| key.secrecy != Secrecy::Open) {
                    given.push((Raw::File(file.to_owned()), in_file));
                }
            }
            let mut given = given.into_iter();
            let Some((raw, name)) = given.next() else { continue };
            self.doubtful.remove(key.path);
            if let Some((_, other)) = given.next() {
                let message = format!("{other} is given too; only one can be");
                self.doubtful.insert(key.path, Problem::at(key.path, place(name.clone()), message));
            }
            self.given.insert(key.path, (raw, place(name)));
        }
    }

    fn flags(&mut self, flags: &[(String, String)]) {
        for (path, text) in flags {
            if let Some(key) = self.keys.get(path.as_str()) {
                if key.secrecy == Secrecy::Whole || key.secrecy == Secrecy::Partly && holds_password(text) {
                    // Arguments are seen by every process of the machine, and kept in histories.
                    let advice = "a secret is not given as an argument; use the environment or a file";
                    self.problems.push(Problem::new(path, advice));
                    continue;
                }
                self.doubtful.remove(key.path);
                self.given.insert(key.path, (Raw::Text(text.clone()), Place::Flag));
            } else {
                let hint = suggestion(path, self.keys.keys().copied());
                self.problems.push(Problem::new(path, format!("there is no such key{hint}")));
            }
        }
    }

    /// A mistyped name would otherwise be a setting that silently does nothing.
    fn unknown(&mut self, pairs: &[(String, String)], place: &dyn Fn(String) -> Place) {
        let known: Vec<String> = self
            .keys
            .values()
            .flat_map(|key| {
                [
                    Some(key.variable()),
                    (key.secrecy != Secrecy::Open).then(|| format!("{}_FILE", key.variable())),
                ]
            })
            .flatten()
            .collect();
        for (name, _) in pairs {
            if name.starts_with("KEYWARD_") && !is_of_others(name) && !known.contains(name) {
                let hint = suggestion(name, known.iter().map(String::as_str));
                let from = place(name.clone());
                self.problems.push(Problem::new(from.to_string(), format!("no setting has this name{hint}")));
            }
        }
    }

    /// The value of one key. `None` where it is wrong; the problem is noted.
    pub(super) fn read<R: Reader>(&mut self, path: &'static str, reader: &R) -> Option<R::Value> {
        let default = self.keys.get(path).map_or("", |key| key.default);
        let (raw, place) = self.given.remove(path).unwrap_or((Raw::Text(default.into()), Place::Default));
        let absent = (place == Place::Default && default.is_empty()).then(|| reader.absent()).flatten();
        let set = absent.is_none();
        let read = match absent {
            Some(value) => Ok(value),
            None => opened(&raw, &place).and_then(|raw| reader.read(&raw)),
        };
        match read {
            Ok(value) => {
                let text = if set { shown(reader, &raw, &value) } else { "(not set)".into() };
                self.effective.push(Effective { path, value: text, place });
                Some(value)
            }
            Err(message) => {
                self.problems.push(Problem::at(path, place, message));
                None
            }
        }
    }
}

impl Key {
    fn own_names(&self) -> Vec<String> {
        vec![self.variable()]
    }

    fn plain_names(&self) -> Vec<String> {
        self.plain.iter().map(|&plain| plain.to_owned()).collect()
    }
}

fn is_mongo(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("mongodb://") || text.starts_with("mongodb+srv://")
}

/// What a text means under the name that it has.
fn meant(name: &str, text: &str) -> String {
    match name {
        // The platforms that set PORT expect to reach it from outside.
        "PORT" => format!("0.0.0.0:{text}"),
        // Nobody means a file of SQLite: what is no URL of MongoDB is a wrong one.
        "MONGO_URI" | "MONGO_URI_FILE" if !is_mongo(text) => format!("mongodb:{text}"),
        _ => text.to_owned(),
    }
}

/// The last one counts, as in a shell.
fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// Names that Kubernetes sets for a service called `keyward`, and those of our own tests.
fn is_of_others(name: &str) -> bool {
    name == "KEYWARD_PORT"
        || ["KEYWARD_PORT_", "KEYWARD_SERVICE_", "KEYWARD_TEST_"].iter().any(|start| name.starts_with(start))
}

/// The text of a `*_FILE`, without the one newline that editors and `echo` leave at its end.
fn opened(raw: &Raw, place: &Place) -> Result<Raw, String> {
    let Raw::File(path) = raw else { return Ok(raw.clone()) };
    let text = fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    // Who names a file means something to be in it.
    if text.trim().is_empty() {
        return Err(format!("{path} is empty"));
    }
    Ok(Raw::Text(match place {
        Place::Dotenv(name) | Place::Environment(name) => meant(name, text),
        _ => text.to_owned(),
    }))
}

/// Whether a URL has a password in it, as `user:password@` or as a parameter.
fn holds_password(text: &str) -> bool {
    let authority = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    let user = authority.and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':')) || text.to_ascii_lowercase().contains("password=")
}

fn shown<R: Reader>(reader: &R, raw: &Raw, value: &R::Value) -> String {
    match raw {
        _ if R::SECRECY == Secrecy::Whole => "(set)".into(),
        _ if R::SECRECY == Secrecy::Partly => written(R::SHAPE, &reader.shown(value)),
        Raw::Text(text) | Raw::File(text) => written(R::SHAPE, text),
        Raw::List(items) => format!("{items:?}"),
    }
}

/// A value as TOML has it.
pub(super) fn written(shape: Shape, text: &str) -> String {
    match shape {
        Shape::Number if text.parse::<i64>().is_ok() => text.to_owned(),
        Shape::List => {
            let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            format!("{items:?}")
        }
        Shape::Number | Shape::Text => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::{env, folder, only_problem, problems, strong};

    #[test]
    fn secrets_from_files() {
        let folder = folder();
        let (path, key) = (folder.path.join("secret"), strong());
        std::fs::write(&path, format!("{key}\n")).unwrap();
        let path = path.to_str().unwrap();
        let config =
            Config::load(&env(&[("SECRET_KEY_FILE", path), ("KEYWARD_SECRETS_MASTER_FILE", path)])).unwrap();
        assert_eq!(config.secrets.key.unwrap().expose(), key.as_bytes());
        assert_eq!(config.secrets.master.unwrap().expose(), key.as_bytes());

        let message = only_problem(&env(&[("SECRET_KEY_FILE", "/nowhere/secret")]));
        assert!(message.contains("SECRET_KEY_FILE") && message.contains("/nowhere/secret"), "{message}");
        let empty = folder.path.join("empty");
        std::fs::write(&empty, " \n").unwrap();
        for name in ["SECRET_KEY_FILE", "SMTP_URL_FILE", "REDIS_URL_FILE", "DATABASE_URL_FILE"] {
            let message = only_problem(&env(&[(name, empty.to_str().unwrap())]));
            assert!(message.contains(name) && message.ends_with("is empty"), "{message}");
        }
        let message = only_problem(&env(&[("SECRET_KEY_FILE", path), ("SECRET_KEY", &key)]));
        assert!(message.contains("only one") && !message.contains(&key), "{message}");
        // A stronger layer makes the weaker one's file unimportant.
        assert!(
            problems(&env(&[("SECRET_KEY_FILE", "/nowhere/secret"), ("KEYWARD_SECRETS_KEY", &key)]))
                .is_empty()
        );
    }
}
