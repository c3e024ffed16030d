//! The small values of a configuration and how they are written. Owns syntax; ranges and defaults stand in `settings`.

use super::secret::{Secret, looks_like_a_sample};
use ipnet::IpNet;
use keyward_auth::values::Locale;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What becomes of a field that no request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    Refuse,
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordAlgorithm {
    Argon2id,
    Bcrypt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Open,
    Closed,
}

/// Whether there is a development inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxChoice {
    /// If there is no other way, and nobody but this machine reaches the service.
    Auto,
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    Pretty,
    Json,
}

/// A range of addresses such as `10.0.0.0/8`, or one address. What everybody is in is refused.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    match text.parse::<IpNet>().ok().or_else(address) {
        None => Err(format!("`{text}` is neither an address nor a range such as 10.0.0.0/8")),
        Some(net) if net.prefix_len() == 0 => {
            Err(format!("`{text}` would let everybody choose their own address; list your proxies"))
        }
        Some(net) => Ok(net.trunc()),
    }
}

/// `127.0.0.1:8000`, `[::]:8000`, `localhost:8000` or `:8000`, which is every address of IPv4. Port 0 is any free one.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let full = match text.split_once(':') {
        Some(("", _)) => format!("0.0.0.0{text}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    full.parse().map_err(|_| format!("`{text}` is not an address and port such as 127.0.0.1:8000"))
}

/// A short text for a claim or a log filter: something, and nothing invisible.
pub(super) fn word(text: &str) -> Result<String, String> {
    let right = (1..=255).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if right { Ok(text.to_owned()) } else { Err("a text of 1 to 255 characters without blanks".into()) }
}

/// What stands in subjects and on pages: a few words on one line.
pub(super) fn product_name(text: &str) -> Result<String, String> {
    let right = (1..=60).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if right { Ok(text.to_owned()) } else { Err("a text of 1 to 60 characters on one line".into()) }
}

/// Whatever else it is, nobody changes it on the way: it is loaded by whoever reads a mail.
pub(super) fn logo(text: &str) -> Result<String, String> {
    let place = text.strip_prefix("https://").unwrap_or_default();
    let strange = |c: char| !c.is_ascii_graphic() || "\"'<>\\`{}|^".contains(c);
    let right = place.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 2000;
    if right && !text.contains(strange) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not an https:// URL"))
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.contains('\0') { Err("no path holds a NUL".into()) } else { Ok(PathBuf::from(text)) }
}

/// As S3 and what speaks like it name buckets.
pub(super) fn bucket_name(text: &str) -> Result<String, String> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let right = (3..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_known)
        && !text.contains("..");
    if right {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not the name of a bucket, of 3 to 63 letters, digits, dots and hyphens; its prefix is \
             pictures.prefix"
        ))
    }
}

/// Names of objects, joined by slashes: nothing that a URL, a folder or a signature could read in another way.
pub(super) fn key_prefix(text: &str) -> Result<String, String> {
    let is_plain = |name: &str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !name.is_empty() && !name.chars().all(|c| c == '.') && name.chars().all(is_known)
    };
    let text = text.trim_end_matches('/');
    if text.len() <= 255 && (text.is_empty() || text.split('/').all(is_plain)) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not a path such as accounts/pictures, of letters, digits, dot, underscore and hyphen"
        ))
    }
}

pub(super) fn language(text: &str) -> Result<String, String> {
    match Locale::parse(text) {
        Ok(locale) => Ok(locale.as_str().to_owned()),
        Err(_) => Err(format!("`{text}` is not a language tag such as en or pt-BR")),
    }
}

/// A level, or directives `target=level` separated by commas.
///
/// A directive that is a bare target is refused, though `tracing` knows it: a mistyped level would read as one, and
/// turn the log off.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let level = |text: &str| LEVELS.iter().any(|level| text.eq_ignore_ascii_case(level));
    let directive = |text: &str| match text.trim().rsplit_once('=') {
        Some((target, of)) => !target.trim().is_empty() && level(of.trim()),
        None => level(text.trim()),
    };
    if text.split(',').all(directive) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not one of error, warn, info, debug, trace, nor directives such as info,keyward_web=debug"
        ))
    }
}

