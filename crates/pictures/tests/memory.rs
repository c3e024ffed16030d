//! What the largest pictures and many bombs at once take of memory and time. Alone in its process, since it measures that.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "this crate is nothing but tests")]

use futures_util::future::join_all;
use keyward_auth::outside::{PaintError, Painter, Upload};
use keyward_auth::values::Format;
use keyward_pictures::{Studio, StudioSettings};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// What this process has in memory, in bytes.
fn held() -> usize {
    of_status("VmRSS:")
}

/// The most that it had since the last look.
fn most_held() -> usize {
    let most = of_status("VmHWM:");
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    most
}

fn of_status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Nothing but zeros, 50 megapixels of RGBA with 16 bits: 400 MB in 400 kB.
fn largest() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 10_000, 5_000);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    for _ in 0..5_000 {
        std::io::Write::write_all(&mut stream, &[0; 80_000]).unwrap();
    }
    stream.finish().unwrap();
    writer.finish().unwrap();
    file
}

/// Ten megabytes of text, packed.
fn packed() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 8, 8);
    encoder.add_ztxt_chunk("a".into(), "a".repeat(10 * MIB)).unwrap();
    encoder.write_header().unwrap().write_image_data(&[0; 64]).unwrap();
    file
}

/// The beginning of a picture of so many pixels a side.
fn promised(side: u32) -> Vec<u8> {
    let mut file = packed();
    file[16..24].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
    file
}

#[tokio::test]
async fn bombs_are_small_and_large_pictures_are_painted_one_at_a_time() {
    let studio = Studio::start(&StudioSettings { threads: 1, queue: 8 }).unwrap();
    let (largest, packed, promised) = (largest(), packed(), promised(30_000));
    let before = held();
    most_held();

    // One by one.
    for (bomb, is_picture) in [(&packed, true), (&promised, false)] {
        let begin = Instant::now();
        let painted = studio.paint(Upload { bytes: bomb.clone(), declared: Format::Png }).await;
        assert_eq!(painted.is_ok(), is_picture);
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        let rise = most_held().saturating_sub(before);
        assert!(rise < 64 * MIB, "{} MiB", rise / MIB);
    }

    // Two hundred at once.
    for bomb in [&packed, &promised] {
        let begin = Instant::now();
        let painted =
            join_all((0..200).map(|_| studio.paint(Upload { bytes: bomb.clone(), declared: Format::Png })))
                .await;
        assert!(painted.iter().all(|one| !matches!(one, Err(PaintError::Refused(_)))) || bomb == &promised);
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        let rise = most_held().saturating_sub(before);
        assert!(rise < 512 * MIB, "{} MiB", rise / MIB);
    }

    // The largest that is allowed, five at once on one thread: never two in memory, and none afterwards.
    let painted =
        join_all((0..5).map(|_| studio.paint(Upload { bytes: largest.clone(), declared: Format::Png })))
            .await;
    assert!(painted.iter().all(Result::is_ok));
    let rise = most_held().saturating_sub(before);
    assert!((190 * MIB..300 * MIB).contains(&rise), "{} MiB", rise / MIB);
    let kept = held().saturating_sub(before);
    assert!(kept < 32 * MIB, "{} MiB were kept", kept / MIB);
}
