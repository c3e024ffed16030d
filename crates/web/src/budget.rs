//! How many bytes of uploads are in memory at once, and how many uploads wait to be painted: of all together, of all
//! strangers, of one network and of anyone alone. Whoever takes a share has it until it is dropped; nobody waits for one.

use crate::largest::{LARGEST, LARGEST_FILE};
use keyward_auth::values::{Network, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of everybody's uploads.
pub(crate) const ALL: usize = 64 * 1024 * 1024;
/// Of those who are not signed in: the others have as much for themselves.
const STRANGERS: usize = ALL / 2;
/// Of one account: two uploads.
const EACH: Most = Most { bytes: 2 * (LARGEST_FILE + LARGEST), whole: 2 };
/// Of all who are signed in and come from one network: many accounts are easily made, other networks are not.
const NETWORK: Most = Most { bytes: ALL / 2, whole: 8 };
/// Of one network of strangers, of whom nobody knows how many they are.
const UNKNOWN: Most = Most { bytes: EACH.bytes, whole: NETWORK.whole };

/// What one may have at a time.
#[derive(Debug, Clone, Copy)]
struct Most {
    bytes: usize,
    /// Uploads that have arrived whole: each may hold a place at the painter.
    whole: usize,
}

/// Who uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uploader {
    Person(UserId, Network),
    Stranger(Network),
}

/// Whose share it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Person(UserId),
    Stranger(Network),
    Network(Network),
}

impl Uploader {
    fn is_stranger(self) -> bool {
        matches!(self, Self::Stranger(_))
    }

    fn owners(self) -> impl Iterator<Item = (Owner, Most)> {
        let (own, network) = match self {
            Self::Person(id, network) => {
                ((Owner::Person(id), EACH), Some((Owner::Network(network), NETWORK)))
            }
            Self::Stranger(network) => ((Owner::Stranger(network), UNKNOWN), None),
        };
        [own].into_iter().chain(network)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Taken>);

/// In bytes.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    strangers: usize,
    /// Only of those who have something: bytes, and whole uploads.
    of: HashMap<Owner, (usize, usize)>,
}

impl Taken {
    fn of(&self, owner: Owner) -> (usize, usize) {
        self.of.get(&owner).copied().unwrap_or_default()
    }
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
    is_whole: bool,
}

impl Budget {
    pub(crate) fn share(self: &Arc<Self>, uploader: Uploader) -> Share {
        Share { budget: self.clone(), uploader, bytes: 0, is_whole: false }
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
        let strangers = taken.strangers + if self.uploader.is_stranger() { more } else { 0 };
        let is_too_much = |(owner, most): (Owner, Most)| taken.of(owner).0 + more > most.bytes;
        if taken.all + more > ALL || strangers > STRANGERS || self.uploader.owners().any(is_too_much) {
            return Err(Full);
        }
        taken.all += more;
        taken.strangers = strangers;
        for (owner, _) in self.uploader.owners() {
            taken.of.entry(owner).or_default().0 += more;
        }
        self.bytes += more;
        Ok(())
    }

