//! The first look at an upload: what it really is, and how large. Takes microseconds and allocates nothing, so that bombs
//! are refused before they take a place in a queue.

use crate::refusal::{too_large, unreadable};
use crate::{jpeg, png};
use keyward_auth::values::{Format, Invalid};

/// The longest side of a picture in pixels.
const LONGEST_SIDE: u32 = 10_000;
/// The most pixels of a picture; at four bytes each, 200 MB.
const MOST_PIXELS: u32 = 50_000_000;

/// Width and height in pixels, within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, Invalid> {
        if width == 0 || height == 0 {
            return Err(unreadable("the picture has no pixels"));
        }
        if width > LONGEST_SIDE || height > LONGEST_SIDE {
            return Err(too_large("a picture has at most 10,000 pixels a side"));
        }
        // Cannot overflow: both sides are limited.
        if width * height > MOST_PIXELS {
            return Err(too_large("a picture has at most 50 megapixels"));
        }
        Ok(Self { width, height })
    }

    pub(crate) fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

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
