//! Tokens: what a client holds to prove a session. Owns their making and checking and every key that is derived from the
//! master secret; it does not know whether a session lives.

mod access;
mod algorithm;
mod codes;
mod counting;
mod key;
mod master;
mod pictures;
mod refresh;
mod ring;
mod seal;

pub use access::{AccessTokens, Claims, Issuer, Verified};
pub use algorithm::Algorithm;
pub use codes::{CodeKeys, LinkToken};
pub use counting::CounterKeys;
pub use key::{KeyError, SigningKey};
pub use master::Master;
pub use pictures::PictureKeys;
pub use refresh::{RefreshToken, RefreshTokens};
pub use ring::{Ring, RingKey};
pub use seal::Sealer;

use aws_lc_rs::hmac;

/// Both kinds of tokens, what seals the keys of one of them, what names counters, and what one-time codes and links to
/// pictures are made with.
pub struct Tokens {
    pub access: AccessTokens,
    pub refresh: RefreshTokens,
    pub sealer: Sealer,
    pub counters: CounterKeys,
    pub codes: CodeKeys,
    pub pictures: PictureKeys,
    /// What new access tokens are signed with.
    pub algorithm: Algorithm,
    /// The shared secret of HS256, if that is the algorithm.
    pub shared_secret: Option<Master>,
}

/// The first half of an HMAC-SHA-256: a name that nobody foresees, in 16 bytes.
fn half(tag: &hmac::Tag) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(tag.as_ref()).for_each(|(byte, of_tag)| *byte = *of_tag);
    half
}
