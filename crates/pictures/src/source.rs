//! A decoded picture as its file has it: not cut, not turned, in its own colours. What each decoder hands over.

use crate::size::Size;
use crate::turn::Turn;

pub(crate) struct Source {
    pub(crate) size: Size,
    pub(crate) samples: Samples,
    /// Row by row without gaps, one byte for each sample.
    pub(crate) pixels: Vec<u8>,
    pub(crate) turn: Turn,
    /// What the colours mean, as ICC profile; without one, sRGB is assumed.
    pub(crate) profile: Option<Vec<u8>>,
}

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Samples {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// 255 is full ink.
    Cmyk,
    /// 0 is full ink, as Adobe writes it.
    InvertedCmyk,
    /// Y, Cb, Cr and 255 less black: what Adobe makes of inverted CMYK.
    Ycck,
}

impl Samples {
    /// How many there are of a pixel.
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk | Self::InvertedCmyk | Self::Ycck => 4,
        }
    }
}
