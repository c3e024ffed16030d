//! What a frame's header promises, and what decoding it will take: known before anything is allocated.

use super::segments::Segment;
use crate::refusal::{broken, cut_short, too_large, unreadable};
use crate::size::Size;
use keyward_auth::values::Invalid;

/// Real files have about ten. Each takes a walk over all blocks, however few bytes it has.
const MOST_SCANS: usize = 64;
/// How often all coefficients may be visited. Real files visit each once and refine it two or three times.
const MOST_VISITS: u64 = 8;
/// So many blocks, of some three megapixels, cost nothing worth a thought where they are filled in.
const FEW_BLOCKS: u64 = 1 << 16;
/// What may be allocated for pixels and coefficients together.
const MOST_BYTES: u64 = 300 << 20;

const KIND: &str = "this kind of JPEG cannot be read; save it as a baseline or progressive one";

pub(super) struct Component {
    id: u8,
    /// Blocks of 8 by 8, as many as decoders allocate.
    blocks: u64,
}

pub(super) struct Frame {
    pub(super) size: Size,
    pub(super) components: Vec<Component>,
    is_progressive: bool,
}

impl Frame {
    pub(super) fn read(segment: &Segment<'_>) -> Result<Self, Invalid> {
        if !matches!(segment.marker, 0xC0..=0xC2) {
            return Err(unreadable(KIND));
        }
        let &[bits, a, b, c, d, _, ref components @ ..] = segment.payload else { return Err(broken()) };
        if bits != 8 {
            return Err(unreadable("a JPEG of more than 8 bits cannot be read"));
        }
        let size = Size::new(u16::from_be_bytes([c, d]).into(), u16::from_be_bytes([a, b]).into())?;
        let (components, []) = components.as_chunks::<3>() else { return Err(broken()) };
        let factors = |sampling: u8| (u32::from(sampling >> 4), u32::from(sampling & 15));
        let all: Vec<(u32, u32)> = components.iter().map(|[_, sampling, _]| factors(*sampling)).collect();
        if !matches!(all.len(), 1 | 3 | 4)
            || all.iter().any(|(across, down)| !(1..=4).contains(across) || !(1..=4).contains(down))
        {
            return Err(broken());
        }
        let most = |factor: fn(&(u32, u32)) -> u32| all.iter().map(factor).max().unwrap_or(1);
        let units = size.width.div_ceil(8 * most(|(across, _)| *across))
            * size.height.div_ceil(8 * most(|(_, down)| *down));
        let components = components.iter().zip(&all);
        let components = components.map(|([id, ..], (across, down))| Component {
            id: *id,
            blocks: u64::from(units * across * down),
        });
        let frame = Self { size, components: components.collect(), is_progressive: segment.marker == 0xC2 };
        // A progressive picture's coefficients are all collected, two bytes each, before there are pixels.
        let collected = if frame.is_progressive { 128 * frame.blocks() } else { 0 };
        if (size.pixels() * frame.components.len()) as u64 + collected > MOST_BYTES {
            return Err(too_large(
                "the picture is too large for a progressive JPEG; save it as a baseline one",
            ));
        }
        Ok(frame)
    }

    pub(super) fn is_named_rgb(&self) -> bool {
        self.components.iter().map(|component| component.id).eq(*b"RGB")
    }

    fn blocks(&self) -> u64 {
        self.components.iter().map(|component| component.blocks).sum()
    }
}

/// What the scans of a frame take, counted before they are decoded.
#[derive(Default)]
pub(super) struct Work {
    scans: usize,
    visits: u64,
}

impl Work {
    /// Counts a scan, and refuses it where it is too much, or has too few codes to be true.
    pub(super) fn add(&mut self, frame: &Frame, scan: &Segment<'_>) -> Result<(), Invalid> {
        let (&count, rest) = scan.payload.split_first().ok_or_else(broken)?;
        let (chosen, range) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
        let &[first, last, _] = range else { return Err(broken()) };
        let chosen = || chosen.as_chunks::<2>().0.iter();
        let blocks: u64 = chosen()
            .filter_map(|[id, _]| frame.components.iter().find(|component| component.id == *id))
            .map(|component| component.blocks)
            .sum();
        self.scans += 1;
        self.visits += blocks * (u64::from(last.saturating_sub(first)) + 1);
        if self.scans > MOST_SCANS || self.visits > MOST_VISITS * 64 * frame.blocks() {
            return Err(unreadable("the picture is made of too many scans"));
        }
        // A block is a code for its mean and, where that is all, one for its end; the decoder would fill in what is missing.
        // Half of that is asked for, since a scan by itself leaves out blocks at the edges.
        let bits = if frame.is_progressive { 1 } else { 2 } * blocks;
        if first == 0 && blocks > FEW_BLOCKS && 16 * (scan.coded.len() as u64) < bits {
            return Err(cut_short());
        }
        // Right by the standard, but the decoder (zune-jpeg 0.5.15) mistakes it where colour has less resolution, and does
        // not know that it does.
        if !frame.is_progressive && usize::from(count) != frame.components.len() {
            return Err(unreadable(KIND));
        }
        Ok(())
    }
}
