//! The URL of a MongoDB server or cluster, as all drivers write it. Owns what it may hold and what is said of a wrong one:
//! never a part of the user or the password. Resolves and connects nothing; the driver reads the rest of it.

use mongodb::error::ErrorKind;
use mongodb::options::ConnectionString;
use std::fmt;
use std::net::Ipv6Addr;

/// What the URL does not name.
const DATABASE: &str = "keyward";
const SHAPE: &str =
    "write mongodb://user:password@host:27017/database, or mongodb+srv://user:password@host/database";
const SIGNS: &str =
    "in a user or a password, write %40 for @, %2F for /, %3F for ?, %23 for #, %3A for :, %25 for %";

/// Options of other drivers and other uses, and why none of them is taken.
const REFUSED: &[(&str, &str)] = &[
    ("tlsInsecure", "whoever is between could read everything; name the authority with tlsCAFile"),
    (
        "tlsAllowInvalidCertificates",
        "whoever is between could read everything; name the authority with tlsCAFile",
    ),
    ("tlsAllowInvalidHostnames", "whoever is between could read everything; use the name in the certificate"),
    ("compressors", "nothing is compressed"),
    ("loadBalanced", "Keyward finds the servers by itself"),
    ("socketTimeoutMS", "store.timeout is the limit of everything that is asked"),
    ("timeoutMS", "store.timeout is the limit of everything that is asked"),
];

/// A checked URL. `Debug` and `Display` show hosts and database alone: `mongodb://host:port/database`.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoUrl {
    /// As it was given, with user and password.
    pub(super) text: String,
    scheme: &'static str,
    hosts: String,
    pub(super) database: String,
    is_encrypted: bool,
}

impl MongoUrl {
    /// Takes `mongodb://` with one host or several, and `mongodb+srv://`.
    ///
    /// # Errors
    /// One line that says what is wrong, with no part of user or password in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(SHAPE)?;
        let scheme = ["mongodb", "mongodb+srv"]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known))
            .ok_or(SHAPE)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Before anything of it is repeated: what looks like a path may be the end of a password.
        if path.contains(['@', '/', ':']) || query.contains('@') || text.contains('#') {
            return Err(SIGNS.into());
        }
        let (login, hosts) =
            authority.rsplit_once('@').map_or(("", authority), |(login, hosts)| (login, hosts));
        if login.contains('@') || login.matches(':').count() > 1 {
            return Err(SIGNS.into());
        }
        // Where the host was forgotten, a password looks like a port; where too much is escaped, it is in a name.
        if !hosts.split(',').all(is_host) {
            return Err(format!("the name or the port of a host is missing or wrong; {SHAPE}; {SIGNS}"));
        }
        let is_name = |name: &str| {
            name.len() <= 63 && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign))
        };
        if ["admin", "local", "config"].contains(&path.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "the database {path} is the server's own; write /keyward, and ?authSource={path} if the user is of it"
            ));
        }
        if !is_name(path) {
            return Err("the name of a database has up to 63 letters, digits, - and _".into());
        }
        let keys = || query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
        if let Some((name, why)) =
            REFUSED.iter().find(|(name, _)| keys().any(|key| key.eq_ignore_ascii_case(name)))
        {
            return Err(format!("leave out {name}: {why}"));
        }
        let parameter = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        let is_on = |name: &str| parameter(name).map(|(_, value)| value.eq_ignore_ascii_case("true"));
        let is_encrypted = is_on("tls").or(is_on("ssl")).unwrap_or(scheme.ends_with("srv"));
        let url = Self {
            // The scheme in the driver's letters.
            text: format!("{scheme}{}", text.get(scheme.len()..).unwrap_or_default()),
            scheme,
            hosts: hosts.to_owned(),
            database: if path.is_empty() { DATABASE } else { path }.to_owned(),
            is_encrypted,
        };
        match ConnectionString::parse(&url.text) {
            Ok(_) => Ok(url),
            Err(error) => Err(match &*error.kind {
                ErrorKind::InvalidArgument { message, .. } => url.why(message),
                _ => SHAPE.into(),
            }),
        }
    }

    /// What the driver does not take, in words of our own: its repeat names and values, and either may be a part of a password
    /// in which a sign was not escaped.
    pub(super) fn why(&self, message: &str) -> String {
        let query = self.text.split_once('?').map_or("", |(_, query)| query);
        let message = message.to_ascii_lowercase();
        let is_named = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_in = |text: &str| !text.is_empty() && message.contains(&text.to_ascii_lowercase());
            is_in(name) || is_in(value)
        };
        match query.split('&').position(is_named) {
            Some(before) => {
                let what = if message.contains("option") && !message.contains("must") {
                    "is none that MongoDB's drivers know, or not written name=value"
                } else {
                    "has a value that it cannot have"
                };
                format!("option {} behind the ? {what}; {SIGNS}", before + 1)
            }
            None => format!("hosts and options do not go together; {SHAPE}"),
        }
    }

    /// Whether DNS names the servers, which are a set then.
    pub(super) fn is_srv(&self) -> bool {
        self.scheme.ends_with("srv")
    }

    /// Whether passwords and data may cross a foreign network in the clear: a host is far, and there is no TLS.
    pub fn is_exposed(&self) -> bool {
        let name = |host: &str| {
            host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned()
        };
        let is_socket = |host: &str| host.ends_with(".sock");
        !self.is_encrypted && self.hosts.split(',').any(|host| !is_socket(host) && crate::is_far(&name(host)))
    }
}

