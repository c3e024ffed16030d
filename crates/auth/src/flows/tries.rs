//! Tries at an account's password: every comparison that somebody from outside asks for goes through here.
//!
//! A try is counted before the hash, so that many at a time are no way around the limit and a client that hangs up has
//! tried all the same; whoever turns out to be right gets the try back. An account that nobody has is counted just as
//! one that is somebody's. A day's tries from everywhere may be used up by strangers; then whoever asks from a network
//! in which this person is signed in may still try.

use super::limit::{Limited, granted, longest_wait};
use super::{Caller, Identifier};
use crate::Keyward;
use crate::outside::{Busy, Verdict};
use crate::policy::Limits;
use crate::records::{Bucket, Rate, User};
use crate::values::{Email, Network, Password, Username};
use futures_util::future::join;
use std::net::IpAddr;
use std::time::Duration;

/// Whose password is tried. What is counted hangs on the name alone, in its one spelling: were the two names of a person
/// one account here, whoever tries both would learn that they belong together, and to somebody.
#[derive(Clone, Copy)]
pub(super) enum Account<'a> {
    /// By a name, which may be somebody's.
    Called(&'a Identifier, Option<&'a User>),
    /// One's own.
    Of(&'a User),
}

impl<'a> Account<'a> {
    fn user(self) -> Option<&'a User> {
        match self {
            Self::Of(user) => Some(user),
            Self::Called(_, user) => user,
        }
    }

    fn name(&self) -> (&'static str, &[u8]) {
        let email = |email: &'a Email| ("email", email.key().as_bytes());
        let username = |username: &'a Username| ("username", username.as_str().as_bytes());
        match self {
            Self::Called(Identifier::Email(name), _) => email(name),
            Self::Called(Identifier::Username(name), _) => username(name),
            Self::Called(Identifier::Nobody(text), _) => ("nobody", text.as_bytes()),
            Self::Of(user) => {
                let named = user.email.as_ref().map(email).or_else(|| user.username.as_ref().map(username));
                named.unwrap_or(("user", user.id.as_bytes()))
            }
        }
    }
}

/// A try that is counted, until it is known to have been right.
#[must_use]
pub(super) struct Try(Vec<Bucket>);

/// How a try was counted.
enum Counted {
    Open(Try),
    /// Strangers have used up what there is for all: good for whoever is signed in near by, others wait so long.
    AtHome {
        tried: Try,
        address: IpAddr,
        wait: Duration,
    },
}

/// Why a password was not compared.
#[derive(Debug)]
pub(super) enum TryError {
    Limited(Limited),
    Busy(Busy),
}

impl Keyward {
    /// Compares a password with the account's, at the price of one hash, and counts it as a wrong one until
    /// [`was_right`](Self::was_right).
    pub(super) async fn try_password(
        &self,
        account: Account<'_>,
        password: &Password,
        caller: &Caller,
    ) -> Result<(Verdict, Try), TryError> {
        let counted = self.count_try(account, caller).await.map_err(TryError::Limited)?;
        let hash = account.user().and_then(|user| user.password.as_ref());
        let compared = self.hasher.verify(password, hash);
        let (compared, tried) = match counted {
            Counted::Open(tried) => (compared.await, tried),
            // Looked up while the hash is computed, which takes longer: else the time would tell who has sessions.
            Counted::AtHome { tried, address, wait } => {
                let (compared, is_at_home) = join(compared, self.is_familiar(account.user(), address)).await;
                if !is_at_home {
                    self.put_back(&tried.0).await;
                    return Err(TryError::Limited(Limited { wait, standing: None }));
                }
                (compared, tried)
            }
        };
        match compared {
            Ok(verdict) => Ok((verdict, tried)),
            // Nothing was compared, so nothing was learnt.
            Err(busy) => {
                self.was_right(tried).await;
                Err(TryError::Busy(busy))
            }
        }
    }

    /// Takes back the one try.
    pub(super) async fn was_right(&self, tried: Try) {
        self.put_back(&tried.0).await;
    }

    /// Counts a wrong secret of somebody who is no user: a service that asks about tokens, a link that is false.
    pub async fn count_failure(&self, caller: &Caller) -> Result<(), Limited> {
        self.begin_guess(caller).await.map(drop)
    }

    /// Counts a secret that is no password as a wrong one, until [`was_right`](Self::was_right).
    pub(super) async fn begin_guess(&self, caller: &Caller) -> Result<Try, Limited> {
        let Some(address) = caller.address else { return Ok(Try(Vec::new())) };
        let failures = self.of_address(FAILURES, address, self.policy.limits.failures);
        let taken = self.take(&failures).await;
        let taken_from = granted(&failures, &taken);
        let Some(wait) = longest_wait(&taken) else { return Ok(Try(taken_from)) };
        self.put_back(&taken_from).await;
        Err(Limited { wait, standing: None })
    }

    async fn count_try(&self, account: Account<'_>, caller: &Caller) -> Result<Counted, Limited> {
        let Some(address) = caller.address else { return Ok(Counted::Open(Try(Vec::new()))) };
        let limits = &self.policy.limits;
        let (kind, name) = account.name();
        let bucket = |of: &str, network: &[u8], rate| Bucket {
            key: self.tokens.counters.key(of, &[kind.as_bytes(), name, network]),
            rate,
        };
        let day = limits.tries_per_day;
        let share = Rate { most: (day.most / Limits::NETWORKS).max(1), ..day };
        let [host, network] = self.of_address(FAILURES, address, limits.failures);
        let of_the_day = bucket("tries of the day", &[], day);
        let near = Network::near(address);
        let near = near.as_bytes();
        let buckets = [
            of_the_day,
            // Nobody uses up the day alone: else a single stranger could keep a person out for good.
            bucket("share of the day", Network::wide(address).as_bytes(), share),
            bucket("tries", near, limits.tries),
            host,
            network,
        ];
        let taken = self.take(&buckets).await;
        let mut taken_from = granted(&buckets, &taken);
        let (of_many, own) = taken.split_at_checked(2).unwrap_or((&taken, &[]));
        let wait = match (longest_wait(own), longest_wait(of_many)) {
            (None, None) => return Ok(Counted::Open(Try(taken_from))),
            // What strangers have used up does not bind whoever is signed in near by.
            (None, Some(wait)) => {
                let at_home = [bucket("at home", near, share)];
                let taken = self.take(&at_home).await;
                if longest_wait(&taken).is_none() {
                    taken_from.extend(at_home);
                    return Ok(Counted::AtHome { tried: Try(taken_from), address, wait });
                }
                wait
            }
            (Some(own), of_many) => of_many.map_or(own, |of_many| own.max(of_many)),
        };
        self.put_back(&taken_from).await;
        Err(Limited { wait, standing: None })
    }

    /// Whether the user is signed in within the network of this address.
    async fn is_familiar(&self, user: Option<&User>, address: IpAddr) -> bool {
        let Some(user) = user else { return false };
        let now = self.now();
        // A store that fails makes nobody familiar.
        let sessions = self.store.sessions.of_user(user.id, now).await.unwrap_or_default();
        let is_here = |of: IpAddr| Network::near(of) == Network::near(address);
        sessions.iter().any(|session| session.is_live(user, now) && session.address.is_some_and(is_here))
    }
}

const FAILURES: &str = "failures";
