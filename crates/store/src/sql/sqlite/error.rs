//! What SQLite's refusals mean: to a flow, by the constraint that refused, and to the operator, by what is wrong with
//! the file. Values never get into a text: SQLite names columns, and statements hold only parameters.

use crate::sql::{SchemaError, UNIQUE};
use keyward_auth::records::StoreError;
use rusqlite::{Error, ErrorCode, ffi};
use std::path::{Path, PathBuf};

/// Why a database file cannot be used, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot use {} for the database: {cause}; choose a path in a folder that Keyward may write to", path.display())]
    Path { path: PathBuf, cause: String },
    #[error("{} is a folder; give the path of the database file in it", path.display())]
    Folder { path: PathBuf },
    #[error("{} is not an SQLite database; choose another path, or restore the file from a backup", path.display())]
    NotADatabase { path: PathBuf },
    #[error("{} cannot be written; give Keyward's user the right to write the file and its folder", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} is locked by another process; stop that, or wait until it is done", path.display())]
    Locked { path: PathBuf },
    #[error("{}: {cause}", path.display())]
    Schema { path: PathBuf, cause: SchemaError },
    #[error("{}: SQLite failed: {cause}", path.display())]
    Sqlite { path: PathBuf, cause: String },
}

impl FileError {
    pub(super) fn of(path: &Path, error: &Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::CannotOpen) => Self::Path { path, cause: "it cannot be opened".into() },
            _ => Self::Sqlite { path, cause: error.to_string() },
        }
    }
}

/// A refusal by a constraint, or a failure.
pub(super) fn refused(error: &Error) -> StoreError {
    if let Error::SqliteFailure(failure, Some(message)) = error {
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return StoreError::Stale,
            ffi::SQLITE_CONSTRAINT_UNIQUE => {
                let column = message.rsplit(": ").next().unwrap_or_default().split(", ").next();
                if let Some((_, _, what)) = UNIQUE.iter().find(|(name, _, _)| Some(*name) == column) {
                    return StoreError::Taken(*what);
                }
            }
            _ => {}
        }
    }
    failed(error)
}

/// A failure, whatever it says: of a transaction as a whole, which no single job is to be told of as its own refusal.
pub(super) fn failed(error: &Error) -> StoreError {
    StoreError::Backend(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => "another process has held the database for too long".into(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn each_trouble_is_one_line_that_says_what_to_do() {
        for (code, hint) in [
            (ffi::SQLITE_NOTADB, "choose another path"),
            (ffi::SQLITE_READONLY, "right to write"),
            (ffi::SQLITE_BUSY, "stop that"),
            (ffi::SQLITE_CANTOPEN, "choose a path"),
            (ffi::SQLITE_IOERR, "SQLite failed"),
        ] {
            let text = FileError::of(Path::new("/x/keyward.db"), &failure(code)).to_string();
            assert!(text.contains(hint) && text.contains("/x/keyward.db") && !text.contains('\n'), "{text}");
        }
    }
}
