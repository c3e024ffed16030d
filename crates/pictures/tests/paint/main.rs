//! Painting as a whole: what becomes of files that real encoders made, of broken ones, and of those that were made to harm.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this crate is nothing but tests")]

mod bombs;
mod corpus;
mod look;
