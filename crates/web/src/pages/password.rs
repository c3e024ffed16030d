//! The part of a form in which a new password is typed, twice where the page asks for that: without a script nobody can
//! look at what was typed. Whether the password is good enough is the flows' to know.

use super::{Reader, escaped};
use crate::fields::Fields;
use keyward_auth::values::{Invalid, Password};

impl Reader {
    /// Whose password it is, for people and for keepers of passwords. Without a name, so that it is not sent.
    pub(crate) fn account_input(&self, email: &str) -> String {
        let (label, email) = (self.words.email, escaped(email));
        format!(
            r#"<label>{label} <input type="email" value="{email}" readonly autocomplete="username"></label>
"#
        )
    }

    /// The two inputs, and how long a password must be.
    pub(crate) fn password_inputs(&self, shortest: usize) -> String {
        let words = self.words;
        let hint = self.filled(words.hint, &[("{n}", &shortest.to_string())]);
        let input = |label: &str, name: &str, more: &str| {
            format!(
                r#"<label>{label} <input type="password" name="{name}" required minlength="{shortest}" autocomplete="new-password"{more}></label>
"#
            )
        };
        let first = input(words.new_password, "password", r#" aria-describedby="hint""#);
        let second = input(words.repeat, "repeat", "");
        format!(
            r#"{first}<p class="hint" id="hint">{hint}</p>
{second}"#
        )
    }

    /// What was wrong with what was typed, by the code of the rule; nothing where nothing was.
    pub(crate) fn fault(&self, code: Option<&str>, shortest: usize) -> String {
        let Some(code) = code else { return String::new() };
        let text = self.filled(self.words.fault(code), &[("{n}", &shortest.to_string())]);
        format!(
            r#"<p class="fault" role="alert">{text}</p>
"#
        )
    }
}

/// The password that was typed; a form that does not ask for it twice sends it once.
pub(crate) fn typed(form: &mut Fields) -> Result<Password, Invalid> {
    let mut read = |name: &str| form.text(name, |text| Ok(text.to_owned()));
    let (password, repeated) = (read("password"), read("repeat"));
    let missing = || Invalid::new("required", "password is required");
    let parsed = Password::parse(&password.clone().ok_or_else(missing)?)?;
    match repeated {
        Some(repeated) if password.as_ref() != Some(&repeated) => {
            Err(Invalid::new("contradiction", "the two passwords are not the same"))
        }
        _ => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Unknown;
    use serde_json::{Map, Value};

    fn read(form: &[(&str, &str)]) -> Result<String, &'static str> {
        let members: Map<String, Value> =
            form.iter().map(|(n, v)| ((*n).to_owned(), Value::from(*v))).collect();
        let typed = typed(&mut Fields::new(members, Unknown::Ignore));
        typed.map(|password| password.expose().to_owned()).map_err(|invalid| invalid.code)
    }

    #[test]
    fn the_second_time_must_be_as_the_first_if_there_is_one() {
        assert_eq!(read(&[("password", " a b ")]), Ok(" a b ".into()));
        assert_eq!(read(&[("password", "a"), ("repeat", "a")]), Ok("a".into()));
        assert_eq!(read(&[("password", "a"), ("repeat", "b")]), Err("contradiction"));
        assert_eq!(read(&[("repeat", "a")]), Err("required"));
        assert_eq!(read(&[]), Err("required"));
        assert_eq!(read(&[("password", "a\0b")]), Err("invalid_password"));
    }
}
