//! The URL of a PostgreSQL server, as libpq, asyncpg and SQLAlchemy write it. Owns what it may hold and what is said of a
//! wrong one: never a part of the user or the password. Connects nothing.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::ChannelBinding;

/// How much TLS, in the words of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Where the certificates are whose signature makes a server trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    Unset,
    System,
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSettings {
    pub(super) mode: TlsMode,
    pub(super) roots: Roots,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// A checked URL. `Debug` and `Display` show hosts and database alone: `postgres://host:port/database`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// Everything but hosts and TLS.
    pub(super) config: Config,
    /// Names, addresses or folders of Unix sockets, each with its port.
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) tls: TlsSettings,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) pgbouncer: bool,
}

impl PostgresUrl {
    /// Whether passwords and data may cross a foreign network in the clear: the host is far, and TLS is not asked for.
    pub fn is_exposed(&self) -> bool {
        let is_optional = matches!(self.tls.mode, TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer);
        is_optional && self.hosts.iter().any(|(host, _)| crate::is_far(host))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (open, close) =
                if host.contains(':') && !host.starts_with('/') { ("[", "]") } else { ("", "") };
            write!(f, "{comma}{open}{host}{close}:{port}")?;
        }
        self.config.get_dbname().map_or(Ok(()), |database| write!(f, "/{database}"))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const SHAPE: &str = "write postgres://user:password@host:5432/database";
const SIGNS: &str = "in a user or a password, write %40 for @, %2F for /, %3F for ?, %3A for :, %25 for %";

impl PostgresUrl {
    /// Takes `postgres://` and `postgresql://`, also with a driver as in `postgresql+asyncpg://`, several hosts, and the
    /// parameters of libpq that Keyward has a use for.
    ///
    /// # Errors
    /// One line that says what is wrong, with no part of user or password in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(SHAPE)?;
        let (name, driver) = scheme.split_once('+').map_or((scheme, None), |(name, of)| (name, Some(of)));
        let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !matches!(name, "postgres" | "postgresql") || !driver.is_none_or(is_word) {
            return Err(SHAPE.into());
        }
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        // Before anything of it is repeated: what looks like a path may be the end of a password.
        if path.contains(['@', '/']) || query.contains('@') {
            return Err(SIGNS.into());
        }
        let (login, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(login, hosts)| (Some(login), hosts));
        let mut url = Self {
            config: Config::new(),
            hosts: Vec::new(),
            tls: TlsSettings { mode: TlsMode::Prefer, roots: Roots::Unset, certificate: None, key: None },
            connect_timeout: None,
            pgbouncer: false,
        };
        url.config.application_name("keyward").keepalives_idle(Duration::from_secs(30));
        url.config.keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        url.login(login.unwrap_or_default())?;
        let mut places = Places::default();
        places.read(hosts)?;
        if !path.is_empty() {
            url.config.dbname(decoded(path)?);
        }
        let mut mode = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) =
                pair.split_once('=').ok_or("a parameter of the URL has no value: write name=value")?;
            let (name, value) = (decoded(name)?, decoded(value)?);
            match name.as_str() {
                "host" => places.hosts = value.split(',').map(str::to_owned).collect(),
                "port" => places.ports = value.split(',').map(port).collect::<Result<_, _>>()?,
                "sslmode" | "ssl" => mode = Some(tls_mode(&name, &value)?),
                _ => url.parameter(&name, &value)?,
            }
        }
        url.hosts = places.pairs()?;
        url.tls.mode = url.mode(mode)?;
        Ok(url)
    }

    fn login(&mut self, login: &str) -> Result<(), String> {
        let (user, password) = login.split_once(':').map_or((login, None), |(user, of)| (user, Some(of)));
        if !user.is_empty() {
            self.config.user(decoded(user)?);
        }
        if let Some(password) = password {
            self.config.password(decoded(password)?);
        }
        Ok(())
    }

    fn parameter(&mut self, name: &str, value: &str) -> Result<(), String> {
        let seconds = || whole(name, value).map(Duration::from_secs);
        match name {
            "user" => _ = self.config.user(value),
            "password" => _ = self.config.password(value),
            "dbname" => _ = self.config.dbname(value),
            "application_name" => _ = self.config.application_name(value),
            "options" => _ = self.config.options(value),
            "sslrootcert" if value == "system" => self.tls.roots = Roots::System,
            "sslrootcert" => self.tls.roots = Roots::File(value.into()),
            "sslcert" => self.tls.certificate = Some(value.into()),
            "sslkey" => self.tls.key = Some(value.into()),
            "connect_timeout" => self.connect_timeout = Some(seconds()?).filter(|limit| !limit.is_zero()),
            // A store that cannot be written is of no use, whichever of these was asked for.
            "target_session_attrs" => one_of(name, value, &["any", "read-write", "primary"])?,
            "channel_binding" => {
                one_of(name, value, &["disable", "prefer", "require"])?;
                _ = self.config.channel_binding(match value {
                    "disable" => ChannelBinding::Disable,
                    "require" => ChannelBinding::Require,
                    _ => ChannelBinding::Prefer,
                });
            }
            "keepalives" => _ = self.config.keepalives(whole(name, value)? != 0),
            "keepalives_idle" => _ = self.config.keepalives_idle(seconds()?),
            "keepalives_interval" => _ = self.config.keepalives_interval(seconds()?),
            "keepalives_count" => {
                let count = u32::try_from(whole(name, value)?).unwrap_or(u32::MAX);
                _ = self.config.keepalives_retries(count);
            }
            "pgbouncer" => {
                one_of(name, value, &["true", "false"])?;
                self.pgbouncer = value == "true";
            }
            _ => return Err(format!("Keyward does not know the URL's parameter {name}; leave it out")),
        }
        Ok(())
    }

    /// The mode of TLS that all parameters together ask for, as libpq has it.
    fn mode(&self, asked: Option<TlsMode>) -> Result<TlsMode, String> {
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err("sslcert and sslkey go together: give both or none".into());
        }
        match (asked, &self.tls.roots) {
            (None | Some(TlsMode::VerifyFull), Roots::System) => Ok(TlsMode::VerifyFull),
            (Some(_), Roots::System) => Err("sslrootcert=system needs sslmode=verify-full".into()),
            (Some(TlsMode::Require), Roots::File(_)) => Ok(TlsMode::VerifyCa),
            (asked, _) => Ok(asked.unwrap_or(TlsMode::Prefer)),
        }
    }
}

