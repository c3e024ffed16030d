//! Usernames: what is accepted, and when two are the same or look the same.

use super::Invalid;

/// 3 to 32 of `a-z 0-9 . _ -`, beginning with a letter, in lower case; letter case of the input is folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// Names that would pass for the service itself or that are words of its routes.
const RESERVED: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "anonymous",
    "api",
    "auth",
    "everyone",
    "guest",
    "help",
    "hostmaster",
    "info",
    "keyward",
    "login",
    "logout",
    "mail",
    "me",
    "moderator",
    "nobody",
    "noreply",
    "no-reply",
    "null",
    "operator",
    "owner",
    "postmaster",
    "profile",
    "register",
    "root",
    "security",
    "setup",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "user",
    "username",
    "users",
    "webmaster",
];

impl Username {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = text.to_ascii_lowercase();
        let refuse = |detail: &str| Err(Invalid::new("invalid_username", detail));
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return refuse("a username may hold the letters a to z, digits, dot, underscore and hyphen");
        }
        if !(3..=32).contains(&name.len()) {
            return refuse("a username has 3 to 32 characters");
        }
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refuse("a username begins with a letter");
        }
        if name.ends_with(['.', '_', '-']) {
            return refuse("a username ends with a letter or a digit");
        }
        let bare = shape(&name.replace(['.', '_', '-'], ""));
        if RESERVED.iter().any(|word| bare == shape(&word.replace('-', ""))) {
            return Err(Invalid::new("reserved_username", "this username is reserved"));
        }
        Ok(Self(name))
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store: a later, stricter rule shuts nobody out.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the name looks like: two users never share it. The confusables of UTS 39 that lie within our alphabet, and
    /// `i` beside `l` and `1`, which many a font tells apart by a dot.
    pub fn shape(&self) -> String {
        shape(&self.0)
    }
}

fn shape(name: &str) -> String {
    name.replace('0', "o").replace(['1', 'i'], "l").replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for text in ["ada", "Ada.Lovelace", "a1_-.x", "carl0123456789"] {
            assert_eq!(Username::parse(text).unwrap().as_str(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn refused() {
        let long = "a".repeat(33);
        for text in [
            "",
            "ab",
            "1ab",
            ".ab",
            "a b",
            "a/b",
            "ada@example.com",
            "\u{430}dmin",
            "ａｄａ",
            "ad\u{200b}a",
            "ada\u{202e}",
            "ada ",
            "adá",
            "me",
            "Admin",
            "r00t",
            "nu11",
            "user",
            long.as_str(),
        ] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn look_alikes_share_a_shape() {
        for (one, other) in [
            ("paypal", "paypa1"),
            ("alice", "al1ce"),
            ("bob", "b0b"),
            ("arnold", "amold"),
            ("wendy", "vvendy"),
        ] {
            assert_eq!(Username::parse(one).unwrap().shape(), Username::parse(other).unwrap().shape());
        }
    }
}
