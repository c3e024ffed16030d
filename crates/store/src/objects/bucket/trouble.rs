//! What may be wrong with a bucket, as a few words for the log. Of S3's own words only the name of its refusal is
//! repeated: the rest of a reply may hold keys and what was signed.

use keyward_auth::outside::GalleryError;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error as _;
use std::time::Duration;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("there is no such object")]
    NoObject,
    #[error("there is no such bucket, or not in this region{0}")]
    NoBucket(Code),
    #[error("refused{0}: the keys are wrong, or not permitted to do this")]
    Refused(Code),
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it ended the connection, or does not answer as S3 does")]
    Broken,
    #[error("it failed{0}")]
    Failed(Code),
    #[error("there are no keys: whoever lends those of the role gave {0}")]
    NoKeys(&'static str),
}

/// S3's name of what was wrong, such as `AccessDenied`, in brackets; nothing where it gave none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code(Option<String>);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_deref().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

impl Trouble {
    pub(super) fn of(self, what: &str) -> GalleryError {
        GalleryError(format!("{what} of the bucket: {self}"))
    }

    pub(super) fn of_keys(error: &Error) -> Self {
        Self::NoKeys(match kind(error) {
            Some(HttpErrorKind::Connect) => "cannot be reached",
            Some(HttpErrorKind::Timeout) => "no answer",
            _ => "none that can be used",
        })
    }

    pub(super) fn of_answer(error: &Error) -> Self {
        let code = code(&error.to_string());
        match (error, code.as_deref()) {
            (_, Some("NoSuchBucket" | "PermanentRedirect" | "AuthorizationHeaderMalformed")) => {
                Self::NoBucket(Code(code))
            }
            (Error::NotFound { .. }, _) => Self::NoObject,
            (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _) => Self::Refused(Code(code)),
            _ => match kind(error) {
                Some(HttpErrorKind::Connect) => Self::Unreachable,
                Some(_) => Self::Broken,
                None => Self::Failed(Code(code)),
            },
        }
    }
}

/// Of the wire below an answer, if it was the wire.
fn kind(error: &Error) -> Option<HttpErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// The first `<Code>` of a reply, if it is a name and nothing else.
fn code(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (name, _) = rest.split_once("</Code>")?;
    let is_name = (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}
