//! Every number that a rule uses. The defaults are the documented ones; the binary's configuration may set others.

use crate::records::Rate;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Whether a new address must be proven before it counts.
    pub verification: Verification,
    /// The fewest code points of a password.
    pub password_min_length: usize,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a session lives unused, and in all.
    pub session_idle: Duration,
    pub session_lifetime: Duration,
    /// The most sessions of one user; the oldest ends.
    pub sessions_per_user: usize,
    /// How long after its first use a refresh token still yields the same successor.
    pub refresh_grace: Duration,
    /// How long after signing in a session may change password and e-mail without proof.
    pub fresh_for: Duration,
    /// How far the clocks of two nodes may differ: a token from this far in the future is accepted.
    pub clock_leeway: Duration,
    /// How far our clock may be from the store's before the service is not ready; zero does not look.
    pub clock_skew: Duration,
    /// How long a new signing key is only published before it signs, so that every node knows it by then.
    pub key_lead: Duration,
    /// How long events are kept.
    pub audit_kept: Duration,
    pub limits: Limits,
}

/// How much is let through before somebody has to wait. Each is a bucket: so many at once, and as many again in each
/// window, evenly.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Registrations from one address.
    pub registrations: Rate,
    /// Requests from one address that hash a password.
    pub passwords: Rate,
    /// Wrong passwords from one address, whoever's.
    pub failures: Rate,
    /// Wrong passwords for one account from one network, in short.
    pub tries: Rate,
    /// Wrong passwords for one account from everywhere, in a day.
    pub tries_per_day: Rate,
}

impl Limits {
    /// How many times as much a network may ask for as a single address of it.
    pub const NETWORK: u32 = 8;
    /// How many networks it takes to use up what an account may be tried in a day.
    pub const NETWORKS: u32 = 4;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            registrations: Rate { most: 60, window: HOUR },
            passwords: Rate { most: 120, window: MINUTE },
            failures: Rate { most: 200, window: HOUR },
            tries: Rate { most: 10, window: 5 * MINUTE },
            tries_per_day: Rate { most: 100, window: DAY },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// A new address counts at once.
    Off,
    /// A new address waits as `pending_email` until it is proven.
    Optional,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Policy {
    fn default() -> Self {
        Self {
            registration_open: true,
            verification: Verification::Optional,
            password_min_length: 8,
            access_ttl: Duration::from_secs(15 * 60),
            session_idle: 30 * DAY,
            session_lifetime: 180 * DAY,
            sessions_per_user: 100,
            refresh_grace: Duration::from_secs(10),
            fresh_for: Duration::from_secs(10 * 60),
            clock_leeway: Duration::from_secs(30),
            clock_skew: Duration::from_secs(30),
            key_lead: Duration::from_secs(5),
            audit_kept: 365 * DAY,
            limits: Limits::default(),
        }
    }
}
