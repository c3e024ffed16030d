//! How a picture is to be turned to stand upright: the orientation of EXIF, found without trusting its offsets.

/// The orientation of EXIF 2.3, tag 0x0112: which edges of the picture the first row and the first column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Turn {
    #[default]
    Upright,
    Mirrored,
    Half,
    MirroredHalf,
    Transposed,
    Right,
    Transversed,
    Left,
}

impl Turn {
    /// Reads a TIFF structure, as JPEG has it behind `Exif\0\0` and PNG in `eXIf`. What cannot be read is upright.
    pub(crate) fn of_exif(tiff: &[u8]) -> Self {
        orientation(tiff).and_then(Self::of_number).unwrap_or_default()
    }

    fn of_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Upright,
            2 => Self::Mirrored,
            3 => Self::Half,
            4 => Self::MirroredHalf,
            5 => Self::Transposed,
            6 => Self::Right,
            7 => Self::Transversed,
            8 => Self::Left,
            _ => return None,
        })
    }

    /// A square of four bytes a pixel, turned. `side` is in pixels.
    pub(crate) fn apply(self, square: Vec<u8>, side: usize) -> Vec<u8> {
        if self == Self::Upright {
            return square;
        }
        let last = side - 1;
        let mut turned = Vec::with_capacity(square.len());
        for y in 0..side {
            for x in 0..side {
                let (from_x, from_y) = match self {
                    Self::Upright => (x, y),
                    Self::Mirrored => (last - x, y),
                    Self::Half => (last - x, last - y),
                    Self::MirroredHalf => (x, last - y),
                    Self::Transposed => (y, x),
                    Self::Right => (y, last - x),
                    Self::Transversed => (last - y, last - x),
                    Self::Left => (last - y, x),
                };
                let at = 4 * (from_y * side + from_x);
                turned.extend_from_slice(square.get(at..at + 4).unwrap_or(&[0; 4]));
            }
        }
        turned
    }
}

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The first entry for the orientation in the first directory.
fn orientation(tiff: &[u8]) -> Option<u16> {
    let big = match tiff.get(..4)? {
        [b'M', b'M', 0, 42] => true,
        [b'I', b'I', 42, 0] => false,
        _ => return None,
    };
    let short = |bytes: &[u8]| {
        let bytes = [*bytes.first()?, *bytes.get(1)?];
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let offset = if big { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) };
    let directory = tiff.get(usize::try_from(offset).ok()?..)?;
    let entries = directory.get(2..)?.chunks_exact(12).take(short(directory)?.into());
    let mut wanted = entries.filter(|entry| short(entry) == Some(ORIENTATION));
    let entry = wanted.next()?;
    (short(entry.get(2..)?)? == SHORT).then(|| short(entry.get(8..)?)).flatten()
}
