//! Row 10: a photograph of 12 megapixels and almost 2 MiB, made from nothing; and the yardstick *paint*, what it takes to
//! decode, resize and encode it in four sizes, alone, on one thread. Each prints one line.

use crate::{Failure, say};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;
/// What an upload may have.
const MOST: usize = 2_097_152;

/// Writes the photograph: the best quality that fits.
pub(crate) fn make(path: &str) -> Result<(), Failure> {
    let scene = scene();
    let mut best = None;
    for quality in (20..=95).step_by(5) {
        let mut bytes = Vec::new();
        scene.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
        if bytes.len() > MOST {
            break;
        }
        best = Some((quality, bytes));
    }
    let (quality, bytes) = best.ok_or("no quality fits")?;
    std::fs::write(path, &bytes)?;
    say(&json!({"bytes": bytes.len(), "quality": quality, "width": WIDTH, "height": HEIGHT}).to_string())
}

/// Slow waves of colour, edges, and a little noise everywhere, as a sensor has it.
fn scene() -> RgbImage {
    let mut state = 0x2545_f491_u32;
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = i32::try_from(state % 13).unwrap_or(0) - 6;
        let edge = if (x / 37 + y / 53) % 5 == 0 { 40 } else { 0 };
        let wave = |step: u32, of: u32| {
            let at = i32::try_from(of / step % 256).unwrap_or(0);
            (at - 128).abs() + 60 + edge + noise
        };
        let byte = |value: i32| u8::try_from(value.clamp(0, 255)).unwrap_or(0);
        Rgb([byte(wave(7, x)), byte(wave(9, x + y)), byte(wave(11, y))])
    })
}

/// Does it again and again for so many seconds.
pub(crate) fn paint(path: &str, seconds: f64) -> Result<(), Failure> {
    let bytes = std::fs::read(Path::new(path))?;
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
    let photograph = image::load_from_memory_with_format(bytes, ImageFormat::Jpeg)?.into_rgb8();
    let (width, height) = photograph.dimensions();
    let side = f64::from(width.min(height));
    let mut from = Image::from_vec_u8(width, height, photograph.into_raw(), PixelType::U8x3)?;
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        (f64::from(width) - side) / 2.0,
        (f64::from(height) - side) / 2.0,
        side,
        side,
    );
    let mut written = 0;
    for side in [512, 256, 128, 64] {
        let mut square = Image::new(side, side, PixelType::U8x3);
        Resizer::new().resize(&from, &mut square, &options)?;
        let mut encoded = Vec::new();
        let pixels = square.buffer();
        JpegEncoder::new_with_quality(&mut encoded, 85).encode(pixels, side, side, image::ExtendedColorType::Rgb8)?;
        written += encoded.len();
        // The next one is made of this one.
        from = square;
        options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    }
    Ok(written)
}
