//! The first look at an upload: what it really is, and how large. Takes microseconds and allocates nothing, so that bombs
//! are refused before they take a place in a queue.

use crate::refusal::unreadable;
use crate::size::Size;
use crate::{jpeg, png};
use keyward_auth::values::{Format, Invalid};

/// Refuses what is neither PNG nor JPEG, is not what it was declared to be, or is too large.
pub(crate) fn glance(bytes: &[u8], declared: Format) -> Result<Size, Invalid> {
    let found = if bytes.starts_with(&png::SIGNATURE) {
        Format::Png
    } else if bytes.starts_with(&jpeg::SIGNATURE) {
        Format::Jpeg
    } else {
        return Err(unreadable("this is neither a PNG nor a JPEG picture"));
    };
    match (found, declared) {
        (Format::Png, Format::Png) => png::size(bytes),
        (Format::Jpeg, Format::Jpeg) => jpeg::size(bytes),
        (Format::Png, Format::Jpeg) => Err(unreadable("this was said to be a JPEG, and is a PNG")),
        (Format::Jpeg, Format::Png) => Err(unreadable("this was said to be a PNG, and is a JPEG")),
    }
}
