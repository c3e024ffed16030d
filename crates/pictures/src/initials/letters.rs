//! Which letters stand for a name, and how they are set in the middle of the sheet. The font knows Latin, Greek, Cyrillic,
//! Armenian, Georgian, Hebrew, Arabic and some more; it is DejaVu Sans Bold, whose licence lets it be embedded.

use super::Sheet;
use ab_glyph::{Font, FontRef, GlyphId, Outline, PxScale, point};

/// The height of a capital letter, as a part of the side.
const CAPITAL: f32 = 0.42;
/// What all letters together may take of the side.
const WIDEST: f32 = 0.74;
const HIGHEST: f32 = 0.60;

/// `None`, and nothing drawn, where no name begins with a letter of the font.
pub(super) fn draw(names: [Option<&str>; 2], sheet: &mut Sheet) -> Option<()> {
    let font = FontRef::try_from_slice(dejavu::sans::bold()).ok()?;
    let letters = names.into_iter().flatten().filter_map(|name| Letter::of(name, &font));
    let mut letters: Vec<Letter> = letters.collect();
    if letters.iter().all(|letter| letter.is_from_right) {
        letters.reverse();
    }
    // In units of the font, from the left: where each letter begins.
    let mut begin = 0.0;
    let mut line = Vec::new();
    for letter in letters {
        let advance = letter.advance;
        line.push((begin, letter));
        begin += advance;
    }
    let (first, last) = (line.first()?, line.last()?);
    let left = first.0 + first.1.outline.bounds.min.x;
    let right = last.0 + last.1.outline.bounds.max.x;
    let heights = || line.iter().flat_map(|(_, it)| [it.outline.bounds.min.y, it.outline.bounds.max.y]);
    let (low, high) = (heights().fold(f32::MAX, f32::min), heights().fold(f32::MIN, f32::max));
    let capital = font.outline(font.glyph_id('H'))?.bounds;

    #[expect(clippy::cast_precision_loss, reason = "at most 512")]
    let side = sheet.side as f32;
    let scale = (CAPITAL / (capital.max.y - capital.min.y).abs())
        .min(WIDEST / (right - left))
        .min(HIGHEST / (high - low))
        * side;
    for (begin, letter) in line {
        let x = side / 2.0 + (begin - (left + right) / 2.0) * scale;
        let y = side / 2.0 + (low + high) / 2.0 * scale;
        let height = PxScale::from(scale * font.height_unscaled());
        let Some(glyph) = font.outline_glyph(letter.glyph.with_scale_and_position(height, point(x, y)))
        else {
            continue;
        };
        let corner = glyph.px_bounds().min;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside of the sheet")]
        let corner = (corner.x as u32, corner.y as u32);
        glyph.draw(|x, y, part| sheet.cover(corner.0 + x, corner.1 + y, part));
    }
    Some(())
}

struct Letter {
    glyph: GlyphId,
    outline: Outline,
    advance: f32,
    /// Of a script that is written from right to left.
    is_from_right: bool,
}

impl Letter {
    /// The first letter or digit of a name, as a capital where the script and the font have one.
    fn of(name: &str, font: &FontRef<'_>) -> Option<Self> {
        let first = name.chars().find(|c| c.is_alphanumeric())?;
        let mut upper = first.to_uppercase();
        let capital = upper.next().filter(|_| upper.next().is_none());
        capital.into_iter().chain([first]).find_map(|c| Self::new(c, font))
    }

    /// `None` where the font has no such letter, or one that is nothing by itself.
    fn new(letter: char, font: &FontRef<'_>) -> Option<Self> {
        let glyph = font.glyph_id(letter);
        let (outline, advance) = (font.outline(glyph)?, font.h_advance_unscaled(glyph));
        let is_wide = outline.bounds.max.x > outline.bounds.min.x;
        // Hebrew, Arabic, N'Ko and their neighbours, and the forms for presentation.
        let is_from_right =
            matches!(letter, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}');
        (glyph.0 != 0 && advance > 0.0 && is_wide).then_some(Self { glyph, outline, advance, is_from_right })
    }
}
