//! Why a MongoDB cannot be used, in one line for the operator: what is wrong, and what to do. Never a part of the user or the
//! password.

use super::trouble;
use mongodb::error::{Error, ErrorKind};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("{url} cannot be reached ({cause}); check host, port, firewall and TLS (?tls=true, tlsCAFile=)")]
    Unreachable { url: String, cause: String },
    #[error(
        "{url} refuses the user name or the password; check them, and ?authSource= where the user is not of that database"
    )]
    Login { url: String },
    #[error("{url} does not permit this ({cause}); the user needs the role readWrite on that database")]
    NoRight { url: String, cause: String },
    #[error("{url} is MongoDB {version}; Keyward needs 5.0 or newer")]
    Old { url: String, version: String },
    #[error(
        "{url}: the schema is of a newer Keyward: it has version {found}, and this one knows up to {known}; run the newer Keyward, or restore a backup from before it"
    )]
    Newer { url: String, found: i64, known: i64 },
    #[error("{url}: the URL cannot be used: {cause}")]
    Url { url: String, cause: String },
    #[error("{url}: {cause}")]
    Other { url: String, cause: String },
}

impl OpenError {
    pub(super) fn of(of: &super::MongoUrl, error: &Error) -> Self {
        let url = of.to_string();
        let code = trouble::code(error);
        let cause = trouble::told(error);
        match (&*error.kind, code) {
            (ErrorKind::Authentication { .. }, _) | (_, Some(18)) => Self::Login { url },
            (_, Some(13)) => Self::NoRight { url, cause },
            (ErrorKind::ServerSelection { message, .. }, _) if message.contains("requires at least") => {
                Self::Old { url, version: "of before 4.4".into() }
            }
            (ErrorKind::InvalidArgument { message, .. }, _) => Self::Url { url, cause: of.why(message) },
            (ErrorKind::InvalidTlsConfig { .. } | ErrorKind::DnsResolve { .. }, _) => {
                Self::Url { url, cause }
            }
            (
                ErrorKind::ServerSelection { .. }
                | ErrorKind::Io(_)
                | ErrorKind::ConnectionPoolCleared { .. },
                _,
            ) => Self::Unreachable { url, cause },
            (_, Some(13297)) => {
                Self::Url { url, cause: "a database whose name differs in capitals alone is there".into() }
            }
            _ => Self::Other { url, cause },
        }
    }
}
