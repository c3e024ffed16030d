//! The segments of a JPEG file, one after another, up to its first end: what comes behind is another picture or no picture.

pub(super) const START: u8 = 0xD8;
pub(super) const END: u8 = 0xD9;
pub(super) const HUFFMAN_TABLES: u8 = 0xC4;
pub(super) const SCAN: u8 = 0xDA;
pub(super) const QUANTIZATION_TABLES: u8 = 0xDB;
pub(super) const RESTARTS: u8 = 0xDD;

pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) payload: &'a [u8],
    /// Behind the header of a scan: its codes.
    pub(super) coded: &'a [u8],
}

impl Segment<'_> {
    /// SOF0 to SOF15; three of their numbers are something else.
    pub(super) fn is_frame(&self) -> bool {
        matches!(self.marker, 0xC0..=0xCF) && !matches!(self.marker, HUFFMAN_TABLES | 0xC8 | 0xCC)
    }

    pub(super) fn write_to(&self, file: &mut Vec<u8>) {
        file.extend([0xFF, self.marker]);
        // As long as it was read, so it fits.
        let length = u16::try_from(self.payload.len() + 2).unwrap_or(u16::MAX);
        file.extend(length.to_be_bytes());
        file.extend(self.payload);
        file.extend(self.coded);
    }
}

/// Ends behind the end of the image. If the file is cut short, there is no [`END`] among them.
pub(super) struct Segments<'a>(&'a [u8]);

impl<'a> Segments<'a> {
    /// Of a file that begins with the signature.
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self(file.get(2..).unwrap_or_default())
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        loop {
            // Some write bytes between segments; decoders go on at the next marker, so this does.
            let at = self.0.iter().position(|byte| *byte == 0xFF)?;
            let fill = self.0.get(at..)?.iter().take_while(|byte| **byte == 0xFF).count();
            let (marker, rest) = self.0.get(at + fill..)?.split_first()?;
            self.0 = rest;
            match *marker {
                // Stuffing, restarts and a second start have no payload and no meaning here.
                0x00 | 0x01 | 0xD0..=START => {}
                END => {
                    self.0 = &[];
                    return Some(Segment { marker: END, payload: &[], coded: &[] });
                }
                marker => {
                    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
                    let payload = rest.get(2..length)?;
                    self.0 = rest.get(length..)?;
                    let coded = if marker == SCAN { self.coded() } else { &[] };
                    return Some(Segment { marker, payload, coded });
                }
            }
        }
    }
}

impl<'a> Segments<'a> {
    /// Takes the codes of a scan: all up to the next marker that is not a restart.
    fn coded(&mut self) -> &'a [u8] {
        let is_end = |pair: &[u8]| match pair {
            [0xFF, next] => !matches!(next, 0x00 | 0xD0..=0xD7 | 0xFF),
            _ => false,
        };
        let length = self.0.windows(2).position(is_end).unwrap_or(self.0.len());
        let (coded, rest) = self.0.split_at(length);
        self.0 = rest;
        coded
    }
}
