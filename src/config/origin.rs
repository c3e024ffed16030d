//! Origins (RFC 6454): scheme, host and port, and nothing behind. The public URL and the CORS list are made of them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// `scheme://host[:port]` in the form that browsers send: lower case, without the scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// One of the origins that may call from a browser, as its `Origin` header says it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err("`*` would let every web site act for people who visit it; list the origins".into());
        }
        let (scheme, rest) =
            text.split_once("://").ok_or("an origin is written scheme://host or scheme://host:port")?;
        let right = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !right {
            return Err("an origin begins with a scheme such as https".into());
        }
        if rest.contains('@') {
            return Err("a name or password has no place in it".into());
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err("nothing may stand behind the host and port, also no slash".into());
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = host_and_port(rest)?;
        let own = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Ok(Self { scheme, host, port: port.filter(|port| Some(*port) != own) })
    }

    /// Where people and links reach the service. One slash at the end is taken as nothing.
    pub(super) fn parse_public(text: &str) -> Result<Self, String> {
        let origin = Self::parse(text.strip_suffix('/').unwrap_or(text))?;
        if !matches!(origin.scheme.as_str(), "http" | "https") {
            return Err("the public URL begins with https:// or http://".into());
        }
        Ok(origin)
    }

    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        let ip = self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        self.host == "localhost" || self.host.ends_with(".localhost") || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, rest)) => {
            let ip: Ipv6Addr = ip.parse().map_err(|_| "the address in brackets is not one of IPv6")?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').unwrap_or("-")) };
            (format!("[{ip}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    let name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !host.starts_with('[') && (host.is_empty() || !host.chars().all(name)) {
        return Err(
            "the host is a name of letters, digits, dots and hyphens (international ones as xn--...)".into(),
        );
    }
    let digits = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    let port = port.map(|port| {
        port.parse::<u16>().ok().filter(|p| *p > 0 && digits(port)).ok_or("a port is 1 to 65535")
    });
    Ok((host, port.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, written) in [
            ("https://App.Example.org", "https://app.example.org"),
            ("https://app.example.org:443", "https://app.example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), written);
        }
        assert_eq!(Origin::parse_public("https://a.example/").unwrap().to_string(), "https://a.example");
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "*",
            "null",
            "example.org",
            "https://",
            "https://a b",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u:p@a",
            "https://a:",
            "https://a:0",
            "https://a:99999",
            "https://a:+80",
            "https://[::1",
            "https://[::g]",
            "https://[::1]x",
            "https://*.a.example",
            "https://b\u{fc}cher.example",
            "://a",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
        for text in
            ["ftp://a.example", "https://a.example/auth", "https://a.example//", "https://a.example/?x"]
        {
            assert!(Origin::parse_public(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback() {
        for (text, loopback) in [
            ("http://localhost", true),
            ("http://127.0.0.1:8000", true),
            ("http://[::1]:8000", true),
            ("http://a.localhost", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(Origin::parse(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
