//! One-time codes: the six digits, the token of the link, and the place where a code lies. All are keyed functions of the
//! code's record: whoever has a copy of a store can tell neither, and whoever can write to it can make nobody's code
//! somebody else's.

use super::{Master, half};
use crate::records::{Code, CodePlace, Purpose};
use crate::values::{Email, MailId, Timestamp, UserId};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

pub struct CodeKeys {
    places: hmac::Key,
    digits: hmac::Key,
    links: hmac::Key,
}

/// What a genuine link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkToken {
    pub purpose: Purpose,
    pub place: CodePlace,
    pub user: UserId,
    pub id: MailId,
    pub epoch: i64,
    pub asked_at: Timestamp,
}

impl LinkToken {
    /// Whether this is the very code that the link was made of, whatever has been written into its store since.
    pub fn is_of(&self, code: &Code) -> bool {
        (self.purpose, self.place, Some(self.user), self.id, self.epoch, self.asked_at)
            == (code.purpose, code.place, code.user, code.id, code.epoch, code.asked_at)
    }
}

const PREFIX: &str = "kwl_";
/// Purpose, place, user, id, epoch and when it was asked for.
const SAID: usize = 1 + 16 + 16 + 16 + 8 + 8;
/// The bytes of HMAC-SHA-256 that a token ends with: 152 bits.
const PROOF: usize = 19;

impl CodeKeys {
    pub fn new(master: &Master) -> Self {
        let key = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, master.derive(label).as_ref());
        Self { places: key("code places, 1"), digits: key("code digits, 1"), links: key("code links, 1") }
    }

    /// Where codes of this purpose for this address lie.
    pub fn place(&self, purpose: Purpose, email: &Email) -> CodePlace {
        let mut context = hmac::Context::with_key(&self.places);
        context.update(&[byte(purpose)]);
        context.update(email.key().as_bytes());
        CodePlace(half(&context.sign()))
    }

    /// Where it stands who may take an address back.
    pub fn held(&self, email: &Email) -> CodePlace {
        let mut context = hmac::Context::with_key(&self.places);
        context.update(b"held");
        context.update(email.key().as_bytes());
        CodePlace(half(&context.sign()))
    }

    /// The six digits of a code; each of the million alike.
    pub fn digits(&self, code: &Code) -> String {
        let tag = hmac::sign(&self.digits, &said(code));
        // Of 64 bits, so that no code is noticeably more likely than another.
        let number = tag.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:06}", number % 1_000_000)
    }

    /// Whether these are a code's digits, in constant time. Nobody's code has none that are right.
    pub fn is_right(&self, code: &Code, digits: &str) -> bool {
        let is_right =
            constant_time::verify_slices_are_equal(self.digits(code).as_bytes(), digits.as_bytes()).is_ok();
        is_right && code.user.is_some()
    }

    /// The token of a code's link: 116 characters that fit into a URL.
    pub fn token(&self, code: &Code) -> String {
        let said = said(code);
        let proof = hmac::sign(&self.links, &said);
        let bytes: Vec<u8> = said.iter().chain(proof.as_ref().iter().take(PROOF)).copied().collect();
        format!("{PREFIX}{}", BASE64.encode(bytes))
    }

    /// Reads a link's token if it is genuine: nothing is looked up for a false one.
    pub fn read_token(&self, text: &str) -> Option<LinkToken> {
        let text = text.strip_prefix(PREFIX).filter(|text| text.len() == (SAID + PROOF) * 4 / 3)?;
        let bytes = BASE64.decode(text).ok()?;
        let (said, given) = bytes.split_at_checked(SAID)?;
        let proof = hmac::sign(&self.links, said);
        constant_time::verify_slices_are_equal(proof.as_ref().get(..PROOF)?, given).ok()?;

        let (first, rest) = said.split_first()?;
        let part = |at: usize| -> Option<[u8; 16]> { rest.get(16 * at..16 * (at + 1))?.try_into().ok() };
        let number = |at: usize| -> Option<i64> {
            let bytes = rest.get(48 + 8 * at..48 + 8 * (at + 1))?;
            Some(i64::from_be_bytes(bytes.try_into().ok()?))
        };
        Some(LinkToken {
            purpose: Purpose::ALL.into_iter().find(|purpose| byte(*purpose) == *first)?,
            place: CodePlace(part(0)?),
            user: UserId::from_bytes(part(1)?),
            id: MailId::from_bytes(part(2)?),
            epoch: number(0)?,
            asked_at: Timestamp::from_micros(number(1)?),
        })
    }
}

