//! Argon2id and bcrypt: making hashes, checking them, and knowing which are of yesterday. Texts in PHC form (Argon2) and
//! modular crypt form (bcrypt) are told apart by how they begin. Owns no threads; every call here is slow on purpose.

use super::memory::Memory;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use bcrypt::HashParts;
use keyward_auth::outside::Verdict;
use std::hint::black_box;

/// How new passwords are hashed.
#[derive(Debug, Clone)]
pub(super) enum Scheme {
    Argon2id(Params),
    Bcrypt { cost: u32 },
}

/// bcrypt reads no further; what is longer is refused instead of cut.
pub(super) const BCRYPT_BYTES: usize = 72;

// A stored text decides what its check costs, so there is an end to what it may ask for; memory ends with the budget.
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 8;
const MOST_COST: u32 = 16;

impl Scheme {
    /// A hash with a fresh salt. `None` where the system gives no randomness or the password is too long for bcrypt.
    pub(super) fn hash(&self, password: &[u8], memory: &mut Memory) -> Option<String> {
        match self {
            Self::Argon2id(params) => {
                let mut salt = [0; 16];
                getrandom::fill(&mut salt).ok()?;
                let salt = Salt::new(&salt).ok()?;
                let output = argon2(Algorithm::Argon2id, Version::V0x13, params, password, &salt, memory)?;
                let hash = PasswordHash {
                    algorithm: Algorithm::Argon2id.ident(),
                    version: Some(Version::V0x13.into()),
                    params: ParamsString::try_from(params).ok()?,
                    salt: Some(salt),
                    hash: Some(output),
                };
                Some(hash.to_string())
            }
            Self::Bcrypt { .. } if password.len() > BCRYPT_BYTES => None,
            Self::Bcrypt { cost } => {
                done(|| format!("bcrypt, cost {cost}"));
                bcrypt::hash(password, *cost).ok()
            }
        }
    }

    /// Compares; where there is nothing that can be compared with, the answer is `Wrong` for the price of a new hash.
    pub(super) fn verify(&self, password: &[u8], hash: Option<&str>, memory: &mut Memory) -> Verdict {
        let Some(check) = hash.and_then(|hash| check(password, hash, memory)) else {
            self.spend(password, memory);
            return Verdict::Wrong;
        };
        let current = check.made_with.is_some_and(|scheme| scheme.same(self));
        match (check.right, current) {
            (false, _) => Verdict::Wrong,
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOutdated,
        }
    }

    /// The work of a hash, without its result.
    fn spend(&self, password: &[u8], memory: &mut Memory) {
        let password = match self {
            Self::Argon2id(_) => password,
            Self::Bcrypt { .. } => password.get(..BCRYPT_BYTES).unwrap_or(password),
        };
        black_box(self.hash(password, memory));
    }

    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Argon2id(a), Self::Argon2id(b)) => {
                (a.m_cost(), a.t_cost(), a.p_cost()) == (b.m_cost(), b.t_cost(), b.p_cost())
            }
            (Self::Bcrypt { cost: a }, Self::Bcrypt { cost: b }) => a == b,
            _ => false,
        }
    }
}

struct Check {
    right: bool,
    /// `None` for a scheme that new hashes never have, such as Argon2i.
    made_with: Option<Scheme>,
}

/// `None` where the text is no hash that can be checked here, or asks for more than is allowed.
fn check(password: &[u8], hash: &str, memory: &mut Memory) -> Option<Check> {
    if hash.starts_with("$argon2") {
        check_argon2(password, hash, memory)
    } else {
        check_bcrypt(password, hash)
    }
}

fn check_argon2(password: &[u8], hash: &str, memory: &mut Memory) -> Option<Check> {
    let hash = PasswordHash::new(hash).ok()?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    // A text without a version is of the first one (the format's own rule).
    let version = Version::try_from(hash.version.unwrap_or(0x10)).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    if params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES {
        return None;
    }
    // `Output` compares in constant time.
    let right = argon2(algorithm, version, &params, password, &salt, memory)? == expected;
    let current = algorithm == Algorithm::Argon2id && version == Version::V0x13;
    Some(Check { right, made_with: current.then_some(Scheme::Argon2id(params)) })
}

fn check_bcrypt(password: &[u8], hash: &str) -> Option<Check> {
    let cost = hash.parse::<HashParts>().ok()?.get_cost();
    if cost > MOST_COST || password.len() > BCRYPT_BYTES {
        return None;
    }
    done(|| format!("bcrypt, cost {cost}"));
    let right = bcrypt::verify(password, hash).ok()?;
    Some(Check { right, made_with: Some(Scheme::Bcrypt { cost }) })
}

/// RFC 9106 into the given memory. `None` where the budget does not allow for it.
fn argon2(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &Salt,
    memory: &mut Memory,
) -> Option<Output> {
    let mut bytes = [0; Output::MAX_LENGTH];
    let output = bytes.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let room = memory.room(params.block_count())?;
    done(|| format!("Argon2, {} KiB, {} passes", params.m_cost(), params.t_cost()));
    let argon2 = Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password, salt.as_ref(), output, room).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
thread_local! {
    /// The dear work that this thread has done, for tests that hold it against other work.
    pub(super) static DONE: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn done(_work: impl FnOnce() -> String) {
    #[cfg(test)]
    DONE.with_borrow_mut(|done| done.push(_work()));
}
