//! Paints arbitrary bytes, declared as either format. Begin with the corpus of the crate:
//!
//!     cargo fuzz run paint fuzz/corpus/paint crates/pictures/corpus -- -max_len=65536 -rss_limit_mb=1024
//!
//! Without nightly, add `--sanitizer none`.

#![no_main]

use keyward_auth::values::{Format, Picture};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for declared in [Format::Png, Format::Jpeg] {
        if let Ok(painting) = keyward_pictures::paint(bytes, declared) {
            assert_eq!(painting.squares.len(), Picture::SIZES.len());
        }
    }
});
