//! JPEG: baseline and progressive with 8 bits and Huffman codes, gray, colour and four inks; what phones, cameras and
//! programs write. The decoder gets a copy of the file in which there is only what it needs.

mod frame;
mod profile;
mod segments;

use crate::refusal::{broken, cut_short};
use crate::size::Size;
use crate::source::{Samples, Source};
use crate::turn::Turn;
use frame::{Frame, Work};
use keyward_auth::values::Invalid;
use profile::Parts;
use segments::{Segment, Segments};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Start of image, and the beginning of the first marker.
pub(crate) const SIGNATURE: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// Before the frame there are a handful of segments, or some dozens where there is a large profile.
const MOST_BEFORE_FRAME: usize = 1000;

/// Width and height, of the frame's header.
pub(crate) fn size(bytes: &[u8]) -> Result<Size, Invalid> {
    for segment in Segments::new(bytes).take(MOST_BEFORE_FRAME) {
        if segment.is_frame() {
            return Ok(Frame::read(&segment)?.size);
        }
    }
    Err(broken())
}

pub(crate) fn decode(bytes: &[u8], size: Size) -> Result<Source, Invalid> {
    let outline = Outline::read(bytes)?;
    if outline.frame.size != size {
        return Err(broken());
    }
    let samples = outline.samples()?;
    let colours = match samples {
        Samples::Gray => ColorSpace::Luma,
        // RGB in the file: what is called YCbCr comes as it is, unless the decoder sees by the names of the components what
        // it really is.
        Samples::Rgb if outline.adobe == Some(Adobe::Plain) && !outline.frame.is_named_rgb() => {
            ColorSpace::YCbCr
        }
        Samples::Rgb => ColorSpace::RGB,
        _ => ColorSpace::CMYK,
    };
    // Strict: what is broken is refused, and not filled with gray.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(size.width as usize)
        .set_max_height(size.height as usize)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&outline.file), options);
    decoder.decode_headers().map_err(|_| broken())?;
    let length = size.pixels() * samples.count();
    if decoder.output_buffer_size() != Some(length) {
        return Err(broken());
    }
    let mut pixels = vec![0; length];
    decoder.decode_into(&mut pixels).map_err(|_| broken())?;
    Ok(Source { size, samples, pixels, turn: outline.turn, profile: outline.profile })
}

/// What Adobe's marker says of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adobe {
    /// RGB, or inverted CMYK.
    Plain,
    /// YCbCr, or YCCK.
    Transformed,
}

/// All of a file but its pixels.
struct Outline {
    frame: Frame,
    adobe: Option<Adobe>,
    turn: Turn,
    profile: Option<Vec<u8>>,
    /// The tables, the frame and the scans.
    file: Vec<u8>,
}

impl Outline {
    fn read(bytes: &[u8]) -> Result<Self, Invalid> {
        let mut file = vec![0xFF, segments::START];
        let (mut frame, mut work) = (None, Work::default());
        let (mut adobe, mut turn, mut parts) = (None, None, Parts::default());
        for segment in Segments::new(bytes) {
            let Segment { marker, payload, .. } = segment;
            match marker {
                segments::END => {
                    let frame: Frame = frame.ok_or_else(broken)?;
                    file.extend([0xFF, segments::END]);
                    let profile = parts.whole();
                    return Ok(Self { frame, adobe, turn: turn.unwrap_or_default(), profile, file });
                }
                segments::SCAN => work.add(frame.as_ref().ok_or_else(broken)?, &segment)?,
                _ if segment.is_frame() => {
                    // A second one is for the decoder to refuse.
                    frame.get_or_insert(Frame::read(&segment)?);
                }
                segments::HUFFMAN_TABLES | segments::QUANTIZATION_TABLES | segments::RESTARTS => {}
                _ => {
                    match payload {
                        [b'E', b'x', b'i', b'f', 0, _, tiff @ ..] if marker == 0xE1 => {
                            turn.get_or_insert_with(|| Turn::of_exif(tiff));
                        }
                        [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..] if marker == 0xEE => {
                            adobe = Some(if *transform == 0 { Adobe::Plain } else { Adobe::Transformed });
                        }
                        _ if marker == 0xE2 => parts.add(payload),
                        _ => {}
                    }
                    continue;
                }
            }
            segment.write_to(&mut file);
        }
        Err(cut_short())
    }

    fn samples(&self) -> Result<Samples, Invalid> {
        Ok(match (self.frame.components.len(), self.adobe) {
            (1, _) => Samples::Gray,
            (3, _) => Samples::Rgb,
            (4, None) => Samples::Cmyk,
            (4, Some(Adobe::Plain)) => Samples::InvertedCmyk,
            (4, Some(Adobe::Transformed)) => Samples::Ycck,
            _ => return Err(broken()),
        })
    }
}
