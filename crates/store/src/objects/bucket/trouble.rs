//! What may be wrong with a bucket, as a few words for the log. Of S3's own words only the name of its refusal is
//! repeated: the rest of a reply may hold keys and what was signed.

use super::place::Place;
use keyward_auth::outside::GalleryError;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;
use std::fmt;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("there is no such object")]
    NoObject,
    #[error("there is no such bucket, or not in this region ({0})")]
    NoBucket(Refusal),
    #[error("refused ({0}): the keys are wrong, or not permitted to do this")]
    Refused(Refusal),
    #[error("no answer in time")]
    Late,
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    #[error("it ended the connection, or does not answer as S3 does")]
    Broken,
    #[error("it failed ({0})")]
    Failed(Refusal),
    #[error("there are no keys: whoever lends those of the role {0}")]
    NoKeys(&'static str),
}

/// A reply that is no success: its status, and S3's name of what was wrong where it gave one, such as `AccessDenied`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) struct Refusal {
    status: u16,
    name: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.status),
        }
    }
}

impl Refusal {
    /// Of what S3 says in XML, or somebody else in whatever they say.
    pub(super) fn new(status: u16, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let name = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let is_name =
            |name: &&str| (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric());
        Self { status, name: name.map(|(name, _)| name).filter(is_name).map(str::to_owned) }
    }
}

impl Trouble {
    /// At this place, when this was asked.
    pub(super) fn of(self, what: &str, place: &Place) -> GalleryError {
        GalleryError(format!("{what} at {}: {self}", place.url()))
    }

    pub(super) fn of_keys(error: &object_store::Error) -> Self {
        Self::NoKeys(match (within::<Refusal>(error), within::<HttpError>(error).map(HttpError::kind)) {
            (Some(_), _) => "refused",
            (_, Some(HttpErrorKind::Connect)) => "cannot be reached",
            (_, Some(HttpErrorKind::Timeout)) => "gave no answer in time",
            _ => "gave none that can be used",
        })
    }

    pub(super) fn of_answer(error: &object_store::Error) -> Self {
        if let Some(refusal) = within::<Refusal>(error) {
            return Self::of_refusal(refusal.clone());
        }
        match within::<HttpError>(error).map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => Self::Unreachable(root(error)),
            Some(HttpErrorKind::Timeout) => Self::Late,
            _ => Self::Broken,
        }
    }

    fn of_refusal(refusal: Refusal) -> Self {
        match (refusal.status, refusal.name.as_deref()) {
            // A key that signs for another region is refused as malformed.
            (300..=399, _) | (_, Some("NoSuchBucket" | "AuthorizationHeaderMalformed")) => {
                Self::NoBucket(refusal)
            }
            // Any other 404 is not of S3, but of whoever answers in its place.
            (404, Some("NoSuchKey")) => Self::NoObject,
            (401 | 403, _) => Self::Refused(refusal),
            _ => Self::Failed(refusal),
        }
    }
}

/// The first cause of this kind.
fn within<E: Error + 'static>(error: &object_store::Error) -> Option<&E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// Of a connection that did not come about: what the system says, or TLS.
fn root(error: &object_store::Error) -> String {
    causes(error).last().map(|error| error.to_string().chars().take(120).collect()).unwrap_or_default()
}

fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}
