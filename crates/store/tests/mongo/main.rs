//! MongoDB as it really is: servers that are not there, not allowed, too old, silent, cut in the middle of a reply or stepped
//! down; processes that die between any two steps; and documents that a person can read.
#![cfg(feature = "mongodb")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a server that cannot be had is a failed test")]

mod administrators;
mod asked;
mod crashes;
mod edited;
mod faults;
mod guard;
mod kept;
mod message;
mod opening;
mod place;
mod set;
mod slow;
mod wire;