    /// The upload has arrived whole and is to be painted, unless too many of its owner's are.
    pub(crate) fn complete(&mut self) -> Result<(), Full> {
        let taken = &mut *self.budget.taken();
        if self.is_whole || self.uploader.owners().any(|(owner, most)| taken.of(owner).1 >= most.whole) {
            return Err(Full);
        }
        for (owner, _) in self.uploader.owners() {
            taken.of.entry(owner).or_default().1 += 1;
        }
        self.is_whole = true;
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
        for (owner, _) in self.uploader.owners() {
            let (bytes, whole) = taken.of(owner);
            match (bytes - self.bytes, whole - usize::from(self.is_whole)) {
                (0, 0) => drop(taken.of.remove(&owner)),
                left => drop(taken.of.insert(owner, left)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn network(number: u32) -> Network {
        Network::host(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    fn stranger(number: u32) -> Uploader {
        Uploader::Stranger(network(number))
    }

    fn person(number: u8, from: u32) -> Uploader {
        Uploader::Person(UserId::from_bytes([number; 16]), network(from))
    }

    fn share(budget: &Arc<Budget>, uploader: Uploader, bytes: usize) -> Result<Share, Full> {
        let mut share = budget.share(uploader);
        share.grow_to(bytes).map(|()| share)
    }

    #[test]
    fn nobody_takes_all_and_strangers_leave_half_to_those_who_are_known() {
        let (budget, each) = (Arc::new(Budget::default()), EACH.bytes);
        let mut shares = vec![share(&budget, stranger(0), each).unwrap()];
        assert_eq!(share(&budget, stranger(0), 1).unwrap_err(), Full);
        // What is left is not enough for another one whole.
        let of_strangers = u32::try_from(STRANGERS / each).unwrap();
        for number in 1..of_strangers {
            shares.push(share(&budget, stranger(number), each).unwrap());
        }
        assert_eq!(share(&budget, stranger(99), each).unwrap_err(), Full);
        shares.push(share(&budget, person(0, 0), each).unwrap());
        assert_eq!(share(&budget, person(0, 0), 1).unwrap_err(), Full);
        for number in 1..ALL / each - of_strangers as usize {
            let number = u8::try_from(number).unwrap();
            shares.push(share(&budget, person(number, number.into()), each).unwrap());
        }
        assert_eq!(share(&budget, person(99, 99), each).unwrap_err(), Full);
        shares.pop();
        share(&budget, person(99, 99), each).unwrap();
    }

    #[test]
    fn many_accounts_of_one_network_have_no_more_than_half() {
        let (budget, mut shares) = (Arc::new(Budget::default()), Vec::new());
        for number in 0..u8::try_from(NETWORK.bytes / EACH.bytes).unwrap() {
            shares.push(share(&budget, person(number, 1), EACH.bytes).unwrap());
        }
        assert_eq!(share(&budget, person(99, 1), EACH.bytes).unwrap_err(), Full);
        // The same person has some from elsewhere, and strangers of there have their own.
        share(&budget, person(99, 2), EACH.bytes).unwrap();
        share(&budget, stranger(1), EACH.bytes).unwrap();
    }

    #[test]
    fn two_of_an_account_and_eight_of_a_network_wait_for_the_painter() {
        let budget = Arc::new(Budget::default());
        let complete = |uploader| {
            let mut share = share(&budget, uploader, 1).unwrap();
            share.complete().map(|()| share)
        };
        let of_strangers: Vec<Share> = (0..8).map(|_| complete(stranger(1)).unwrap()).collect();
        assert_eq!(complete(stranger(1)).unwrap_err(), Full);
        let mut of_many: Vec<Share> = (0..8).map(|number| complete(person(number / 2, 1)).unwrap()).collect();
        assert_eq!(complete(person(9, 1)).unwrap_err(), Full);
        assert_eq!(complete(person(0, 2)).unwrap_err(), Full);
        drop(of_strangers);
        of_many.pop();
        complete(stranger(1)).unwrap();
        complete(person(9, 1)).unwrap();
    }

    #[test]
    fn what_is_dropped_is_given_back_and_forgotten() {
        let budget = Arc::new(Budget::default());
        for uploader in [stranger(1), person(1, 1)] {
            let mut share = share(&budget, uploader, 1000).unwrap();
            share.grow_to(EACH.bytes).unwrap();
            assert_eq!(share.grow_to(EACH.bytes + 1).unwrap_err(), Full);
            share.grow_to(5).unwrap();
            share.complete().unwrap();
            assert_eq!(share.complete().unwrap_err(), Full);
            drop(share);
        }
        let taken = budget.taken();
        assert_eq!((taken.all, taken.strangers, taken.of.len()), (0, 0, 0));
    }
}
