//! How many bytes of uploads are in memory at once: of all together, of all strangers, and of anyone alone. Whoever
//! takes a share has it until it is dropped; nobody waits for one.

use crate::arrival::{LARGEST, LARGEST_FILE};
use keyward_auth::values::{Network, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of everybody's uploads.
pub(crate) const ALL: usize = 64 * 1024 * 1024;
/// Of those who are not signed in: the others have as much for themselves.
const STRANGERS: usize = ALL / 2;
/// Of one account, or of one address of strangers: two uploads, so that many must come together to keep others away.
const EACH: usize = 2 * (LARGEST_FILE + LARGEST);

/// Who uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Uploader {
    Person(UserId),
    Stranger(Network),
}

impl Uploader {
    fn is_stranger(self) -> bool {
        matches!(self, Self::Stranger(_))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Taken>);

/// In bytes.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    strangers: usize,
    /// Only of those who have something.
    of: HashMap<Uploader, usize>,
}

/// There is no more to be had, for now.
#[derive(Debug, PartialEq)]
pub(crate) struct Full;

/// What an upload has taken.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    uploader: Uploader,
    bytes: usize,
}

impl Budget {
    pub(crate) fn share(self: &Arc<Self>, uploader: Uploader) -> Share {
        Share { budget: self.clone(), uploader, bytes: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Makes the share this many bytes, if there is room; else it stays as it is.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Full> {
        let more = bytes.saturating_sub(self.bytes);
        let taken = &mut *self.budget.taken();
        let own = taken.of.get(&self.uploader).copied().unwrap_or(0) + more;
        let strangers = taken.strangers + if self.uploader.is_stranger() { more } else { 0 };
        if taken.all + more > ALL || strangers > STRANGERS || own > EACH {
            return Err(Full);
        }
        taken.all += more;
        taken.strangers = strangers;
        taken.of.insert(self.uploader, own);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let taken = &mut *self.budget.taken();
        taken.all -= self.bytes;
        if self.uploader.is_stranger() {
            taken.strangers -= self.bytes;
        }
        if let Some(own) = taken.of.get_mut(&self.uploader) {
            *own -= self.bytes;
            if *own == 0 {
                taken.of.remove(&self.uploader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn stranger(number: u32) -> Uploader {
        Uploader::Stranger(Network::host(IpAddr::V4(Ipv4Addr::from_bits(number))))
    }

    fn person(number: u128) -> Uploader {
        let hex = format!("{number:032x}");
        let id = format!("{}-{}-7{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
        Uploader::Person(id.parse().unwrap())
    }

    fn share(budget: &Arc<Budget>, uploader: Uploader, bytes: usize) -> Result<Share, Full> {
        let mut share = budget.share(uploader);
        share.grow_to(bytes).map(|()| share)
    }

    #[test]
    fn nobody_takes_all_and_strangers_leave_half_to_those_who_are_known() {
        let budget = Arc::new(Budget::default());
        let mut shares = vec![share(&budget, stranger(0), EACH).unwrap()];
        assert_eq!(share(&budget, stranger(0), 1).unwrap_err(), Full);
        // What is left is not enough for another one whole.
        let of_strangers = STRANGERS / EACH;
        for number in 1..of_strangers {
            shares.push(share(&budget, stranger(number as u32), EACH).unwrap());
        }
        assert_eq!(share(&budget, stranger(99), EACH).unwrap_err(), Full);
        shares.push(share(&budget, person(0), EACH).unwrap());
        assert_eq!(share(&budget, person(0), 1).unwrap_err(), Full);
        for number in 1..ALL / EACH - of_strangers {
            shares.push(share(&budget, person(number as u128), EACH).unwrap());
        }
        assert_eq!(share(&budget, person(99), EACH).unwrap_err(), Full);
        shares.pop();
        share(&budget, person(99), EACH).unwrap();
    }

    #[test]
    fn what_is_dropped_is_given_back_and_forgotten() {
        let budget = Arc::new(Budget::default());
        for uploader in [stranger(1), person(1)] {
            let mut share = share(&budget, uploader, 1000).unwrap();
            share.grow_to(EACH).unwrap();
            assert_eq!(share.grow_to(EACH + 1).unwrap_err(), Full);
            share.grow_to(5).unwrap();
            drop(share);
        }
        let taken = budget.taken();
        assert_eq!((taken.all, taken.strangers, taken.of.len()), (0, 0, 0));
    }
}
