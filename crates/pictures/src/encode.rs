//! From pixels to files: JPEG, or PNG where something is transparent, with nothing in them that a decoder does not need.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Beyond this, faces do not get better and files get much larger.
const QUALITY: u8 = 85;

/// A square of RGBA as JPEG; what is transparent is not.
pub(crate) fn jpeg(square: &[u8], side: u32) -> Option<Vec<u8>> {
    let side = u16::try_from(side).ok()?;
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, QUALITY);
    // Colour in full resolution: red on black at 64 pixels is a smudge otherwise.
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    // With codes made to measure, this encoder gives each colour a scan of its own, which not every decoder reads.
    encoder.set_optimized_huffman_tables(false);
    encoder.encode(square, side, side, ColorType::Rgba).ok()?;
    Some(file)
}

/// A square of RGBA as PNG.
pub(crate) fn png(square: &[u8], side: u32) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().ok()?.write_image_data(square).ok()?;
    Some(file)
}

/// A square of few colours: a palette of RGB, at most 16, and the number of one for each pixel.
pub(crate) fn palette_png(pixels: &[u8], side: u32, palette: &[u8]) -> Option<Vec<u8>> {
    let rows = pixels.chunks_exact(usize::try_from(side).ok()?);
    let pair = |pair: &[u8]| (pair.first().unwrap_or(&0) << 4) | pair.get(1).unwrap_or(&0);
    let packed: Vec<u8> = rows.flat_map(|row| row.chunks(2).map(pair)).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_palette(palette);
    // The numbers of a palette are no amounts, so there is nothing to predict.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header().ok()?.write_image_data(&packed).ok()?;
    Some(file)
}
