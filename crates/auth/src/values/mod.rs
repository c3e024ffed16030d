//! Words that are right once they exist. A value is made by `parse` and by nothing else, so a flow or a store that
//! holds one need not check it again. This module owns syntax and normal forms; it does not know what is taken,
//! allowed or stored.

mod accept_language;
mod email;
mod id;
mod locale;
mod metadata;
mod name;
mod network;
mod password;
mod picture;
mod role;
mod timestamp;
mod username;

pub use accept_language::AcceptLanguage;
pub use email::Email;
pub use id::{EventId, MailId, SessionId, UserId};
pub use locale::Locale;
pub use metadata::Metadata;
pub use name::Name;
pub use network::Network;
pub use password::{Password, PasswordHash};
pub use picture::{Format, Picture};
pub use role::{Permission, Role, Roles};
pub use timestamp::Timestamp;
pub use username::Username;

/// Why a text is not a value: a stable code for programs and a sentence for people. Never holds the text itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Invalid {
    pub code: &'static str,
    pub detail: String,
}

impl Invalid {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
