//! Cutting and scaling: the middle of a picture as a square, and smaller squares of that. Colours are numbers here, but what
//! is transparent lends nothing of its colour to its neighbours.

mod lanczos;

use crate::source::{Samples, Source};
use keyward_auth::values::Picture;
use std::array;

const LARGEST: usize = Picture::LARGEST as usize;

/// The largest square that fits into the middle, brought to the largest side; its samples mean what they did before.
pub(crate) fn middle(source: &Source) -> Vec<u8> {
    let (width, height) = (source.size.width as usize, source.size.height as usize);
    let side = width.min(height);
    let cut = Cut { width, left: (width - side) / 2, top: (height - side) / 2, side };
    let scaled = match source.samples {
        Samples::Gray => scaled::<1, false>,
        Samples::GrayAlpha => scaled::<2, true>,
        Samples::Rgb => scaled::<3, false>,
        Samples::Rgba => scaled::<4, true>,
        Samples::Cmyk | Samples::InvertedCmyk | Samples::Ycck => scaled::<4, false>,
    };
    // The rest is at least to two thirds.
    scaled(&source.pixels, cut, 2 * side / (3 * LARGEST), LARGEST)
}

/// A square of RGBA of this side, of one of the largest side.
pub(crate) fn smaller(largest: &[u8], side: u32) -> Vec<u8> {
    if side == Picture::LARGEST {
        return largest.to_vec();
    }
    let (cut, side) = (Cut { width: LARGEST, left: 0, top: 0, side: LARGEST }, side as usize);
    // The rest is a half, and of the largest nothing is cut.
    scaled::<4, true>(largest, cut, LARGEST / (2 * side), side)
}

/// Which part of the pixels is wanted: a square in rows of this width.
#[derive(Clone, Copy)]
struct Cut {
    width: usize,
    left: usize,
    top: usize,
    side: usize,
}

/// `N` samples a pixel, of which the last may be how opaque it is. By a whole number first, which is quick; the rest by a
/// filter that keeps what is sharp.
fn scaled<const N: usize, const ALPHA: bool>(pixels: &[u8], cut: Cut, by: usize, to: usize) -> Vec<u8> {
    let by = by.max(1);
    let mut square = match by {
        // What the compiler knows it unrolls; most cameras come to one of these.
        1 => reduced::<N, ALPHA>(pixels, cut, 1),
        2 => reduced::<N, ALPHA>(pixels, cut, 2),
        3 => reduced::<N, ALPHA>(pixels, cut, 3),
        4 => reduced::<N, ALPHA>(pixels, cut, 4),
        _ => reduced::<N, ALPHA>(pixels, cut, by),
    };
    let side = cut.side / by;
    if side != to {
        square = lanczos::resampled::<N>(&square, side, to);
    }
    if ALPHA {
        square.as_chunks_mut::<N>().0.iter_mut().for_each(divide);
    }
    square
}

/// Means of `by` times `by` pixels, multiplied by how opaque they are. What does not make a whole pixel is cut.
#[inline]
fn reduced<const N: usize, const ALPHA: bool>(pixels: &[u8], cut: Cut, by: usize) -> Vec<u8> {
    let side = cut.side / by;
    let mut means = Vec::with_capacity(side * side * N);
    let mut rows = pixels.chunks_exact(cut.width * N).skip(cut.top);
    // Whole rows are added up first, at most 13 of them: processors like that.
    let mut line = vec![0_u32; side * by * N];
    // Sums of single amounts, or of amounts times how opaque they are.
    #[expect(clippy::cast_precision_loss, reason = "at most 169")]
    let count = (by * by) as f32;
    let parts: [f32; N] = array::from_fn(|at| if ALPHA && at + 1 < N { 255.0 * count } else { count });
    let parts = parts.map(f32::recip);
    for _ in 0..side {
        line.fill(0);
        for row in rows.by_ref().take(by) {
            let row = row.get(cut.left * N..).unwrap_or_default();
            if ALPHA {
                add_weighted::<N>(&mut line, row);
            } else {
                line.iter_mut().zip(row).for_each(|(sum, sample)| *sum += u32::from(*sample));
            }
        }
        for block in line.as_chunks::<N>().0.chunks_exact(by) {
            let sums = block.iter().fold([0; N], |sums, pixel| array::from_fn(|at| sums[at] + pixel[at]));
            means.extend_from_slice(&array::from_fn::<_, N, _>(|at| {
                lanczos::rounded(sums[at] as f32 * parts[at])
            }));
        }
    }
    means
}

