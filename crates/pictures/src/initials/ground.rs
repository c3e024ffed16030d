//! The colour behind somebody's initials.

use super::SHADES;
use keyward_auth::values::UserId;

/// On each of these, white can be read by everybody: the contrast is at least 4.5 to 1, as WCAG 2 asks for.
pub(super) const GROUNDS: [[u8; 3]; 16] = [
    [0xB7, 0x1C, 0x1C],
    [0xC2, 0x18, 0x5B],
    [0x88, 0x0E, 0x4F],
    [0x7B, 0x1F, 0xA2],
    [0x51, 0x2D, 0xA8],
    [0x30, 0x3F, 0x9F],
    [0x15, 0x65, 0xC0],
    [0x01, 0x57, 0x9B],
    [0x00, 0x60, 0x64],
    [0x00, 0x69, 0x5C],
    [0x2E, 0x7D, 0x32],
    [0x33, 0x69, 0x1E],
    [0x82, 0x6A, 0x00],
    [0xA0, 0x4A, 0x00],
    [0x5D, 0x40, 0x37],
    [0x45, 0x5A, 0x64],
];

/// The user's ground, and in equal steps from it to white: a palette of RGB.
pub(super) fn shades(user: UserId) -> Vec<u8> {
    // FNV-1a, whose upper bits depend on all of the id.
    let mix = |mixed: u32, byte: &u8| (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let mixed = user.as_bytes().iter().fold(0x811c_9dc5, mix);
    let ground = GROUNDS[(mixed >> 16) as usize % GROUNDS.len()];
    let last = u32::from(SHADES - 1);
    let mix = |ground: u8, step: u32| (u32::from(ground) * (last - step) + 255 * step + last / 2) / last;
    let shade = |step| ground.map(|sample| u8::try_from(mix(sample, step)).unwrap_or(u8::MAX));
    (0..=last).flat_map(shade).collect()
}
