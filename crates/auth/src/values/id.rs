//! Identifiers: UUIDs of version 7 (RFC 9562), made from a clock and randomness that are given, so sorted by time.

use super::Timestamp;
use crate::outside::Random;
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                let mut bytes = [0; 10];
                random.fill(&mut bytes);
                let millis = u64::try_from(now.as_micros() / 1000).unwrap_or_default();
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
            }

            /// Takes back the 16 bytes that [`as_bytes`](Self::as_bytes) gave.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, for keyed functions.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Reads the one form in which an id is written: lower case, with hyphens.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
                let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
                if canonical { Ok(Self(uuid)) } else { Err(NotAnId) }
            }
        }
    )*};
}

ids! {
    /// A user, for ever: never reused, never changed.
    UserId,
    /// A session: one sign-in on one device.
    SessionId,
    /// An event of the audit log.
    EventId,
    /// A mail, and the one-time code that it carries.
    MailId
}

/// The text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct NotAnId;
