//! PNG: any colour type and depth, interlaced or not; of an animation, the still picture that everybody sees. The decoder
//! gets a copy of the file in which there is only what it needs, so no other chunk can do it any harm.

mod chunks;

use crate::refusal::{broken, cut_short, unreadable};
use crate::size::Size;
use crate::source::{Samples, Source};
use crate::turn::Turn;
use ::png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use chunks::{Chunk, Chunks};
use keyward_auth::values::Invalid;
use std::io::Cursor;

pub(crate) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// What the decoder may allocate beside the picture: rows, and a profile of colours, which is left out if it is larger.
const BESIDE: usize = 4 << 20;

/// Width and height, of the header alone.
pub(crate) fn size(bytes: &[u8]) -> Result<Size, Invalid> {
    let header = Chunks::new(bytes).next().ok_or_else(cut_short)?;
    match header {
        Chunk { kind: b"IHDR", data: &[a, b, c, d, e, f, g, h, ..], .. } => {
            Size::new(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
        }
        _ => Err(broken()),
    }
}

pub(crate) fn decode(bytes: &[u8], size: Size) -> Result<Source, Invalid> {
    let (file, turn) = needed(bytes)?;
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: BESIDE });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|_| broken())?;
    let samples = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => Samples::Gray,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Samples::GrayAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Samples::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Samples::Rgba,
        _ => return Err(broken()),
    };
    let length = size.pixels() * samples.count();
    // The header that counts is the one whose size was looked at.
    if reader.output_buffer_size() != Some(length) {
        return Err(broken());
    }
    let mut pixels = vec![0; length];
    reader.next_frame(&mut pixels).map_err(|_| broken())?;
    let profile = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    Ok(Source { size, samples, pixels, turn, profile })
}

/// The chunks that make the picture, and how it is turned.
fn needed(bytes: &[u8]) -> Result<(Vec<u8>, Turn), Invalid> {
    let mut file = SIGNATURE.to_vec();
    let mut turn = Turn::default();
    for Chunk { kind, data, whole } in Chunks::new(bytes) {
        match kind {
            b"IHDR" | b"PLTE" | b"tRNS" | b"iCCP" | b"IDAT" => file.extend_from_slice(whole),
            b"IEND" => {
                file.extend_from_slice(whole);
                return Ok((file, turn));
            }
            b"eXIf" => turn = Turn::of_exif(data),
            // An upper case letter says that the picture cannot be understood without this.
            [b'A'..=b'Z', ..] => return Err(unreadable("the picture needs what this service cannot read")),
            _ => {}
        }
    }
    Err(cut_short())
}
