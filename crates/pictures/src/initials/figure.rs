//! Somebody without letters: a head, and shoulders that the lower edge cuts.

use super::Sheet;

/// Looked at in each pixel, across and down, so that edges are smooth.
const POINTS: u32 = 4;

#[expect(clippy::cast_precision_loss, reason = "at most 2,048")]
pub(super) fn draw(sheet: &mut Sheet) {
    let whole = (sheet.side * POINTS) as f32;
    let place = |pixel: u32, point: u32| ((pixel * POINTS + point) as f32 + 0.5) / whole;
    for y in 0..sheet.side {
        for x in 0..sheet.side {
            let points =
                (0..POINTS * POINTS).map(|point| (place(x, point % POINTS), place(y, point / POINTS)));
            let inside = points.filter(|(x, y)| is_figure(*x, *y)).count();
            sheet.cover(x, y, inside as f32 / (POINTS * POINTS) as f32);
        }
    }
}

/// Of a point in a square of side 1.
fn is_figure(x: f32, y: f32) -> bool {
    let is_in = |middle: f32, across: f32, down: f32| {
        ((x - 0.5) / across).powi(2) + ((y - middle) / down).powi(2) <= 1.0
    };
    is_in(0.38, 0.18, 0.18) || is_in(1.0, 0.36, 0.37)
}