impl fmt::Display for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme, self.hosts, self.database)
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `name`, `name:port`, `[::1]:port` or a socket's escaped path.
fn is_host(host: &str) -> bool {
    if host.ends_with(".sock") {
        let mut parts = host.split('%');
        let is_plain =
            |text: &str| text.chars().all(|sign| sign.is_ascii_alphanumeric() || "-._".contains(sign));
        return parts.next() == Some("")
            && parts.all(|part| {
                part.strip_prefix("2F").or_else(|| part.strip_prefix("2f")).is_some_and(is_plain)
            });
    }
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((number, port)) if number.parse::<Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !name.is_empty()
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || "-._".contains(sign))
        && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_and_shown_without_user_and_password() {
        for (text, shown) in [
            ("mongodb://localhost", "mongodb://localhost/keyward"),
            ("mongodb://u:canary@h:27018/accounts", "mongodb://h:27018/accounts"),
            ("MONGODB://u:canary@h/", "mongodb://h/keyward"),
            ("mongodb://u:canary@a:1,b:2/d?replicaSet=rs0&authSource=admin", "mongodb://a:1,b:2/d"),
            (
                "mongodb+srv://u:can%40ary@cluster0.example.net/?retryWrites=true&w=majority",
                "mongodb+srv://cluster0.example.net/keyward",
            ),
            ("mongodb://[::1]:27017/d", "mongodb://[::1]:27017/d"),
        ] {
            let url = MongoUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown), "{text}");
        }
    }

    #[test]
    fn refused_without_a_word_of_the_secret() {
        for text in [
            "mongodb:",
            "mongodb://",
            "mongodb://u:kanary@/d",
            "mongodb://u:kan@ary@h/d",
            "mongodb://u:kan/ary@h/d",
            "mongodb://u:kan?ary@h/d",
            "mongodb://u:kan#ary@h/d",
            "mongodb://u:kan:ary@h/d",
            "mongodb://u:kanary@h/a.b",
            "mongodb://u:kanary@h/admin",
            "mongodb://u:kanary@h/a$b",
            "mongo://u:kanary@h/d",
            "mongodb://u:kanary@h/d?nonsense=kanary",
            "mongodb://u:kanary@h/d?maxIdleTimeMS=kanary",
            "mongodb://u:kan%ary@h/d",
            "mongodb://u:kanary@h:99999/d",
            "mongodb://u:kanary",
            "mongodb://u:kanary/d",
            "mongodb://u:kanary%40h:27017/d",
            "mongodb://u:kan%61ry@h%3A27017/d",
            "mongodb://[kanary]/d",
            "mongodb://[u:kanary/d",
            "mongodb://u:s@h,kanary:x/d",
            "mongodb://u:kanary@h/d?tls=maybe",
            "mongodb://u:s@h/d?authMechanism=kanary",
            "mongodb://u:s@h/d?authMechanismProperties=kan%61ry",
            "mongodb+srv://u:kanary@h:1/d",
            "mongodb://u%3Akanary%40%2Ftmp%2Fmongo.sock/d",
            "mongodb://u:s@h/d?kanary",
            "mongodb://u:1?kanary",
            "mongodb://u:s@h/d?tls=true&xkanary=1",
            "mongodb://u:s@h/d?appName=ka&authMechanism=kanary",
        ] {
            let message = MongoUrl::parse(text).unwrap_err();
            assert!(!message.contains("kan") && !message.contains("ary@"), "{text}: {message}");
        }
    }

    #[test]
    fn an_option_that_is_not_taken_is_named() {
        for option in
            ["tlsInsecure=true", "TLSAllowInvalidCertificates=true", "compressors=zlib", "loadBalanced=true"]
        {
            let message = MongoUrl::parse(&format!("mongodb://u:canary@h/d?tls=true&{option}")).unwrap_err();
            let name = option.split('=').next().unwrap().to_ascii_lowercase();
            assert!(message.to_ascii_lowercase().contains(&name) && !message.contains("canary"), "{message}");
        }
        MongoUrl::parse("mongodb://h/d?retryWrites=true&w=majority&appName=Cluster0&authSource=admin")
            .unwrap();
    }

    #[test]
    fn what_crosses_a_foreign_network_in_the_clear_is_seen() {
        for (text, is_exposed) in [
            ("mongodb://db.example.com/", true),
            ("mongodb://db.example.com/?tls=true", false),
            ("mongodb://db.example.com/?ssl=true", false),
            ("mongodb+srv://db.example.com/", false),
            ("mongodb+srv://db.example.com/?tls=false", true),
            ("mongodb://10.0.0.7:27017,8.8.8.8/", true),
            ("mongodb://10.0.0.7:27017,mongo/", false),
            ("mongodb://[::1]:27017/", false),
            ("mongodb://%2Ftmp%2Fmongodb-27017.sock/", false),
        ] {
            assert_eq!(MongoUrl::parse(text).unwrap().is_exposed(), is_exposed, "{text}");
        }
    }
}
