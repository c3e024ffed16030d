//! The databases. Owns how the records of `keyward_auth` are laid out and made atomic; holds no rule, reads no clock and
//! draws no randomness.
//!
//! [`sql`] keeps them in SQLite or PostgreSQL. [`redis`] may keep what expires, [`memory`] what may be forgotten.
//! `conformance` (a feature of that name) is what every backend must do.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod memory;
pub mod redis;
pub mod sql;
