//! The chunks of a PNG file, one after another, as far as there are whole ones. Looks at no sums: the decoder does.

use super::SIGNATURE;

/// Length, kind and check sum.
const AROUND: usize = 12;

pub(super) struct Chunk<'a> {
    pub(super) kind: &'a [u8; 4],
    pub(super) data: &'a [u8],
    /// With all that is around the data.
    pub(super) whole: &'a [u8],
}

pub(super) struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// Of a file that begins with the signature.
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self(file.get(SIGNATURE.len()..).unwrap_or_default())
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let kind = rest.first_chunk()?;
        let (whole, after) = self.0.split_at_checked(length.checked_add(AROUND)?)?;
        self.0 = after;
        Some(Chunk { kind, data: whole.get(8..8 + length)?, whole })
    }
}
