//! Row 10: a photograph of 12 megapixels and almost 2 MiB, made from nothing; and the yardstick *paint*, what it takes to
//! decode, resize and encode it in four sizes, alone, on one thread. Each prints one line.

use crate::{Failure, say};
use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use serde_json::json;
use std::time::{Duration, Instant};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

const WIDTH: u16 = 4000;
const HEIGHT: u16 = 3000;
/// What an upload may have.
const MOST: usize = 2_097_152;

/// Writes the photograph: the best quality that fits.
pub(crate) fn make(path: &str) -> Result<(), Failure> {
    let scene = scene();
    let mut best = None;
    for quality in (20..=95).step_by(5) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, quality);
        // As cameras and phones do.
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.encode(&scene, WIDTH, HEIGHT, ColorType::Rgb)?;
        if bytes.len() > MOST {
            break;
        }
        best = Some((quality, bytes));
    }
    let (quality, bytes) = best.ok_or("no quality fits")?;
    std::fs::write(path, &bytes)?;
    say(&json!({"bytes": bytes.len(), "quality": quality, "width": WIDTH, "height": HEIGHT}).to_string())
}

/// Slow waves of colour, edges, and a little noise everywhere, as a sensor has it: pixels of RGB.
fn scene() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let pixels = (0..i32::from(HEIGHT)).flat_map(|y| (0..i32::from(WIDTH)).map(move |x| (x, y)));
    let pixel = |(x, y): (i32, i32)| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = i32::try_from(state % 13).unwrap_or(0) - 6;
        let edge = if (x / 37 + y / 53) % 5 == 0 { 40 } else { 0 };
        let wave = |of: i32, step: i32| (of / step % 256 - 128).abs() + 60 + edge + noise;
        let byte = |value: i32| u8::try_from(value.clamp(0, 255)).unwrap_or(0);
        [byte(wave(x, 7)), byte(wave(x + y, 9)), byte(wave(y, 11))]
    };
    pixels.flat_map(pixel).collect()
}

/// Does it again and again for so many seconds.
pub(crate) fn paint(path: &str, seconds: f64) -> Result<(), Failure> {
    let bytes = std::fs::read(path)?;
    once(&bytes)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        once(&bytes)?;
        count += 1;
    }
    let took = start.elapsed().as_secs_f64() * 1000.0;
    say(&json!({"count": count, "milliseconds": took / f64::from(count)}).to_string())
}

fn once(bytes: &[u8]) -> Result<usize, Failure> {
    let mut pixels = JpegDecoder::new(ZCursor::new(bytes)).decode()?;
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let mut from = TypedImage::<U8x3>::from_buffer(width, height, &mut pixels)?;
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        f64::from(WIDTH - HEIGHT) / 2.0,
        0.0,
        f64::from(HEIGHT),
        f64::from(HEIGHT),
    );
    let mut written = 0;
    for side in [512, 256, 128, 64_u16] {
        let mut square = TypedImage::<U8x3>::new(side.into(), side.into());
        Resizer::new().resize_typed(&from, &mut square, &options)?;
        let mut encoded = Vec::new();
        let rgb: Vec<u8> = square.pixels().iter().flat_map(|pixel| pixel.0).collect();
        Encoder::new(&mut encoded, 85).encode(&rgb, side, side, ColorType::Rgb)?;
        written += encoded.len();
        // The next one is made of this one.
        from = square;
        options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    }
    Ok(written)
}
