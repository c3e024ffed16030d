//! From an upload to a painting, on the thread that calls. The order is chosen for memory: the whole picture is there once,
//! and everything after scaling has one small square to do.

use crate::glance::glance;
use crate::refusal::broken;
use crate::source::Source;
use crate::{colour, encode, jpeg, png, square};
use keyward_auth::outside::Painting;
use keyward_auth::values::{Format, Invalid, Picture};

/// Makes a picture anew in every size. Takes up to 300 MiB of memory and some seconds of a core, whatever the bytes are.
pub fn paint(bytes: &[u8], declared: Format) -> Result<Painting, Invalid> {
    let size = glance(bytes, declared)?;
    let source = match declared {
        Format::Png => png::decode(bytes, size)?,
        Format::Jpeg => jpeg::decode(bytes, size)?,
    };
    paint_source(source).ok_or_else(broken)
}

fn paint_source(source: Source) -> Option<Painting> {
    let square = square::middle(&source);
    let Source { samples, turn, profile, pixels, .. } = source;
    drop(pixels);
    let square = colour::to_srgb(square, samples, profile.as_deref());
    let square = turn.apply(square, Picture::LARGEST as usize);
    let is_opaque = square.as_chunks::<4>().0.iter().all(|[.., alpha]| *alpha == u8::MAX);
    let (format, encode): (_, fn(&[u8], u32) -> _) =
        if is_opaque { (Format::Jpeg, encode::jpeg) } else { (Format::Png, encode::png) };
    let squares = Picture::SIZES.map(|side| encode(&square::smaller(&square, side), side));
    Some(Painting { format, squares: squares.into_iter().collect::<Option<_>>()? })
}
