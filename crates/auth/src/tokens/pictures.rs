//! The names of pictures, and the signatures of links to those that the service shows itself: keyed functions, so that nobody
//! finds a picture who was not given a link to it.

use super::{Master, half};
use crate::values::{Format, Picture, Timestamp};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

pub struct PictureKeys {
    names: hmac::Key,
    links: hmac::Key,
}

impl PictureKeys {
    pub fn new(master: &Master) -> Self {
        let key = |label: &str| hmac::Key::new(hmac::HMAC_SHA256, master.derive(label).as_ref());
        Self { names: key("picture names, 1"), links: key("picture links, 1") }
    }

    /// A name of what the picture is and of a number that is used once: two uploads of one picture are two pictures, so that
    /// taking the first away never takes the second.
    pub fn name(&self, once: &[u8; 16], format: Format, square: &[u8]) -> Picture {
        let mut context = hmac::Context::with_key(&self.names);
        context.update(once);
        context.update(square);
        Picture::new(half(&context.sign()), format)
    }

    /// What a link to a square carries so that it opens until then.
    pub fn signature(&self, picture: Picture, side: u32, until: Timestamp) -> String {
        BASE64.encode(half(&hmac::sign(&self.links, &signed(picture, side, until))))
    }

    /// Whether a link was signed here, in constant time. Whether its time is over is for the flow to know.
    pub fn is_signed(&self, picture: Picture, side: u32, until: Timestamp, signature: &str) -> bool {
        let right = self.signature(picture, side, until);
        constant_time::verify_slices_are_equal(right.as_bytes(), signature.as_bytes()).is_ok()
    }
}

fn signed(picture: Picture, side: u32, until: Timestamp) -> Vec<u8> {
    format!("GET {} {}", picture.object(side), until.as_micros()).into_bytes()
}
