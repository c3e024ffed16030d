//! A picture as it is called: which one, and of which format. Where its bytes lie, and how it was made, is known elsewhere.

use std::fmt;

/// What a picture is encoded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Jpeg,
    Png,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// The name of a user's picture: `0a1b2c...7f.jpg`. A name is given once, so what lies under it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Picture {
    id: [u8; 16],
    format: Format,
}

impl Picture {
    /// The sides of the squares in which there is every picture, in pixels.
    pub const SIZES: [u32; 4] = [64, 128, 256, 512];
    /// The side of the one that is shown where nobody asks for another.
    pub const LARGEST: u32 = 512;

    pub fn new(id: [u8; 16], format: Format) -> Self {
        Self { id, format }
    }

    pub fn format(self) -> Format {
        self.format
    }

    /// Reads the one form in which a name is written.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, extension) = text.split_once('.')?;
        let format =
            [Format::Jpeg, Format::Png].into_iter().find(|format| format.extension() == extension)?;
        let id = u128::from_str_radix(id, 16).ok()?.to_be_bytes();
        let picture = Self { id, format };
        (picture.to_string() == text).then_some(picture)
    }

    /// Where the square of this side lies: `0a1b2c...7f/64.jpg`.
    pub fn object(self, side: u32) -> String {
        format!("{:032x}/{side}.{}", u128::from_be_bytes(self.id), self.format.extension())
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}.{}", u128::from_be_bytes(self.id), self.format.extension())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_a_name() {
        let id = std::array::from_fn(|at| u8::try_from(at).unwrap() + 7);
        for format in [Format::Jpeg, Format::Png] {
            let picture = Picture::new(id, format);
            assert_eq!(Picture::parse(&picture.to_string()), Some(picture));
        }
        let name = Picture::new(id, Format::Jpeg).to_string();
        assert_eq!(name, "0708090a0b0c0d0e0f10111213141516.jpg");
        assert_eq!(Picture::new(id, Format::Png).object(64), "0708090a0b0c0d0e0f10111213141516/64.png");
        for other in [
            "",
            ".jpg",
            &name[1..],
            &name.to_uppercase(),
            &name.replace("jpg", "jpeg"),
            &name.replace("jpg", "gif"),
            &format!("+{}", &name[1..]),
            &format!("../{name}"),
            &format!("{name}/64.jpg"),
        ] {
            assert_eq!(Picture::parse(other), None, "{other}");
        }
    }
}