/// Adds pixels, each as much as it is opaque.
fn add_weighted<const N: usize>(line: &mut [u32], row: &[u8]) {
    for (sums, pixel) in line.as_chunks_mut::<N>().0.iter_mut().zip(row.as_chunks::<N>().0) {
        let opaque = u32::from(pixel[N - 1]);
        for (at, (sum, sample)) in sums.iter_mut().zip(pixel).enumerate() {
            *sum += if at + 1 < N { opaque } else { 1 } * u32::from(*sample);
        }
    }
}

/// Takes back that colours were multiplied by how opaque they are.
fn divide<const N: usize>(pixel: &mut [u8; N]) {
    let Some((opaque, colours)) = pixel.split_last_mut() else { return };
    let opaque = u32::from(*opaque);
    for colour in colours {
        let full = (u32::from(*colour) * 255 + opaque / 2).checked_div(opaque).unwrap_or(0);
        *colour = u8::try_from(full).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square<const N: usize>(side: usize, colour: impl Fn(usize, usize) -> [u8; N]) -> Vec<u8> {
        (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect()
    }

    fn whole(side: usize) -> Cut {
        Cut { width: side, left: 0, top: 0, side }
    }

    #[test]
    fn one_colour_stays_that_colour_at_every_scale() {
        for from in [1, 2, 3, 7, 64, 100, 511, 512, 513, 1024, 1500, 2047] {
            for to in [64, 512] {
                let scaled = scaled::<3, false>(
                    &square(from, |_, _| [255, 7, 0]),
                    whole(from),
                    2 * from / (3 * to),
                    to,
                );
                assert_eq!(scaled.len(), to * to * 3);
                assert!(
                    scaled.as_chunks::<3>().0.iter().all(|pixel| *pixel == [255, 7, 0]),
                    "{from} to {to}"
                );
            }
        }
    }

    #[test]
    fn what_is_left_and_right_stays_there() {
        for (from, to) in [(100, 512), (512, 512), (700, 512), (3000, 512), (512, 64), (512, 128), (512, 256)]
        {
            let scaled = scaled::<1, false>(
                &square(from, |x, _| [if x < from / 2 { 10 } else { 200 }]),
                whole(from),
                from / (2 * to),
                to,
            );
            for row in scaled.chunks_exact(to) {
                let (left, right) = row.split_at(to / 2);
                let near = to / 16;
                assert!(
                    left[..to / 2 - near].iter().all(|sample| sample.abs_diff(10) <= 1),
                    "{from} to {to}"
                );
                assert!(right[near..].iter().all(|sample| sample.abs_diff(200) <= 1), "{from} to {to}");
            }
        }
    }

    #[test]
    fn what_is_transparent_has_no_colour_to_give() {
        // Red on transparent green.
        let picture =
            square(900, |x, y| if (x / 50 + y / 50) % 2 == 0 { [255, 0, 0, 255] } else { [0, 255, 0, 0] });
        for to in [512, 64] {
            for pixel in scaled::<4, true>(&picture, whole(900), 900 / (2 * to), to).as_chunks::<4>().0 {
                assert_eq!(pixel[1], 0, "{pixel:?}");
                assert!(pixel[3] < 8 || pixel[0] > 250, "{pixel:?}");
            }
        }
    }

    #[test]
    fn only_the_middle_counts() {
        let wide: Vec<u8> =
            (0..40).flat_map(|_| [[9; 31].as_slice(), &[77; 40], &[9; 30]].concat()).collect();
        let cut = Cut { width: 101, left: 31, top: 0, side: 40 };
        assert!(scaled::<1, false>(&wide, cut, 1, 512).iter().all(|sample| *sample == 77));
    }
}
