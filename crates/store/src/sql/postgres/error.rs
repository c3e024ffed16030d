//! What PostgreSQL's refusals mean to a flow, and which failures tell that a connection or a server is gone. A text that
//! leaves this file holds message, code and constraint; what PostgreSQL calls DETAIL holds values and stays behind.

use crate::sql::UNIQUE;
use keyward_auth::records::StoreError;
use std::error::Error as _;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// A refusal by a constraint, or a failure.
pub(super) fn refused(error: &Error) -> StoreError {
    let constraint = error.as_db_error().and_then(|error| error.constraint());
    match error.code() {
        Some(code) if *code == SqlState::FOREIGN_KEY_VIOLATION => return StoreError::Stale,
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => {
            if let Some((_, _, what)) = UNIQUE.iter().find(|(_, index, _)| Some(*index) == constraint) {
                return StoreError::Taken(*what);
            }
        }
        _ => {}
    }
    failed(error)
}

pub(super) fn failed(error: &Error) -> StoreError {
    StoreError::Backend(text(error))
}

pub(super) fn late(limit: Duration) -> StoreError {
    StoreError::Backend(format!("PostgreSQL did not answer within {limit:?}"))
}

/// What happened, in one line without a value.
pub(super) fn text(error: &Error) -> String {
    let Some(told) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("PostgreSQL: {error}{cause}").replace(['\r', '\n'], " ");
    };
    let code = told.code().code();
    // Class 22 is about data, and quotes it.
    let message = if code.starts_with("22") { "a value is refused" } else { told.message() };
    let constraint = told.constraint().map(|name| format!(", constraint {name}")).unwrap_or_default();
    let hint = if is_of_pooler(error) {
        "; if PgBouncer or another pooler is in between, set store.pgbouncer = true"
    } else {
        ""
    };
    format!("PostgreSQL: {message} ({code}{constraint}){hint}").replace(['\r', '\n'], " ")
}

/// Prepared statements that come and go under somebody else's hands, or options that only a pooler refuses.
pub(super) fn is_of_pooler(error: &Error) -> bool {
    error.as_db_error().is_some_and(|told| {
        let is_of_options = ["unsupported startup parameter", "command-line options"];
        [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT].contains(told.code())
            || is_of_options.iter().any(|words| told.message().contains(words))
    })
}

/// Whether the very same statements may do on a second try: who raced them is through by then.
pub(super) fn is_of_race(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
    })
}

/// Whether this connection is of no more use, so that another one may do.
pub(super) fn is_of_connection(error: &Error) -> bool {
    match error.as_db_error() {
        // Nothing of the server's: the line is broken, or what came over it is not understood.
        None => true,
        // A plan that a migration has outdated, and a prepared statement that is gone, are the connection's; class 08 is a
        // pooler's word for a server that it lost.
        Some(told) => {
            is_of_server(error)
                || told.code().code().starts_with("08")
                || *told.code() == SqlState::INVALID_SQL_STATEMENT_NAME
                || (*told.code() == SqlState::FEATURE_NOT_SUPPORTED && told.message().contains("cached plan"))
        }
    }
}

/// Whether the server behind all present connections is going away or may no longer be written: there may be a new
/// primary by now.
pub(super) fn is_of_server(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        let gone = [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ];
        let is_protocol = *code == SqlState::PROTOCOL_VIOLATION;
        gone.contains(code) || (code.code().starts_with("08") && !is_protocol)
    })
}
