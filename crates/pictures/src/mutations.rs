//! The corpus, changed at random in ways that harm: whatever comes of it is a picture or a refusal, and nothing panics. The
//! same numbers give the same files. More of them: `KEYWARD_TEST_MUTATIONS=100000 cargo test --release -p keyward-pictures`.

use crate::glance::glance;
use crate::{colour, jpeg, paint, png, square};
use keyward_auth::values::{Format, Picture};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many are made of each file.
const EACH: u64 = 200;
/// One of so many pictures is painted to its end; all are decoded and cut.
const PAINTED: usize = 40;

/// Numbers that look like chance (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end.max(1)
    }
}

/// One to eight changes; where it is PNG, most get sums that are right, or no change would get far.
fn changed(file: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=numbers.below(8) {
        let at = numbers.below(bytes.len());
        let length = numbers.below(32).min(bytes.len() - at);
        match numbers.below(8) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            2 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][numbers.below(5)],
            3 => bytes[at..at + length].fill_with(|| u8::try_from(numbers.below(256)).unwrap()),
            4 => drop(bytes.drain(at..at + length)),
            5 => {
                let part = bytes[at..at + length].to_vec();
                let to = numbers.below(bytes.len());
                bytes.splice(to..to, part);
            }
            6 => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len());
                let part = &other[from..(from + 8 * length).min(other.len())];
                bytes.splice(at..at, part.iter().copied());
            }
            _ => bytes[at] = bytes[at].wrapping_add(if numbers.below(2) == 0 { 1 } else { 255 }),
        }
        if bytes.is_empty() {
            return bytes;
        }
    }
    if numbers.below(4) != 0 {
        mend(&mut bytes);
    }
    bytes
}

/// Writes the right sum behind each chunk of PNG.
fn mend(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if end + 4 > bytes.len() {
            return;
        }
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
}

#[test]
fn changed_files_are_pictures_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|name| name.extension().is_some());
    names.sort();
    let files: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(name).unwrap()).collect();
    let each = std::env::var("KEYWARD_TEST_MUTATIONS").map_or(EACH, |each| each.parse().unwrap());
    let (pictures, refused, next) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut numbers = Numbers(file.iter().map(|byte| u64::from(*byte)).sum());
            for _ in 0..each {
                let bytes = changed(file, &files, &mut numbers);
                let count = if is_picture(&bytes, &pictures) { &pictures } else { &refused };
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in [scope.spawn(work), scope.spawn(work)] {
            worker.join().unwrap();
        }
    });
    let (pictures, refused) = (pictures.into_inner(), refused.into_inner());
    eprintln!("{pictures} pictures, {refused} refused");
    assert!(pictures > refused / 20 && refused > pictures / 20, "{pictures} pictures, {refused} refused");
}

fn is_picture(bytes: &[u8], so_far: &AtomicUsize) -> bool {
    let declared = if bytes.starts_with(b"\x89PNG") { Format::Png } else { Format::Jpeg };
    let decode = if declared == Format::Png { png::decode } else { jpeg::decode };
    // Sides of thousands are right, and take their time.
    let Ok(size) = glance(bytes, declared) else { return false };
    if size.pixels() > 1_000_000 {
        return false;
    }
    let Ok(source) = decode(bytes, size) else { return false };
    if so_far.load(Ordering::Relaxed).is_multiple_of(PAINTED) {
        let painting = paint(bytes, declared).unwrap();
        for (file, side) in painting.squares.iter().zip(Picture::SIZES) {
            let again = if painting.format == Format::Png { png::decode } else { jpeg::decode };
            let size = glance(file, painting.format).unwrap();
            assert_eq!((size.width, size.height), (side, side));
            assert!(again(file, size).is_ok());
        }
        assert_eq!(painting.squares.len(), Picture::SIZES.len());
    } else if source.profile.is_some() {
        let square = square::middle(&source);
        colour::to_srgb(square, source.samples, source.profile.as_deref());
    }
    true
}
