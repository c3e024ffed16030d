//! Redis as it really is: servers that these tests start, and then kill, freeze, fill, demote, empty and roll back.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a server that cannot be had is a failed test")]

mod codes;
mod ends;
mod faults;
mod kept;
mod log;
mod mails;
mod opening;
mod server;
