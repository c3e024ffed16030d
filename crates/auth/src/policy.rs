//! Every number that a rule uses. The defaults are the documented ones; the binary's configuration may set others.

use crate::records::Rate;
use crate::values::Timestamp;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Whether a new address must be proven before it counts. Without mails it cannot be: then this is `Off`.
    pub verification: Verification,
    /// Whether registration hides that an address has an account already.
    pub conceal: bool,
    /// Whether there is a way to send mails.
    pub has_mail: bool,
    pub codes: CodePolicy,
    /// The longest that sending a mail may take.
    pub mail_timeout: Duration,
    /// For how long a mail is tried before it is given up.
    pub mail_patience: Duration,
    /// How long mails are listed after they were sent or given up.
    pub mail_kept: Duration,
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
    /// The longest that a link to a picture is good.
    pub picture_links: Duration,
    pub limits: Limits,
}

/// How good a one-time code is.
#[derive(Debug, Clone, Copy)]
pub struct CodePolicy {
    /// How long its digits are good, from when the mail was made that was sent.
    pub digits: Duration,
    /// How often they may be tried.
    pub tries: u32,
    /// How long links are good that prove an address, set a new password, set a first one, and undo a change.
    pub verify_link: Duration,
    pub reset_link: Duration,
    pub invite_link: Duration,
    pub undo_link: Duration,
}

impl Default for CodePolicy {
    fn default() -> Self {
        Self {
            digits: 10 * MINUTE,
            tries: 5,
            verify_link: DAY,
            reset_link: HOUR,
            invite_link: 7 * DAY,
            undo_link: 3 * DAY,
        }
    }
}

/// How much is let through before somebody has to wait. Each is a bucket: so many at once, and as many again in each
/// window, evenly.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Registrations from one address.
    pub registrations: Rate,
    /// Requests from one address that hash a password or cause a mail.
    pub passwords: Rate,
    /// Wrong passwords from one address, whoever's.
    pub failures: Rate,
    /// Wrong passwords for one account from one network, in short.
    pub tries: Rate,
    /// Wrong passwords for one account from everywhere, in a day.
    pub tries_per_day: Rate,
    /// Mails to one address that somebody asked for, in an hour and in a day.
    pub mails: Rate,
    pub mails_per_day: Rate,
    /// How often one account may end all its sessions by itself: by a new password, or by signing out everywhere.
    pub endings: Rate,
    /// How often one account may ask for another address.
    pub addresses: Rate,
    /// Pictures that one account uploads.
    pub pictures: Rate,
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
            mails: Rate { most: 5, window: HOUR },
            mails_per_day: Rate { most: 10, window: DAY },
            endings: Rate { most: 10, window: HOUR },
            addresses: Rate { most: 10, window: HOUR },
            pictures: Rate { most: 30, window: HOUR },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// A new address counts at once.
    Off,
    /// A new address waits as `pending_email` until it is proven.
    Optional,
    /// The same, and nobody signs in before the address is proven.
    Required,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Policy {
    fn default() -> Self {
        Self {
            registration_open: true,
            verification: Verification::Optional,
            conceal: false,
            has_mail: true,
            codes: CodePolicy::default(),
            mail_timeout: Duration::from_secs(30),
            mail_patience: DAY,
            mail_kept: 30 * DAY,
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
            picture_links: 15 * MINUTE,
            limits: Limits::default(),
        }
    }
}

impl Policy {
    /// When a link to a picture that is made now begins and ends: it begins a little before, at a moment that is the same for
    /// all that are made in a third of its life, so that they are one link.
    pub fn picture_window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        // In whole seconds, since that is what links can say.
        let life = self.picture_links.as_secs().max(1);
        let step = i64::try_from((life / 3).max(1)).unwrap_or(i64::MAX);
        let begin = now.as_seconds().div_euclid(step).saturating_mul(step);
        let from = Timestamp::from_micros(begin.saturating_mul(1_000_000));
        (from, from + Duration::from_secs(life))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_a_picture_are_one_for_a_third_of_their_life_and_never_good_for_longer() {
        let policy = Policy::default();
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000 + 999_999);
        for second in [0, 1, 299, 300, 301, 1_795_254_000] {
            let (from, until) = policy.picture_window(at(second));
            assert_eq!(until.since(from), policy.picture_links);
            assert!(until.since(at(second)) > policy.picture_links / 3 * 2 - Duration::from_secs(1));
            assert!(until.since(at(second)) <= policy.picture_links, "{second}");
        }
        assert_eq!(policy.picture_window(at(300)), policy.picture_window(at(599)));
        assert_ne!(policy.picture_window(at(299)), policy.picture_window(at(300)));
    }
}
