//! How the records lie in their documents that others than their own file write or read. Asks nothing of a server.

pub(super) mod events;
pub(super) mod leftovers;
pub(super) mod mails;
pub(super) mod users;
