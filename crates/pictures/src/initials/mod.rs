//! What stands in for a picture: the first letters of a name on a ground of the user's own colour, or a figure where there
//! are no letters that can be drawn. The same user and names give the same bytes.

mod figure;
mod ground;
mod letters;
#[cfg(test)]
mod tests;

use crate::encode;
use keyward_auth::values::{Picture, UserId};

/// White on the ground, and what is between them at the edges.
const SHADES: u8 = 16;

/// The first letters of these names as PNG of this side in pixels, 16 to 512; what is beyond is taken for the nearest.
///
/// `None` only where PNG could not be written. Takes a few milliseconds.
pub fn initials(names: [Option<&str>; 2], user: UserId, side: u32) -> Option<Vec<u8>> {
    let side = side.clamp(16, Picture::LARGEST);
    let mut sheet = Sheet::new(side);
    if letters::draw(names, &mut sheet).is_none() {
        figure::draw(&mut sheet);
    }
    encode::palette_png(&sheet.shades, side, &ground::shades(user))
}

/// A square on which something white is drawn.
struct Sheet {
    side: u32,
    /// From 0, the ground, to `SHADES - 1`, white.
    shades: Vec<u8>,
}

impl Sheet {
    fn new(side: u32) -> Self {
        Self { side, shades: vec![0; side as usize * side as usize] }
    }

    /// Covers a part of a pixel, 0 to 1; what is outside of the sheet is not drawn.
    fn cover(&mut self, x: u32, y: u32, part: f32) {
        if x >= self.side {
            return;
        }
        if let Some(shade) = self.shades.get_mut(y as usize * self.side as usize + x as usize) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
            let new = (part.clamp(0.0, 1.0) * f32::from(SHADES - 1)).round() as u8;
            *shade = new.max(*shade);
        }
    }
}
