//! Files of real encoders, by `corpus/make`: what each becomes, told by the colours in its four corners.

use crate::look::{assert_whole, colours};
use keyward_auth::values::Format;
use keyward_pictures::paint;
use std::collections::BTreeSet;
use std::path::Path;

const SCENE: [[u8; 4]; 4] = [[200, 40, 40, 255], [40, 160, 60, 255], [40, 60, 200, 255], [230, 200, 40, 255]];
const GRAY: [[u8; 4]; 4] = [[88, 88, 88, 255], [113, 113, 113, 255], [70, 70, 70, 255], [191, 191, 191, 255]];
const RED: [[u8; 4]; 4] = [SCENE[0]; 4];
/// The scene, whose numbers were meant for wide primaries; LittleCMS says what they are in sRGB.
const WIDE: [[u8; 4]; 4] = [[220, 0, 18, 255], [0, 164, 35, 255], [28, 58, 209, 255], [237, 200, 0, 255]];
/// Cyan, magenta, yellow and black by a profile, as LittleCMS has them.
const INKS: [[u8; 4]; 4] = [[0, 150, 218, 255], [216, 0, 121, 255], [247, 224, 0, 255], [31, 31, 31, 255]];
const BILEVEL: [[u8; 4]; 4] = [[0, 0, 0, 255], [0, 0, 0, 255], [0, 0, 0, 255], [255; 4]];

/// Colours and how far each sample may be from them.
type Expected = ([[u8; 4]; 4], u8);

fn expected(name: &str) -> Result<Expected, &'static str> {
    Ok(match name {
        "hand-12-bit.jpg" => return Err("a JPEG of more than 8 bits cannot be read"),
        "hand-lossless.jpg" | "turbo-arithmetic.jpg" | "turbo-scans.jpg" => {
            return Err("this kind of JPEG cannot be read; save it as a baseline or progressive one");
        }
        "hand-no-pixels.jpg" => return Err("the picture has no pixels"),
        "hand-short.jpg" | "hand-short-progressive.jpg" | "hand-short.png" => {
            return Err("the picture is cut short");
        }
        "hand-wrong-sum.png" => return Err("the picture is broken"),
        "hand-unknown.png" => return Err("the picture needs what this service cannot read"),
        // The lower half is not in the file.
        "hand-early-end.jpg" => ([SCENE[0], SCENE[1], [128, 128, 128, 255], [128, 128, 128, 255]], 255),
        "magick-bilevel.png" => (BILEVEL, 0),
        "magick-16.png"
        | "magick-interlaced-16.png"
        | "pillow-rgba.png"
        | "pillow-palette-transparent.png" => ([SCENE[0], SCENE[1], SCENE[2], [0; 4]], 1),
        "pillow-gray-alpha.png" => ([GRAY[0], GRAY[1], GRAY[2], [0; 4]], 1),
        "pillow-wide.png" => (WIDE, 6),
        "pillow-wide.jpg" => (WIDE, 8),
        "pillow-cmyk-profile.jpg" => (INKS, 8),
        "pillow-1x1.png" | "pillow-1x10000.png" => (RED, 0),
        "pillow-1x1.jpg" | "pillow-10000x1.jpg" => (RED, 3),
        _ if name.contains("gray") => (GRAY, if name.ends_with("png") { 0 } else { 3 }),
        // Four inks lose something, and so does what was coded with less colour.
        _ if name.ends_with("png") => (SCENE, 3),
        _ => (SCENE, 5),
    })
}

fn is_near(found: [u8; 4], expected: [u8; 4], tolerance: u8) -> bool {
    // Nobody sees which colour it is that is not there.
    let is_clear = found[3] == 0 && expected[3] == 0;
    is_clear || found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= tolerance)
}

#[test]
fn every_file_becomes_what_it_shows_or_is_refused_with_a_reason() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in std::fs::read_dir(files).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let Some((_, extension)) = name.split_once('.') else { continue };
        let declared = if extension == "png" { Format::Png } else { Format::Jpeg };
        let painted = paint(&std::fs::read(&file).unwrap(), declared);
        match (painted, expected(name)) {
            (Ok(painting), Ok((wanted, tolerance))) => {
                assert_whole(&painting, name);
                let is_clear = wanted.iter().any(|colour| colour[3] < 255);
                assert_eq!(painting.format, if is_clear { Format::Png } else { Format::Jpeg }, "{name}");
                // JPEG of this crate takes something too.
                let tolerance = if is_clear { tolerance } else { tolerance.saturating_add(2) };
                let found = colours(&painting, &[(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]);
                if !found.iter().zip(wanted).all(|(found, wanted)| is_near(*found, wanted, tolerance)) {
                    wrong.push(format!("{name}: {found:?} instead of {wanted:?}"));
                }
                // At the very edge there is nothing of what was cut off. (JPEG itself mixes neighbours.)
                let edges = colours(&painting, &[(0.002, 0.25), (0.998, 0.25)]);
                let is_clean =
                    edges.iter().zip(wanted).all(|(edge, wanted)| is_near(*edge, wanted, tolerance));
                if declared == Format::Png && !is_clean {
                    wrong.push(format!("{name}: at the edge {edges:?}"));
                }
            }
            (Err(refused), Err(reason)) if refused.detail == reason => {}
            (painted, wanted) => {
                let painted = painted.map(|painting| painting.format);
                wrong.push(format!("{name}: {painted:?} instead of {wanted:?}"));
            }
        }
        seen.insert(name.to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() > 60, "{seen:?}");
}
