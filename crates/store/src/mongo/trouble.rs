//! What the driver says when something fails, in words for the log; and what may be tried again. Of an error only kind,
//! code and names are repeated: the rest of it may hold what was written.

use keyward_auth::records::StoreError;
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// A write met another at the same place, and was not done.
const WRITE_CONFLICT: i32 = 112;
pub(super) const DUPLICATE_KEY: i32 = 11000;
/// BadValue, FailedToParse, TypeMismatch, ConflictingUpdateOperators, PathNotViable and ImmutableField, of which a document
/// that was edited by hand is the cause.
const DATA: [i32; 6] = [2, 9, 14, 40, 28, 66];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// Something with this key is there already; nothing was done.
    #[error("this key is there already")]
    Duplicate,
    /// Lost a race; nothing was done, and it can be tried again.
    #[error("another write was in the way, again and again")]
    Conflict,
    /// The server said no: nothing was done, nor will be.
    #[error("{0}")]
    Refused(String),
    /// Whether it was done is unknown.
    #[error("{0}")]
    Failed(String),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self::Backend(format!("mongodb: {trouble}"))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match code(&error) {
            Some(DUPLICATE_KEY) => Self::Duplicate,
            Some(WRITE_CONFLICT) => Self::Conflict,
            Some(_) if is_refusal(&error) => Self::Refused(told(&error)),
            _ => Self::Failed(told(&error)),
        }
    }
}

/// Nothing was done, and soon it may be: another write was in the way, or the server has too much to do. Not what is said of
/// a server that stepped down: of a set the driver has tried that again by itself, and the first try may have been done.
pub(super) fn has_lost(error: &Error) -> bool {
    // Only the server's word counts: the driver gives the labels of too much to do also to a connection that is refused.
    match (&*error.kind, code(error)) {
        (ErrorKind::Write(WriteFailure::WriteConcernError(_)), _) | (_, None) => false,
        (_, Some(code)) => {
            code == WRITE_CONFLICT
                || ["SystemOverloadedError", "RetryableError"].iter().all(|label| error.contains_label(label))
        }
    }
}

pub(super) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::Command(error) => Some(error.code),
        _ => None,
    }
}

/// Of the driver's long report why no server can be asked, the part that an operator can mend.
fn why_none(report: &str) -> &'static str {
    let known = [
        ("UnknownIssuer", "its certificate is of an unknown authority; name that with tlsCAFile"),
        ("invalid peer certificate", "its certificate is not good for this name or this day"),
        ("failed to lookup address", "the name of the host cannot be resolved"),
        ("ReplicaSetNoPrimary", "the set has no primary now, or replicaSet names another set"),
        ("Connection refused", "the connection was refused"),
        ("unexpected end of file", "it hangs up, as one does that wants TLS or none"),
        ("timed out", "it says nothing"),
    ];
    known
        .into_iter()
        .find(|(part, _)| report.contains(part))
        .map_or("no server that can be written answers", |(_, why)| why)
}

/// Of what is wrong with the very command or document: not of a server that is about to go, or of one among several.
fn is_refusal(error: &Error) -> bool {
    let is_of_data =
        matches!(&*error.kind, ErrorKind::Command(_) | ErrorKind::Write(WriteFailure::WriteError(_)));
    is_of_data && error.labels().is_empty() && code(error).is_some_and(|code| DATA.contains(&code))
}

/// In words of our own.
pub(super) fn told(error: &Error) -> String {
    match (&*error.kind, code(error)) {
        (ErrorKind::Authentication { .. }, _) => "the user name or the password is wrong".into(),
        (ErrorKind::ServerSelection { message, .. }, _) => why_none(message).into(),
        (ErrorKind::Io(io), _) => format!("the connection broke ({})", io.kind()),
        (ErrorKind::ConnectionPoolCleared { .. }, _) => "the connection broke".into(),
        (ErrorKind::DnsResolve { .. }, _) => "the name of the server cannot be resolved".into(),
        (ErrorKind::InvalidTlsConfig { .. }, _) => {
            "the file of tlsCAFile or tlsCertificateKeyFile is missing or no PEM".into()
        }
        (ErrorKind::Command(command), Some(13)) => format!("not permitted ({})", command.code_name),
        (ErrorKind::Write(WriteFailure::WriteConcernError(error)), _) => {
            format!("written, but not by enough servers ({}, code {})", error.code_name, error.code)
        }
        (ErrorKind::Command(command), Some(code)) => format!("refused ({}, code {code})", command.code_name),
        (_, Some(code)) => format!("refused (code {code})"),
        (ErrorKind::Bson(_), _) => "an answer cannot be read".into(),
        _ => "the driver failed".into(),
    }
}
