//! Cutting and scaling: the middle of a picture as a square, and smaller squares of that. Does not know colours.

use crate::glance::Size;
use crate::source::Samples;
use fast_image_resize::images::{CroppedImage, Image};
use fast_image_resize::{MulDiv, PixelType, ResizeOptions, Resizer};
use keyward_auth::values::Picture;

/// The largest square that fits into the middle, brought to the largest side; its samples mean what they did before.
///
/// Scaled before anything else is done, so that all else has a quarter of a megapixel to do. `pixels` are changed, so that
/// there is no second copy of them.
pub(crate) fn middle(size: Size, samples: Samples, pixels: &mut [u8]) -> Option<Vec<u8>> {
    let kind = samples.pixel_type();
    let mut whole = Image::from_slice_u8(size.width, size.height, pixels, kind).ok()?;
    let mut square = Image::new(Picture::LARGEST, Picture::LARGEST, kind);
    let alpha = MulDiv::new();
    // What is transparent must not lend its colour to its neighbours.
    if samples.has_alpha() {
        alpha.multiply_alpha_inplace(&mut whole).ok()?;
    }
    // Cut before it is scaled: what lies outside must not show at the edges.
    let side = size.width.min(size.height);
    let (left, top) = ((size.width - side) / 2, (size.height - side) / 2);
    let cut = CroppedImage::new(&whole, left, top, side, side).ok()?;
    Resizer::new().resize(&cut, &mut square, &ResizeOptions::new().use_alpha(false)).ok()?;
    if samples.has_alpha() {
        alpha.divide_alpha_inplace(&mut square).ok()?;
    }
    Some(square.into_vec())
}

/// A square of RGBA of this side, from one of the largest side.
pub(crate) fn smaller(largest: &mut [u8], side: u32) -> Option<Vec<u8>> {
    let whole = Image::from_slice_u8(Picture::LARGEST, Picture::LARGEST, largest, PixelType::U8x4).ok()?;
    let mut small = Image::new(side, side, PixelType::U8x4);
    Resizer::new().resize(&whole, &mut small, &ResizeOptions::new()).ok()?;
    Some(small.into_vec())
}
