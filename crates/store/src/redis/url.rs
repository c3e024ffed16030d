//! Where Redis is: the URL that everybody writes. Owns what may stand in one; never shows what is secret in it.

use redis::{ConnectionAddr, IntoConnectionInfo};
use std::fmt;
use std::path::PathBuf;

/// `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS; `valkey://` and `valkeys://` are the
/// same. With TLS, `?ca=PATH` names the authority to trust in place of the system's, `?cert=PATH&key=PATH` what to show.
#[derive(Clone)]
pub struct RedisUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: i64,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) tls: Option<Files>,
}

/// Files in PEM, each `None` unless it is named.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl RedisUrl {
    /// Whether passwords and data may cross a foreign network in the clear: the host is far, and there is no TLS.
    pub fn is_exposed(&self) -> bool {
        self.tls.is_none() && crate::is_far(&self.host)
    }

    /// # Errors
    /// One sentence on what is wrong. It repeats nothing of the text but the names of unknown parameters.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "redis://:PASSWORD@HOST:6379/0, or rediss:// for TLS";
        let wrong = || {
            format!(
                "is not a Redis URL such as {FORM}; what is special in a password is written as % and its code, %40 for @"
            )
        };
        let url = redis::parse_redis_url(text).ok_or_else(wrong)?;
        if !matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys") {
            return Err(format!("names a socket in a file, which is not supported; write {FORM}"));
        }
        // The rest of a password with a ? in it, rather than names of parameters.
        if url.query().is_some_and(|query| query.contains('@')) {
            return Err(wrong());
        }
        let mut files = Files::default();
        for (name, value) in url.query_pairs() {
            let place = match name.as_ref() {
                "ca" => &mut files.ca,
                "cert" => &mut files.cert,
                "key" => &mut files.key,
                other => {
                    return Err(format!("has the unknown parameter {other:?}; known are ca, cert and key"));
                }
            };
            *place = Some(PathBuf::from(value.as_ref()));
        }
        if url.fragment().is_some() {
            return Err(
                "ends in # and a word, which means nothing here: certificates are always verified".into()
            );
        }
        let info = url.into_connection_info().map_err(|_| wrong())?;
        let (host, port, tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port, None),
            ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port, Some(files.clone())),
            _ => return Err(wrong()),
        };
        let user = info.redis_settings().username().map(str::to_owned);
        let password = info.redis_settings().password().filter(|text| !text.is_empty()).map(str::to_owned);
        let any_file = files.ca.is_some() || files.cert.is_some() || files.key.is_some();
        if port == 0 {
            Err("names port 0, at which nothing can be reached".into())
        } else if info.redis_settings().db() < 0 {
            Err("names a database below 0".into())
        } else if user.is_some() && password.is_none() {
            Err("has a user and no password; a password alone is written with a colon before it: redis://:PASSWORD@HOST".into())
        } else if tls.is_none() && any_file {
            Err("names certificates without TLS; write rediss:// in place of redis://".into())
        } else if files.cert.is_some() != files.key.is_some() {
            Err("needs both cert and key, or neither".into())
        } else {
            Ok(Self { host, port, database: info.redis_settings().db(), user, password, tls })
        }
    }
}

/// Without user and password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}/{}", self.host, self.port, self.database)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_read() {
        for (text, shown) in [
            ("redis://cache", "redis://cache:6379/0"),
            ("redis://:secret@127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("rediss://kim:secret@[::1]:6380/", "rediss://[::1]:6380/0"),
            ("valkey://cache:1", "redis://cache:1/0"),
            ("valkeys://cache?ca=/etc/ca.pem", "rediss://cache:6379/0"),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("secret") && !format!("{url:?}").contains("kim"));
        }
        let url = RedisUrl::parse("rediss://kim:p%40ss@h/1?cert=/c&key=/k").unwrap();
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("kim"), Some("p@ss")));
        assert_eq!(url.tls.unwrap().key, Some(PathBuf::from("/k")));
    }

    #[test]
    fn what_is_wrong_is_said_and_secrets_are_not() {
        for (text, hint) in [
            ("secret", "is not a Redis URL"),
            ("http://:secret@h", "is not a Redis URL"),
            ("redis://:se/cret@h", "is not a Redis URL"),
            ("redis://kim:123?secret@h", "is not a Redis URL"),
            ("redis://:secret@h/x", "is not a Redis URL"),
            ("redis://:secret@h:99999", "is not a Redis URL"),
            ("redis://:secret@", "is not a Redis URL"),
            ("redis:///0", "is not a Redis URL"),
            ("redis://h:0", "port 0"),
            ("redis://:secret@h/-1", "below 0"),
            ("unix:///tmp/secret", "not supported"),
            ("redis://secret@h", "colon before it"),
            ("redis://:secret@h?ca=/secret", "rediss://"),
            ("rediss://:secret@h?cert=/secret", "both"),
            ("rediss://:secret@h?ssl_cert_reqs=none", "\"ssl_cert_reqs\""),
            ("rediss://:secret@h#insecure", "always verified"),
        ] {
            let message = RedisUrl::parse(text).unwrap_err();
            assert!(message.contains(hint), "{text}: {message}");
            assert!(!message.contains("secret"), "{text}: {message}");
        }
    }
}
