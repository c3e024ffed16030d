//! How large a picture is, and may be: known of its header, before anything is allocated.

use crate::refusal::{too_large, unreadable};
use keyward_auth::values::Invalid;

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
