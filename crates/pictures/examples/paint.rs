//! Paints files as the service does and says what that took: `paint [--into FOLDER] [--times N] FILE...`. Each file is
//! declared to be what its name says. `--times` paints all of them so often at once, through a studio with one thread.

#![expect(clippy::print_stdout, reason = "this is a command")]

use keyward_auth::outside::{PaintError, Painter, Upload};
use keyward_auth::values::{Format, Picture};
use keyward_pictures::{Studio, StudioSettings};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io};

#[tokio::main]
async fn main() -> io::Result<()> {
    let (mut into, mut times, mut files) = (None, 1, Vec::new());
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--into" => into = words.next().map(PathBuf::from),
            "--times" => times = words.next().and_then(|word| word.parse().ok()).unwrap_or(1),
            _ => files.push(PathBuf::from(word)),
        }
    }
    let studio = Studio::start(&StudioSettings { threads: 1, queue: 32 })?;
    println!("before: {}", memory());
    for file in files {
        let bytes = fs::read(&file)?;
        let declared =
            if file.extension().is_some_and(|is| is == "png") { Format::Png } else { Format::Jpeg };
        let begin = Instant::now();
        let all = (0..times).map(|_| studio.paint(Upload { bytes: bytes.clone(), declared }));
        let mut painted = futures_util::future::join_all(all).await;
        let took = begin.elapsed();
        let busy = painted.iter().filter(|one| matches!(one, Err(PaintError::Busy))).count();
        let (sizes, what) = match painted.swap_remove(0) {
            Ok(painting) => {
                let name = file.file_stem().unwrap_or_default().display();
                for (square, side) in painting.squares.iter().zip(Picture::SIZES) {
                    if let Some(into) = &into {
                        let name = format!("{name}-{side}.{}", painting.format.extension());
                        fs::write(Path::new(into).join(name), square)?;
                    }
                }
                let sizes: Vec<usize> = painting.squares.iter().map(Vec::len).collect();
                (format!("{sizes:?}"), painting.format.extension().to_owned())
            }
            Err(error) => (String::new(), error.to_string()),
        };
        println!("{}: {what} {sizes} in {took:?}, {busy} busy; {}", file.display(), memory());
    }
    Ok(())
}

/// What the process holds, and what it held at most.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}
