//! Scaling by any factor with the filter of Lanczos, three lobes on each side: sharp, and without steps.

use std::f32::consts::PI;

const LOBES: f32 = 3.0;

/// Of a square of `from` pixels of `N` samples a side, one of `to`.
pub(super) fn resampled<const N: usize>(square: &[u8], from: usize, to: usize) -> Vec<u8> {
    let windows: Vec<Window> = (0..to).map(|at| Window::new(at, from, to)).collect();
    let mut done = Vec::with_capacity(to * to * N);
    let mut line = vec![0.0; from * N];
    for window in &windows {
        // Down first: whole rows are added up, which processors like.
        line.fill(0.0);
        for (row, weight) in square.chunks_exact(from * N).skip(window.first).zip(&window.weights) {
            for (sum, sample) in line.iter_mut().zip(row) {
                *sum += weight * f32::from(*sample);
            }
        }
        let (pixels, _) = line.as_chunks::<N>();
        for window in &windows {
            let mut sums = [0.0; N];
            for (pixel, weight) in pixels.iter().skip(window.first).zip(&window.weights) {
                for (sum, sample) in sums.iter_mut().zip(pixel) {
                    *sum += weight * sample;
                }
            }
            done.extend(sums.map(rounded));
        }
    }
    done
}

/// To the nearest, within 0 to 255.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a cast stays at the ends")]
pub(super) fn rounded(sample: f32) -> u8 {
    (sample + 0.5) as u8
}

/// What goes into one pixel: from where, and how much of each.
struct Window {
    first: usize,
    weights: Vec<f32>,
}

impl Window {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sides have some thousand pixels, and a cast below nothing is nothing"
    )]
    fn new(at: usize, from: usize, to: usize) -> Self {
        let scale = from as f32 / to as f32;
        let (middle, stretch) = ((at as f32 + 0.5) * scale, scale.max(1.0));
        let reach = LOBES * stretch;
        let (first, end) = ((middle - reach) as usize, ((middle + reach).ceil() as usize).min(from));
        let weights = (first..end).map(|from| lanczos((from as f32 + 0.5 - middle) / stretch));
        let mut weights: Vec<f32> = weights.collect();
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Self { first, weights }
    }
}

fn lanczos(x: f32) -> f32 {
    let wave = |x: f32| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    if x.abs() < LOBES { wave(x) * wave(x / LOBES) } else { 0.0 }
}
