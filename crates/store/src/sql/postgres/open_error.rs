//! Why a server cannot be used, in one line for the operator that says what to do. The URL in it is without user and
//! password.

use super::PostgresUrl;
use super::error::{is_of_pooler, text};
use super::link::NoSession;
use super::tls::TlsError;
use crate::sql::SchemaError;
use std::error::Error as _;
use std::io;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{url}: no answer ({cause}); is the server running there, and may this machine reach it?")]
    Unreachable { url: String, cause: String },
    #[error(
        "{url}: the server refused user or password ({cause}); see user, password and database in the URL, and pg_hba.conf"
    )]
    Login { url: String, cause: String },
    #[error(
        "{url}: there is no such database; make it (CREATE DATABASE ... ENCODING 'UTF8'), or give another in the URL"
    )]
    NoDatabase { url: String },
    #[error(
        "{url}: {cause}; give Keyward's role the right: GRANT CREATE, USAGE ON SCHEMA public, or make it the owner of the database"
    )]
    NoRight { url: String, cause: String },
    #[error(
        "{url}: {cause}; give Keyward's role its tables: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    )]
    NoTable { url: String, cause: String },
    #[error("{url}: PostgreSQL {version} is too old; Keyward needs 14 or newer")]
    Old { url: String, version: String },
    #[error("{url}: the database's encoding is {encoding}; make one with ENCODING 'UTF8'")]
    Encoding { url: String, encoding: String },
    #[error(
        "{url}: it can only be read; give the URL of the primary, or of all servers: host1:5432,host2:5432"
    )]
    ReadOnly { url: String },
    #[error("{url}: {cause}")]
    Tls { url: String, cause: String },
    #[error("{url}: a pooler such as PgBouncer is in between; set store.pgbouncer = true")]
    Pooler { url: String },
    #[error(
        "{url}: no connection is free on the server ({cause}); lower store.connections, or raise max_connections"
    )]
    Full { url: String, cause: String },
    #[error("{url}: {cause}")]
    Schema { url: String, cause: SchemaError },
    #[error("{url}: {cause}")]
    Other { url: String, cause: String },
}

impl ServerError {
    pub(super) fn of_tls(url: &PostgresUrl, error: &TlsError) -> Self {
        Self::Tls { url: url.to_string(), cause: error.to_string() }
    }

    pub(super) fn of_session(url: &PostgresUrl, error: &NoSession) -> Self {
        match error {
            NoSession::Late(limit) => {
                Self::Unreachable { url: url.to_string(), cause: format!("within {limit:?}") }
            }
            NoSession::ReadOnly => Self::ReadOnly { url: url.to_string() },
            NoSession::Failed(error) => Self::of(url, error),
        }
    }

    pub(super) fn of(url: &PostgresUrl, error: &Error) -> Self {
        let (url, cause) = (url.to_string(), text(error));
        let Some(code) = error.code() else { return Self::of_line(url, cause, error) };
        if is_of_pooler(error) {
            return Self::Pooler { url };
        }
        let is = |codes: &[SqlState]| codes.contains(code);
        if is(&[SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION]) {
            return Self::of_login(url, cause);
        }
        if is(&[SqlState::UNDEFINED_DATABASE]) {
            return Self::NoDatabase { url };
        }
        if is(&[SqlState::INSUFFICIENT_PRIVILEGE]) && cause.contains("for table") {
            return Self::NoTable { url, cause };
        }
        if is(&[SqlState::INSUFFICIENT_PRIVILEGE, SqlState::INVALID_SCHEMA_NAME]) {
            return Self::NoRight { url, cause };
        }
        if is(&[SqlState::READ_ONLY_SQL_TRANSACTION]) {
            return Self::ReadOnly { url };
        }
        if is(&[SqlState::TOO_MANY_CONNECTIONS]) {
            return Self::Full { url, cause };
        }
        if is(&[SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN]) {
            return Self::Unreachable { url, cause };
        }
        Self::Other { url, cause }
    }

    /// `pg_hba.conf` may ask for TLS, or refuse it.
    fn of_login(url: String, cause: String) -> Self {
        if cause.contains("no encryption") || cause.contains("SSL off") {
            let cause =
                format!("{cause}; if the server wants TLS, put ?sslmode=require at the end of the URL");
            return Self::Login { url, cause };
        }
        Self::Login { url, cause }
    }

    /// What is not the server's word.
    fn of_line(url: String, cause: String, error: &Error) -> Self {
        let about = error.to_string();
        let kind = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        match kind {
            _ if about.contains("TLS") => Self::Tls { url, cause: tls_cause(&cause) },
            Some(_) => Self::Unreachable { url, cause },
            _ if cause.contains("channel binding") => {
                let cause = format!("{cause}; channel_binding=require needs TLS, and SCRAM for this role");
                Self::Login { url, cause }
            }
            _ if about.contains("configuration") => {
                Self::Login { url, cause: "the server asks for a password, and the URL has none".into() }
            }
            _ => Self::Other { url, cause },
        }
    }
}

fn tls_cause(cause: &str) -> String {
    let what_to_do = if cause.contains("does not support TLS") {
        "turn it on there (ssl = on), or put ?sslmode=disable at the end of the URL if the network is trusted"
    } else if cause.contains("NotValidForName") || cause.contains("not valid for name") {
        "give the host by the name that is in its certificate, or use sslmode=verify-ca"
    } else if cause.contains("UnknownIssuer") || cause.contains("CaUsedAsEndEntity") {
        // The latter is one that signed itself, as openssl makes them.
        "give the certificate of who signed it: sslrootcert=/path/to/ca.pem in the URL"
    } else {
        "see sslmode, sslrootcert, sslcert and sslkey in the URL"
    };
    format!("{cause}; {what_to_do}")
}
