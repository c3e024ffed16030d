//! Small pictures of one colour, made by real encoders, and a decoder's look at what became of them.

use png::chunk::ChunkType;
use std::io::Cursor;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

pub(crate) type Colour = [u8; 3];

pub(crate) const RED: Colour = [200, 30, 30];
pub(crate) const GREEN: Colour = [30, 160, 60];
pub(crate) const BLUE: Colour = [40, 60, 190];

/// One of sixty-four, each far from the others.
pub(crate) fn colour(number: usize) -> Colour {
    [number % 4, number / 4 % 4, number / 16 % 4].map(|part| u8::try_from(40 + 55 * part).unwrap())
}

const WIDTH: u16 = 90;
const HEIGHT: u16 = 70;

fn pixels(colour: Colour) -> Vec<u8> {
    colour.repeat(usize::from(WIDTH) * usize::from(HEIGHT))
}

pub(crate) fn png(colour: Colour) -> Vec<u8> {
    png_with(colour, *b"prVt", b"")
}

/// With an ancillary chunk of this name.
pub(crate) fn png_with(colour: Colour, name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH.into(), HEIGHT.into());
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels(colour)).unwrap();
    writer.write_chunk(ChunkType(name), content).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn jpeg(colour: Colour) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 95);
    encoder.encode(&pixels(colour), WIDTH, HEIGHT, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// With a comment right behind its beginning.
pub(crate) fn jpeg_with(colour: Colour, comment: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg(colour);
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    bytes.splice(2..2, [&[0xFF, 0xFE][..], &length, comment].concat());
    bytes
}

/// A PNG whose pixels are all different and half of them see-through: what becomes of it is large, and a PNG.
pub(crate) fn noise(side: u32) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::Fastest);
    let pixels: Vec<u8> = (0..side * side * 4).map(|_| byte()).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A PNG of exactly this length: in an ancillary chunk, or behind its end.
pub(crate) fn png_of(length: usize, inside: bool) -> Vec<u8> {
    let mut bytes = png(GREEN);
    if inside {
        bytes = png_with(GREEN, *b"prVt", &vec![7; length - bytes.len()]);
    }
    bytes.resize(length, 0);
    bytes
}

pub(crate) fn media_type(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}

/// What a picture shows.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// In the middle, with alpha.
    pub(crate) colour: [u8; 4],
}

impl Look {
    /// Of a whole PNG or JPEG; panics at anything less.
    #[track_caller]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (pixels, width, height) = if bytes.starts_with(b"\x89PNG") {
            let mut decoder = png::Decoder::new(Cursor::new(bytes));
            decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            reader.finish().unwrap();
            (pixels, frame.width, frame.height)
        } else {
            assert!(bytes.ends_with(&[0xFF, 0xD9]), "{} bytes, and no end", bytes.len());
            let options =
                DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGBA);
            let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
            let pixels = decoder.decode().unwrap();
            let (width, height) = decoder.dimensions().unwrap();
            (pixels, width.try_into().unwrap(), height.try_into().unwrap())
        };
        let middle = (height / 2 * width + width / 2) as usize;
        Self { width, height, colour: pixels.as_chunks().0[middle] }
    }

    /// As near as a JPEG comes.
    pub(crate) fn is(&self, colour: Colour) -> bool {
        colour.iter().zip(self.colour).all(|(wanted, seen)| wanted.abs_diff(seen) < 8)
    }
}
