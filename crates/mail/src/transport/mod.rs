//! The ways in which a message leaves: to an SMTP server, into a folder, or into the development inbox.

mod folder;
mod inbox;
mod smtp;

pub use inbox::{Inbox, InboxMail};
pub use smtp::SmtpUrl;

pub(crate) use folder::Folder;
pub(crate) use smtp::Smtp;
