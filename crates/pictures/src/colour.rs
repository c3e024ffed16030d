//! From the colours of a file to sRGB. An embedded profile counts where it fits the samples and can be read; otherwise
//! gray and RGB are taken as sRGB, and CMYK is converted naively. `gAMA` and `cHRM` of PNG are not looked at.

use crate::source::Samples;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// More tags than any real profile has. Each may point to the same large table, and each is read.
const MOST_TAGS: u32 = 100;

/// RGBA of sRGB, from the samples of a scaled square.
pub(crate) fn to_srgb(square: Vec<u8>, samples: Samples, profile: Option<&[u8]>) -> Vec<u8> {
    let square = plain(square, samples);
    profile
        .and_then(|profile| converted(&square, samples, profile))
        .unwrap_or_else(|| naive(&square, samples))
}

/// CMYK of any kind with 255 for full ink; all else as it is.
fn plain(mut square: Vec<u8>, samples: Samples) -> Vec<u8> {
    match samples {
        Samples::InvertedCmyk => square.iter_mut().for_each(|ink| *ink = 255 - *ink),
        Samples::Ycck => {
            for pixel in square.as_chunks_mut::<4>().0 {
                let [y, cb, cr, k] = *pixel;
                // What Adobe stores is RGB of the inverted ink, as Y, Cb and Cr; so this is the ink itself.
                let [c, m, y] = rgb_of_ycc(y, cb, cr);
                *pixel = [c, m, y, 255 - k];
            }
        }
        Samples::Gray | Samples::GrayAlpha | Samples::Rgb | Samples::Rgba | Samples::Cmyk => {}
    }
    square
}

/// ITU-R BT.601 with full range, as JFIF has it, in 16 binary places.
fn rgb_of_ycc(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let sample = |value: i32| u8::try_from(((value + (1 << 15)) >> 16).clamp(0, 255)).unwrap_or_default();
    [sample(y + 91_881 * cr), sample(y - 22_554 * cb - 46_802 * cr), sample(y + 116_130 * cb)]
}

/// `None` where the profile is of other samples, or cannot be read.
fn converted(square: &[u8], samples: Samples, profile: &[u8]) -> Option<Vec<u8>> {
    let tags = profile.get(128..132)?.try_into().map(u32::from_be_bytes).ok()?;
    if tags > MOST_TAGS {
        return None;
    }
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, layout) = match samples {
        Samples::Gray => (DataColorSpace::Gray, Layout::Gray),
        Samples::GrayAlpha => (DataColorSpace::Gray, Layout::GrayAlpha),
        Samples::Rgb => (DataColorSpace::Rgb, Layout::Rgb),
        Samples::Rgba => (DataColorSpace::Rgb, Layout::Rgba),
        // Four inks lie in memory as RGBA does.
        Samples::Cmyk | Samples::InvertedCmyk | Samples::Ycck => (DataColorSpace::Cmyk, Layout::Rgba),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(layout, &srgb, Layout::Rgba, options).ok()?;
    let mut done = vec![255; square.len() / samples.count() * 4];
    transform.transform(square, &mut done).ok()?;
    Some(done)
}

fn naive(square: &[u8], samples: Samples) -> Vec<u8> {
    let mut done = Vec::with_capacity(square.len() / samples.count() * 4);
    for pixel in square.chunks_exact(samples.count()) {
        done.extend_from_slice(&match (samples, pixel) {
            (_, [gray]) => [*gray, *gray, *gray, 255],
            (_, [gray, alpha]) => [*gray, *gray, *gray, *alpha],
            (_, [red, green, blue]) => [*red, *green, *blue, 255],
            (Samples::Rgba, [red, green, blue, alpha]) => [*red, *green, *blue, *alpha],
            (_, [c, m, y, k]) => [paper(*c, *k), paper(*m, *k), paper(*y, *k), 255],
            _ => [0; 4],
        });
    }
    done
}

/// What two inks leave of the white of the paper.
fn paper(ink: u8, black: u8) -> u8 {
    let left = u32::from(255 - ink) * u32::from(255 - black);
    u8::try_from((left + 127) / 255).unwrap_or(u8::MAX)
}