/// Fixed for ever: it is in links that were sent.
fn byte(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Verify => 1,
        Purpose::Change => 2,
        Purpose::Reset => 3,
        Purpose::Invite => 4,
        Purpose::Undo => 5,
    }
}

/// What a code's digits and link rest on: all that decides whether it is good, but for times that move when a mail is sent
/// once more.
fn said(code: &Code) -> [u8; SAID] {
    let mut said = [0; SAID];
    let nobody = [0; 16];
    let user = code.user.as_ref().map_or(&nobody, UserId::as_bytes);
    let parts = [byte(code.purpose)].into_iter().chain(code.place.0).chain(*user).chain(*code.id.as_bytes());
    let parts = parts.chain(code.epoch.to_be_bytes()).chain(code.asked_at.as_micros().to_be_bytes());
    said.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(id: u128) -> Code {
        Code {
            place: CodePlace([7; 16]),
            user: Some(UserId::from_bytes([9; 16])),
            id: MailId::from_bytes(id.to_be_bytes()),
            asked_at: Timestamp::from_micros(0),
            purpose: Purpose::Reset,
            email: None,
            epoch: 1,
            tries: 0,
            digits_until: None,
            expires_at: Timestamp::from_micros(0),
        }
    }

    /// The same code after somebody has written into its store.
    fn altered(code: &Code) -> [Code; 6] {
        [
            Code { user: Some(UserId::from_bytes([8; 16])), ..code.clone() },
            Code { place: CodePlace([8; 16]), ..code.clone() },
            Code { purpose: Purpose::Verify, ..code.clone() },
            Code { id: MailId::from_bytes([3; 16]), ..code.clone() },
            Code { epoch: 2, ..code.clone() },
            Code { asked_at: Timestamp::from_micros(1), ..code.clone() },
        ]
    }

    #[test]
    fn only_the_link_that_was_written_is_read() {
        let keys = CodeKeys::new(&Master::new(b"a master secret"));
        let code = code(1);
        let text = keys.token(&code);
        let said = keys.read_token(&text).unwrap();
        assert!(said.is_of(&code));
        for other in altered(&code) {
            assert!(!said.is_of(&other), "{other:?}");
        }
        for i in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[i] ^= 1;
            assert!(keys.read_token(&String::from_utf8(altered).unwrap()).is_none(), "character {i}");
            assert!(keys.read_token(&text[..i]).is_none(), "cut at {i}");
        }
        for other in ["", "kwl_", &format!("{text}="), &format!("{text}A"), &"é".repeat(46)] {
            assert!(keys.read_token(other).is_none(), "{other}");
        }
        assert!(CodeKeys::new(&Master::new(b"another")).read_token(&text).is_none());
    }

    #[test]
    fn digits_are_of_this_code_and_nobodys_are_never_right() {
        let keys = CodeKeys::new(&Master::new(b"a master secret"));
        let ours = code(1);
        let digits = keys.digits(&ours);
        assert!(keys.is_right(&ours, &digits));
        for other in altered(&ours) {
            assert!(!keys.is_right(&other, &digits));
        }
        let nobodys = Code { user: None, ..ours };
        assert!(!keys.is_right(&nobodys, &keys.digits(&nobodys)));
    }

    #[test]
    fn o_08_every_code_is_as_likely_as_another() {
        let keys = CodeKeys::new(&Master::new(b"a master secret"));
        let mut counts = [[0_u32; 10]; 6];
        for id in 0..20_000 {
            let digits = keys.digits(&code(id));
            assert!(digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
            for (place, digit) in digits.bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Nine degrees of freedom: 33.7 is passed by chance once in ten thousand.
        for (place, counts) in counts.iter().enumerate() {
            let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 2000.0).powi(2) / 2000.0).sum();
            assert!(chi < 33.7, "digit {place}: {counts:?}");
        }
    }
}
