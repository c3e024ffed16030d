//! How large a body may be, and what is said to one that is larger.

use crate::problem::{self, Problem};

/// The largest body of a request, but for pictures; and what a form may have around one.
pub const LARGEST: usize = 64 * 1024;
/// The largest file of a picture.
pub const LARGEST_FILE: usize = 2_097_152;

pub(crate) fn too_large(most: usize) -> Problem {
    let detail = match most {
        LARGEST => "a body has at most 64 KiB",
        LARGEST_FILE => "a picture has at most 2,097,152 bytes",
        _ => "a form has at most 64 KiB beside a picture of at most 2,097,152 bytes",
    };
    Problem::new(&problem::PAYLOAD_TOO_LARGE, detail)
}
