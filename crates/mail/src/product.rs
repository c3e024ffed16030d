//! What a mail looks like: the product's name, colour and logo. Owns which colours can be read on which.

use std::fmt;

/// Whose mails these are.
#[derive(Debug, Clone)]
pub struct Product {
    /// One line without control characters.
    pub name: String,
    pub colour: Colour,
    /// The https URL of a picture.
    pub logo: Option<String>,
}

/// A colour of sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    pub(crate) const WHITE: Self = Self([255; 3]);
    pub(crate) const BLACK: Self = Self([0; 3]);
    /// The card of the layout in the dark.
    pub(crate) const DARK: Self = Self([0x1e, 0x20, 0x24]);

    /// Reads `#rrggbb`.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] =
            number.ok_or_else(|| format!("`{text}` is not a colour such as #1f5fbf"))?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }

    /// Red, green and blue.
    pub fn parts(self) -> [u8; 3] {
        self.0
    }

    /// Black or white, whichever is read better on this; always at least 4.5 to 1.
    pub fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// This colour, or the nearest to it on the way to black or white that can be read on `ground`.
    pub(crate) fn readable_on(self, ground: Self) -> Self {
        let end = ground.ink();
        let steps = (0..=20).map(|step| self.towards(end, step));
        steps.into_iter().find(|colour| colour.contrast(ground) >= READABLE).unwrap_or(end)
    }

    /// `step` twentieths of the way to another.
    fn towards(self, end: Self, step: u16) -> Self {
        let mut mixed = self.0;
        for (from, to) in mixed.iter_mut().zip(end.0) {
            let sum = u16::from(*from) * (20 - step) + u16::from(to) * step;
            *from = u8::try_from(sum / 20).unwrap_or(to);
        }
        Self(mixed)
    }

    /// The ratio of WCAG 2, from 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// What WCAG 2 asks of text of ordinary size.
const READABLE: f64 = 4.5;

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        assert_eq!(Colour::parse("#1F5fbf").unwrap().to_string(), "#1f5fbf");
        for text in ["", "#", "1f5fbf", "#1f5fb", "#1f5fbff", "#1f5fbg", "#+f5fbf", "red", "#é5fbf"] {
            assert!(Colour::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whatever_the_colour_it_can_be_read() {
        assert!((Colour::WHITE.contrast(Colour::BLACK) - 21.0).abs() < 0.01);
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = Colour([red, green, blue]);
                    assert!(colour.contrast(colour.ink()) >= READABLE, "{colour}");
                    for ground in [Colour::WHITE, Colour::DARK] {
                        assert!(colour.readable_on(ground).contrast(ground) >= READABLE, "{colour}");
                    }
                }
            }
        }
        assert_eq!(Colour::parse("#1f5fbf").unwrap().readable_on(Colour::WHITE).to_string(), "#1f5fbf");
    }
}
