//! A decoded picture as its file has it: not cut, not turned, in its own colours. What each decoder hands over.

use crate::glance::Size;
use crate::turn::Turn;
use fast_image_resize::PixelType;

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
    /// The same number of bytes, for arithmetic that does not care what they mean.
    pub(crate) fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::GrayAlpha => PixelType::U8x2,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba | Self::Cmyk | Self::InvertedCmyk | Self::Ycck => PixelType::U8x4,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        self.pixel_type().size()
    }

    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }
}
