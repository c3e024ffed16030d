//! The members of a body, read one by one into values. Every fault is noted with its member's name, so that a client
//! learns of all at once; what is left over is unknown, and refused.

use crate::problem::{FieldError, Problem};
use keyward_auth::values::Invalid;
use serde_json::{Map, Value};

/// Members that would give rights: never ignored, where a route does not know them.
const RIGHTS: &[&str] = &[
    "role",
    "roles",
    "is_admin",
    "admin",
    "is_superuser",
    "is_staff",
    "permissions",
    "scope",
    "scopes",
    "status",
    "disabled",
    "is_active",
    "active",
    "email_verified",
    "verified",
    "verified_at",
    "is_verified",
    "id",
    "sub",
    "user_id",
    "password_hash",
    "hash",
    "token_version",
    "epoch",
    "version",
];

pub(crate) struct Fields {
    members: Map<String, Value>,
    errors: Vec<FieldError>,
    ignores_unknown: Unknown,
}

/// What becomes of members that a route does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Refuse,
    /// Ignored, but for those that would give rights.
    IgnoreHarmless,
    /// All ignored: forms (RFC 6749, section 3.1).
    Ignore,
}

impl Fields {
    pub(crate) fn new(members: Map<String, Value>, ignores_unknown: Unknown) -> Self {
        Self { members, errors: Vec::new(), ignores_unknown }
    }

    pub(crate) fn refuse(&mut self, name: &str, invalid: Invalid) {
        self.errors.push(FieldError::new(name, invalid));
    }

    /// A member of any type, out of the rest.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Whether a member is there with a value: many clients send `null` for what they leave out.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Makes `synonym` another name of `name`; both at once must say the same.
    pub(crate) fn synonym(&mut self, name: &'static str, synonym: &str) {
        let Some(value) = self.take(synonym) else { return };
        match self.members.get(name) {
            Some(other) if *other != value => {
                let detail = format!("{synonym} and {name} are one thing, and say different ones");
                self.refuse(synonym, Invalid::new("contradiction", detail));
            }
            _ => {
                self.members.insert(name.to_owned(), value);
            }
        }
    }

    /// `None` if absent, `Some(None)` if `null`.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.take(name)? {
            Value::Null => Some(None),
            Value::String(text) => match parse(&text) {
                Ok(value) => Some(Some(value)),
                Err(invalid) => {
                    self.refuse(name, invalid);
                    None
                }
            },
            _ => {
                self.refuse(name, wrong_type("a string"));
                None
            }
        }
    }

    /// Absent and `null` alike are `None`.
    pub(crate) fn text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.optional(name, parse).flatten()
    }

    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.take(name);
            self.refuse(name, Invalid::new("required", format!("{name} is required")));
            return None;
        }
        self.text(name, parse)
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.refuse(name, wrong_type("true or false"));
                None
            }
        }
    }

    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Map<String, Value>) -> Result<T, Invalid>,
    ) -> Option<T> {
        let parsed = match self.take(name)? {
            Value::Null => parse(&Map::new()),
            Value::Object(object) => parse(&object),
            _ => Err(wrong_type("an object")),
        };
        parsed.map_err(|invalid| self.refuse(name, invalid)).ok()
    }

    /// A list of texts.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(name)? else {
            self.refuse(name, wrong_type("a list of strings"));
            return None;
        };
        let parsed = items.iter().map(|item| match item {
            Value::String(text) => parse(text),
            _ => Err(wrong_type("a list of strings")),
        });
        match parsed.collect() {
            Ok(values) => Some(values),
            Err(invalid) => {
                self.refuse(name, invalid);
                None
            }
        }
    }

    /// Lets a member pass unread.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.take(name);
        }
    }

    /// The value, if nothing was wrong with any member and none is left over.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        for name in self.members.keys() {
            let refused = match self.ignores_unknown {
                Unknown::Refuse => true,
                Unknown::IgnoreHarmless => RIGHTS.contains(&name.as_str()),
                Unknown::Ignore => false,
            };
            if refused {
                let unknown = Invalid::new("unknown_field", "there is no such field here");
                self.errors.push(FieldError::new(name, unknown));
            }
            // A body of a thousand unknown members is not answered with as many errors.
            if self.errors.len() >= 20 {
                break;
            }
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::fields(self.errors)),
        }
    }
}

pub(crate) fn wrong_type(what: &str) -> Invalid {
    Invalid::new("wrong_type", format!("this must be {what}"))
}
