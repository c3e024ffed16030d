//! Where the mail server is: the URL that everybody writes. Owns what may stand in one, and how much TLS it asks for;
//! never shows what is secret in it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// `smtp://[user:password@]host[:587]`, which begins TLS by STARTTLS, or `smtps://[user:password@]host[:465]`, which is
/// TLS from the start. `?tls=required`, `opportunistic` or `none` says how much of it `smtp://` must have; `?ca=PATH`
/// names the authority to trust in place of the system's.
#[derive(Clone)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) login: Option<Login>,
    /// A file in PEM.
    pub(super) ca: Option<PathBuf>,
}

#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// From the first byte on.
    Implicit,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    None,
}

const FORM: &str = "smtp://USER:PASSWORD@HOST:587, or smtps://USER:PASSWORD@HOST:465";

impl SmtpUrl {
    /// # Errors
    /// One sentence on what is wrong. It repeats nothing of the text but the names of unknown parameters.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "is not an SMTP URL such as {FORM}; what is special in a password is written as % and its code, %40 for @"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let is_implicit = match scheme.to_ascii_lowercase().as_str() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(wrong()),
        };
        if rest.chars().any(|c| c.is_control() || c.is_whitespace() || c == '#') {
            return Err(wrong());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The rest of a password with a ? in it, rather than names of parameters.
        if query.contains('@') {
            return Err(wrong());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (host, port) = host_and_port(place).ok_or_else(wrong)?;
        let login = login.map(|login| Login::parse(login).ok_or_else(wrong)).transpose()?;
        if login.as_ref().is_some_and(|login| login.user.is_empty() || login.password.is_empty()) {
            return Err(format!("has a user or a password alone; it is written with both, {FORM}"));
        }
        let (tls, ca) = parameters(query)?;
        let tls = match (is_implicit, tls) {
            (true, None) => Tls::Implicit,
            (true, Some(_)) => return Err("is smtps://, which is TLS always; leave tls= out".into()),
            (false, Some(tls)) => tls,
            (false, None) if is_here(&host) || is_bare(&host) => Tls::Opportunistic,
            (false, None) => Tls::Required,
        };
        if ca.is_some() && tls == Tls::None {
            return Err("names an authority with ca=, and no TLS with tls=none".into());
        }
        let port = port.unwrap_or(if is_implicit { 465 } else { 587 });
        Ok(Self { host, port, tls, login, ca })
    }

    /// Whether mails may cross a foreign network in the clear.
    pub fn is_exposed(&self) -> bool {
        matches!(self.tls, Tls::Opportunistic | Tls::None) && !is_here(&self.host) && !is_bare(&self.host)
    }

    /// Whether user and password may be told to a server that talks without TLS.
    pub(super) fn may_tell_in_the_clear(&self) -> bool {
        self.tls == Tls::None || is_here(&self.host)
    }

    /// Whether whoever answers must show that it is the host. Where there need not be TLS at all, a certificate that
    /// nobody vouches for is better than none, unless a password goes over it.
    pub(super) fn must_prove_itself(&self) -> bool {
        match self.tls {
            Tls::Implicit | Tls::Required => true,
            Tls::Opportunistic => self.ca.is_some() || self.login.is_some() && !is_here(&self.host),
            Tls::None => false,
        }
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Some(Self { user: decoded(user)?, password: Zeroizing::new(decoded(password)?) })
    }
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (ip, rest) = rest.split_once(']')?;
            let ip: std::net::Ipv6Addr = ip.parse().ok()?;
            (ip.to_string(), if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            if host.is_empty() || host.len() > 253 || !host.chars().all(is_name) {
                return None;
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let digits = |port: &&str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port {
        None => Some((host, None)),
        Some(port) => {
            let port = Some(port).filter(digits)?.parse().ok().filter(|port| *port > 0)?;
            Some((host, Some(port)))
        }
    }
}

fn parameters(query: &str) -> Result<(Option<Tls>, Option<PathBuf>), String> {
    let (mut tls, mut ca) = (None, None);
    for (name, value) in query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
    {
        match name {
            "tls" => {
                tls = Some(match value {
                    "required" => Tls::Required,
                    "opportunistic" => Tls::Opportunistic,
                    "none" => Tls::None,
                    _ => return Err("has a tls= that is not one of required, opportunistic, none".into()),
                });
            }
            "ca" => {
                let path = decoded(value).filter(|path| !path.is_empty());
                ca = Some(PathBuf::from(path.ok_or("has a ca= without the path of a file")?));
            }
            other => return Err(format!("has the unknown parameter {other:?}; known are tls and ca")),
        }
    }
    Ok((tls, ca))
}

/// Takes `%40` for `@`. `None` where a % begins no code, or what comes out is no UTF-8 or holds control characters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A name of one label, which only one's own network knows.
fn is_bare(host: &str) -> bool {
    !host.contains(['.', ':'])
}

/// Without user and password.
impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == Tls::Implicit { "smtps" } else { "smtp" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_read() {
        use Tls::*;
        for (text, shown, tls) in [
            ("smtp://smtp.example.com", "smtp://smtp.example.com:587", Required),
            ("smtps://smtp.example.com", "smtps://smtp.example.com:465", Implicit),
            ("SMTP://kim:secret@Smtp.Example.com:25/", "smtp://smtp.example.com:25", Required),
            ("smtp://kim:secret/@10.0.0.7", "smtp://10.0.0.7:587", Required),
            ("smtp://localhost:1025", "smtp://localhost:1025", Opportunistic),
            ("smtp://mail:1025", "smtp://mail:1025", Opportunistic),
            ("smtp://127.0.0.1:1025", "smtp://127.0.0.1:1025", Opportunistic),
            ("smtp://[::1]:1025", "smtp://[::1]:1025", Opportunistic),
            ("smtp://[2001:db8::1]", "smtp://[2001:db8::1]:587", Required),
            ("smtp://mail?tls=required", "smtp://mail:587", Required),
            ("smtp://smtp.example.com?tls=none", "smtp://smtp.example.com:587", None),
            (
                "smtp://smtp.example.com/?tls=opportunistic&ca=%2Fetc/ca.pem",
                "smtp://smtp.example.com:587",
                Opportunistic,
            ),
        ] {
            let url = SmtpUrl::parse(text).unwrap_or_else(|message| panic!("{text}: {message}"));
            assert_eq!((url.to_string().as_str(), url.tls), (shown, tls), "{text}");
            assert!(!format!("{url:?}").contains("secret") && !format!("{url:?}").contains("kim"));
        }
        let url = SmtpUrl::parse("smtps://kim@example.com:p%40ss%3A%2f:w%25@h.test?ca=/c").unwrap();
        let login = url.login.unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("kim@example.com", "p@ss:/:w%"));
        assert_eq!(url.ca, Some(PathBuf::from("/c")));
    }

    #[test]
    fn what_is_wrong_is_said_and_secrets_are_not() {
        for (text, hint) in [
            ("", "is not an SMTP URL"),
            ("secret", "is not an SMTP URL"),
            ("http://kim:secret@h", "is not an SMTP URL"),
            ("smtp+starttls://kim:secret@h", "is not an SMTP URL"),
            ("smtp://kim:se?cret@h", "is not an SMTP URL"),
            ("smtp://kim:se#cret@h", "is not an SMTP URL"),
            ("smtp://kim:se cret@h", "is not an SMTP URL"),
            ("smtp://kim:secret%@h", "is not an SMTP URL"),
            ("smtp://kim:secret%4@h", "is not an SMTP URL"),
            ("smtp://kim:secret%ff@h", "is not an SMTP URL"),
            ("smtp://kim:secret%0d%0a@h", "is not an SMTP URL"),
            ("smtp://kim:secret@", "is not an SMTP URL"),
            ("smtp://kim:secret@h:", "is not an SMTP URL"),
            ("smtp://kim:secret@h:0", "is not an SMTP URL"),
            ("smtp://kim:secret@h:99999", "is not an SMTP URL"),
            ("smtp://kim:secret@h:+25", "is not an SMTP URL"),
            ("smtp://kim:secret@h/ehlo", "is not an SMTP URL"),
            ("smtp://kim:secret@[::1", "is not an SMTP URL"),
            ("smtp://kim:secret@b\u{fc}cher.test", "is not an SMTP URL"),
            ("smtp://secret@h", "both"),
            ("smtp://:secret@h", "both"),
            ("smtp://kim:@h", "both"),
            ("smtp://kim:secret@h?tls=yes", "required, opportunistic, none"),
            ("smtps://kim:secret@h?tls=none", "TLS always"),
            ("smtp://kim:secret@h?tls=none&ca=/secret", "ca="),
            ("smtp://kim:secret@h?ca=", "ca="),
            ("smtp://kim:secret@h?starttls=no", "\"starttls\""),
        ] {
            let message = SmtpUrl::parse(text).err().unwrap_or_else(|| panic!("{text}"));
            assert!(message.contains(hint), "{text}: {message}");
            assert!(!message.contains("secret") && !message.contains("kim"), "{text}: {message}");
        }
    }

    #[test]
    fn who_may_hear_what_in_the_clear() {
        for (text, exposed, tells, proves) in [
            ("smtp://u:p@smtp.example.com", false, false, true),
            ("smtps://u:p@smtp.example.com", false, false, true),
            ("smtp://u:p@smtp.example.com?tls=none", true, true, false),
            ("smtp://u:p@smtp.example.com?tls=opportunistic", true, false, true),
            ("smtp://smtp.example.com?tls=opportunistic", true, false, false),
            ("smtp://u:p@mail:1025", false, false, true),
            ("smtp://mail:1025", false, false, false),
            ("smtp://u:p@localhost:1025", false, true, false),
            ("smtp://localhost:1025?ca=/c", false, true, true),
            ("smtp://u:p@[::ffff:127.0.0.1]:1025", false, true, false),
            ("smtp://u:p@localhost.example.com?tls=opportunistic", true, false, true),
        ] {
            let url = SmtpUrl::parse(text).unwrap();
            assert_eq!(
                (url.is_exposed(), url.may_tell_in_the_clear(), url.must_prove_itself()),
                (exposed, tells, proves),
                "{text}"
            );
        }
    }
}