/// Hosts and ports, which may be given in different places.
#[derive(Default)]
struct Places {
    hosts: Vec<String>,
    ports: Vec<u16>,
}

impl Places {
    /// `host:port,[::1]:port,%2Ffolder`, each port optional.
    fn read(&mut self, text: &str) -> Result<(), String> {
        for place in text.split(',').filter(|place| !place.is_empty()) {
            let (host, after) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((host, after)) => (host, after),
                None => place.split_at(place.find(':').unwrap_or(place.len())),
            };
            self.hosts.push(decoded(host)?);
            self.ports.push(match after.strip_prefix(':') {
                Some(number) => port(number)?,
                None if after.is_empty() => port("")?,
                None => return Err(SHAPE.into()),
            });
        }
        Ok(())
    }

    fn pairs(self) -> Result<Vec<(String, u16)>, String> {
        if self.hosts.is_empty() || self.hosts.iter().any(String::is_empty) {
            return Err(format!("the URL has no host: {SHAPE}"));
        }
        let port_of = |index: usize| match self.ports.as_slice() {
            [] => Some(5432),
            [one] => Some(*one),
            many => many.get(index).copied(),
        };
        let pairs = self.hosts.into_iter().enumerate();
        let pairs = pairs.map(|(index, host)| port_of(index).map(|port| (host, port)));
        pairs.collect::<Option<_>>().ok_or_else(|| "the URL has fewer ports than hosts".into())
    }
}

/// Does not repeat what it is given: an unmasked sign may have made a password of it.
fn port(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Ok(5432);
    }
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| format!("the port is not a number from 1 to 65535; {SIGNS}"))
}

fn tls_mode(name: &str, value: &str) -> Result<TlsMode, String> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" => TlsMode::Allow,
        "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        // As Python's drivers have it.
        "true" if name == "ssl" => TlsMode::Require,
        "false" if name == "ssl" => TlsMode::Disable,
        _ => {
            return Err(format!(
                "{name} is none of disable, allow, prefer, require, verify-ca and verify-full"
            ));
        }
    })
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&value) { Ok(()) } else { Err(format!("{name} is none of {}", known.join(", "))) }
}

fn whole(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{name} is not a whole number"))
}

/// With `%41` for `A`.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = more.split_at_checked(2).and_then(|(digits, more)| {
            rest = more;
            let digits = std::str::from_utf8(digits).ok()?;
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(digits)
        });
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.filter(|byte| *byte != 0).ok_or_else(|| SIGNS.to_owned())?);
    }
    String::from_utf8(bytes).map_err(|_| "the URL is not UTF-8".into())
}
