//! What tells a file from others that have had, or will have, its name.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device and number.
pub(super) type Identity = (u64, u64);

pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
}
