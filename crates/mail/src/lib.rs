//! Keyward's mails: words in the reader's language, a message made of them, and the ways to send it.
//!
//! [`Post`] is the mailer that the flows ask for. This crate decides nothing about codes, retries or who gets a mail, and
//! keeps nothing but the development inbox.

mod message;
mod post;
mod product;
mod reason;
mod sender;
mod transport;
mod words;

pub use post::{OpenError, Post, PostSettings, Way};
pub use product::{Colour, Product};
pub use sender::Sender;
pub use transport::{Inbox, InboxMail, SmtpUrl};
pub use words::{TemplateProblem, TemplateProblems};
