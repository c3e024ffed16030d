//! What may be wrong with Redis: to the operator, as a line that says what to do, and to a flow, as a failure of the
//! store. A server's own words are repeated only where they cannot hold a password.

use keyward_auth::records::StoreError;
use redis::{ErrorKind, RedisError, ServerError};
use std::path::PathBuf;
use std::time::Duration;

/// Why a Redis cannot be used, in one line for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{server} {trouble}")]
pub struct OpenError {
    pub(super) server: String,
    pub(super) trouble: Trouble,
}

/// Reads on from the name of the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("cannot be reached ({0}); see that Redis runs there, and that host and port are right")]
    Unreachable(String),
    #[error("does not answer within {} s; see that it is Redis, that it is not overloaded, and that it speaks TLS if the URL says rediss", .0.as_secs_f32())]
    Late(Duration),
    #[error(
        "ended the connection; see that it is Redis, and if it asks for TLS, write rediss:// in place of redis://"
    )]
    Closed,
    #[error("does not answer as Redis does; see that host and port are right")]
    NotRedis,
    #[error("cannot be asked without {} ({cause}); name a file in PEM that Keyward may read", path.display())]
    File { path: PathBuf, cause: String },
    #[error(
        "fails at TLS ({0}); see that it speaks TLS there, and name its authority with ?ca=PATH if the system does not trust it"
    )]
    Tls(String),
    #[error("asks for a certificate of its clients ({0}); name one that it trusts with ?cert=PATH&key=PATH")]
    Certificate(String),
    #[error("asks for a password; put it into the URL: redis://:PASSWORD@HOST")]
    NoPassword,
    #[error("refuses the user or the password of the URL; put the right ones there")]
    WrongPassword,
    #[error(
        "asks for no password, but the URL has one; take it out, or set one with requirepass or ACL SETUSER"
    )]
    NeedlessPassword,
    #[error("is in protected mode: it takes connections from its own machine only; set a password there")]
    Protected,
    #[error("has too many clients; raise its maxclients")]
    Crowded,
    #[error("has no database {0}; put another number at the end of the URL")]
    Database(i64),
    #[error("is still loading its data; wait until it has")]
    Loading,
    #[error("is a read-only replica; name the primary")]
    ReadOnly,
    #[error("is a node of a cluster, which is not supported yet; name a Redis without cluster_enabled")]
    Cluster,
    #[error("is a Sentinel, which is not supported yet; name the primary that it watches")]
    Sentinel,
    #[error("is Redis {0}, which is too old; 6.2 or newer is needed")]
    Old(String),
    #[error(
        "does not let the URL's user do all that is needed (missing: {missing}); give it: ACL SETUSER NAME {rule}"
    )]
    Rights { missing: String, rule: String },
    #[error("refuses: {0}")]
    Refused(String),
}

impl Trouble {
    /// What an error of the wire is, before or between commands.
    pub(super) fn of_wire(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Parse => Self::NotRedis,
            _ if error.is_connection_dropped() => Self::Closed,
            _ => {
                // TLS 1.3 refuses a client after its handshake.
                let text = error.to_string();
                if text.contains("alert") { Self::Certificate(text) } else { Self::Unreachable(text) }
            }
        }
    }

    /// What the answer to a command other than AUTH is.
    pub(super) fn of_answer(error: &ServerError) -> Self {
        let text = error.details().unwrap_or_default();
        match error.code() {
            "NOAUTH" => Self::NoPassword,
            "DENIED" => Self::Protected,
            "LOADING" => Self::Loading,
            "READONLY" | "MASTERDOWN" => Self::ReadOnly,
            "MOVED" | "CLUSTERDOWN" | "CROSSSLOT" => Self::Cluster,
            _ if text.contains("max number of clients") => Self::Crowded,
            code => Self::Refused(format!("{code} {text}")),
        }
    }

    /// What the answer to AUTH is; its words may hold what was sent.
    pub(super) fn of_auth(error: &ServerError) -> Self {
        match error.code() {
            "ERR" if error.details().is_some_and(|text| text.contains("without any password")) => {
                Self::NeedlessPassword
            }
            "WRONGPASS" | "ERR" => Self::WrongPassword,
            _ => match Self::of_answer(error) {
                Self::Refused(_) => Self::WrongPassword,
                other => other,
            },
        }
    }
}

/// Why a command brought nothing. The texts are for the log alone.
#[derive(Debug)]
pub(super) enum Failure {
    /// Redis does not know the script; nothing has been carried out.
    NoScript,
    /// It has certainly not been carried out.
    Refused(String),
    /// It may have been.
    Unknown(String),
}

impl Failure {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::NoScript => "Redis does not keep scripts",
            Self::Refused(text) | Self::Unknown(text) => text,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Backend(failure.text().to_owned())
    }
}

/// Whether Redis answers like this only until it is asked over a new connection, perhaps to another server: after a
/// failover, or while it loads.
pub(super) fn is_passing(error: &ServerError) -> bool {
    matches!(error.code(), "READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH" | "CLUSTERDOWN" | "MOVED")
}

/// Whether Redis goes on answering reads, but takes no writes for now.
pub(super) fn is_full(error: &ServerError) -> bool {
    matches!(error.code(), "OOM" | "MISCONF" | "NOREPLICAS")
}
