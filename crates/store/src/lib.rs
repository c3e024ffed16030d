//! The databases. Owns how the records of `keyward_auth` are laid out and made atomic; holds no rule, reads no clock and
//! draws no randomness.
//!
//! [`sql`] keeps them in SQLite or PostgreSQL, `mongo` (of the feature `mongodb`) in MongoDB. [`redis`] may keep what expires,
//! [`memory`] what may be forgotten. [`objects`] keeps pictures, in a folder or a bucket.
//! `conformance` (a feature of that name) is what every backend must do.

#[cfg(feature = "conformance")]
pub mod conformance;
mod hex;
pub mod memory;
mod migration_status;
#[cfg(feature = "mongodb")]
pub mod mongo;
pub mod objects;
pub mod redis;
pub mod sql;

pub use migration_status::MigrationStatus;

/// Whether a host may well be beyond one's own network: neither a bare name nor a private address.
fn is_far(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => {
            !(address.is_loopback() || address.is_private() || address.is_link_local())
        }
        Ok(std::net::IpAddr::V6(address)) => {
            !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local())
        }
        // A folder of Unix sockets begins with a slash.
        Err(_) => !host.starts_with('/') && host.contains('.'),
    }
}