/// Somebody who may introspect tokens with HTTP Basic.
#[derive(Debug, Clone)]
pub struct Caller {
    pub name: String,
    pub secret: Secret,
}

impl Caller {
    /// Name and secret in the clear, for whoever compares them.
    pub fn expose(&self) -> (&str, &[u8]) {
        (&self.name, self.secret.expose())
    }

    /// Reads `name:secret`. No message holds a part of the text: it is secret as a whole.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, secret) = text.split_once(':').ok_or("a caller is written name:secret")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
            return Err("a caller's name consists of letters, digits, dot, underscore and hyphen".into());
        }
        if secret.chars().count() < 16 {
            return Err(
                "a caller's secret has at least 16 characters; `openssl rand -hex 32` makes one".into()
            );
        }
        if looks_like_a_sample(secret) {
            return Err(
                "a caller's secret looks like one from an example; `openssl rand -hex 32` makes one".into()
            );
        }
        Ok(Self { name: name.to_owned(), secret: Secret::new(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), written);
        }
        for text in [
            "",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "::1/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "proxy",
            "*",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_to_listen_on() {
        for (text, address) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            (":8000", "0.0.0.0:8000"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::]:0", "[::]:0"),
        ] {
            assert_eq!(listen(text).unwrap().to_string(), address);
        }
        for text in
            ["", ":", "8000", "0.0.0.0", "0.0.0.0:70000", "http://127.0.0.1:80", "::1:80:x", "host:80"]
        {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_mails_look_like() {
        for text in ["K", "Bücher & Co", &"n".repeat(60)] {
            assert!(product_name(text).is_ok(), "{text}");
        }
        for text in ["", "a\nb", "a\u{85}b", &"n".repeat(61)] {
            assert!(product_name(text).is_err(), "{text}");
        }
        for text in ["https://a.example/logo.png", "https://a.example/l?a=1&b=%20#x"] {
            assert!(logo(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "http://a.example/l",
            "https://",
            "https:///l",
            "//a.example/l",
            "https://a/\"x",
            "https://a/ x",
            "data:x",
        ] {
            assert!(logo(text).is_err(), "{text}");
        }
        assert!(language("pt-BR").is_ok() && language("en_US").is_err() && language("../x").is_err());
        for text in ["abc", "example-pictures", "a.b.c"] {
            assert!(bucket_name(text).is_ok(), "{text}");
        }
        for text in ["", "ab", "a/b", "s3://abc", "...", "a..b", "-abc", "a b c", &"a".repeat(64)] {
            assert!(bucket_name(text).is_err(), "{text}");
        }
        for text in ["", "a", "accounts/pictures", "a.b/c_d-e", "a/"] {
            assert!(key_prefix(text).is_ok(), "{text}");
        }
        for text in ["/a", "a//b", "..", "a/../b", "a b", "a/./b", "ä", "a?b", "a%2fb"] {
            assert!(key_prefix(text).is_err(), "{text}");
        }
        assert!(path("./mails").is_ok() && path("a\0b").is_err());
    }

    #[test]
    fn filters() {
        for text in ["info", "TRACE", "off", "info,keyward_web=debug", "warn, a::b[span{x=1}]=trace"] {
            assert!(log_filter(text).is_ok(), "{text}");
        }
        for text in ["", "inof", "info,", "keyward_web", "keyward_web=loud", "=info"] {
            assert!(log_filter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn callers() {
        let caller = Caller::parse("gateway:c4nary:of-sixteen+").unwrap();
        assert_eq!(
            (caller.name.as_str(), caller.secret.expose()),
            ("gateway", b"c4nary:of-sixteen+".as_slice())
        );
        assert!(!format!("{caller:?}").contains("c4nary"));
        for text in [
            "",
            "c4nary",
            ":c4nary-c4nary-c4nary",
            "gate way:c4nary-c4nary-c4nary",
            "gateway:c4nary",
            "gateway:c4nary-changeme-c4nary",
        ] {
            assert!(!Caller::parse(text).unwrap_err().contains("c4nary"), "{text}");
        }
    }
}
