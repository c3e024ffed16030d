//! Initials as people see them: which letters, in which colours, where and how sharp.

use super::ground::GROUNDS;
use super::initials;
use keyward_auth::values::{Picture, UserId};
use std::collections::BTreeSet;
use std::io::Cursor;

fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn drawn(first: &str, last: &str) -> Vec<u8> {
    initials([Some(first), Some(last)], user(1), 512).unwrap()
}

/// RGB, row by row.
fn pixels(png: &[u8]) -> (Vec<[u8; 3]>, usize) {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.width, info.color_type), (info.height, png::ColorType::Rgb));
    (bytes.as_chunks().0.to_vec(), info.width as usize)
}

#[test]
fn a_name_gives_its_first_letter_whatever_is_before_it() {
    let ada = drawn("Ada", "Lovelace");
    for (first, last) in
        [("ada", "lovelace"), ("'Ada'", "(Lovelace)"), ("A", "L"), (" \u{301}Ada", "🦀 Lovelace")]
    {
        assert_eq!(drawn(first, last), ada, "{first} {last}");
    }
    assert_ne!(drawn("Lovelace", "Ada"), ada);
    let one = initials([Some("Ada"), None], user(1), 512).unwrap();
    assert_eq!(initials([None, Some("ada")], user(1), 512).unwrap(), one);
    assert_eq!(drawn("Ada", "王"), one);
    // No capital of one letter.
    assert_ne!(drawn("ß", ""), drawn("S", ""));
}

#[test]
fn letters_of_many_scripts_are_drawn_and_others_get_a_figure() {
    let figure = initials([None, None], user(1), 512).unwrap();
    let mut seen = BTreeSet::from([figure.clone()]);
    for name in ["Zoë", "Ægir", "Ñandú", "Đặng", "Ωρίων", "Жанна", "Արամ", "გიორგი", "שרה", "أحمد", "3po"]
    {
        assert!(seen.insert(drawn(name, "")), "{name} is nothing of its own");
    }
    for name in ["田中", "김", "ひろ", "नेहा", "", "…", "\u{301}\u{302}", "\u{0}\u{1b}", "🦀"]
    {
        assert_eq!(drawn(name, ""), figure, "{name:?}");
    }
    // From right to left, the first name is on the right.
    assert_ne!(drawn("א", "ב"), drawn("ב", "א"));
    let (pixels, side) = pixels(&drawn("ו", "ש"));
    let white = |from: usize, to: usize| {
        (0..side)
            .flat_map(|y| (from..to).map(move |x| (x, y)))
            .filter(|(x, y)| pixels[y * side + x] == [255; 3])
            .count()
    };
    assert!(white(0, side / 2) > white(side / 2, side), "vav is thinner than shin");
}

#[test]
fn they_are_small_sharp_and_in_the_middle_at_every_size() {
    for names in [["W", "W"], ["Ä", "Ş"], ["j", ""], ["Щ", "Ж"], ["", ""], ["&", "g"], ["გ", "ბ"]] {
        for side in Picture::SIZES {
            let png = initials(names.map(Some), user(7), side).unwrap();
            assert!(png.len() < 5_000, "{names:?} at {side}: {} bytes", png.len());
            let (pixels, width) = pixels(&png);
            assert_eq!(width, side as usize);
            let ground = pixels[0];
            assert!(GROUNDS.contains(&ground));
            let inked = || (0..pixels.len()).filter(|at| pixels[*at] != ground);
            let (left, right) =
                (inked().map(|at| at % width).min().unwrap(), inked().map(|at| at % width).max().unwrap());
            let beside = left.abs_diff(width - 1 - right);
            assert!(beside <= 2 + width / 64, "{names:?} at {side}: {left} left and {right} of {width}");
            assert!(left >= width / 10, "{names:?} at {side} touches the edge");
            // Most of what is not ground is wholly white: edges are thin.
            let white = inked().filter(|at| pixels[*at] == [255; 3]).count();
            let least = if side >= 128 { 2 } else { 3 };
            assert!(white * least > inked().count(), "{names:?} at {side}: {white} of {}", inked().count());
        }
    }
    // A side that nobody should ask for is no harm.
    for (asked, given) in [(0, 16), (1, 16), (100_000, 512), (u32::MAX, 512)] {
        assert_eq!(pixels(&initials([Some("A"), None], user(1), asked).unwrap()).1, given);
    }
}

#[test]
fn everybody_has_one_colour_and_white_can_be_read_on_it() {
    let linear = |sample: u8| {
        let sample = f64::from(sample) / 255.0;
        if sample <= 0.04045 { sample / 12.92 } else { ((sample + 0.055) / 1.055).powf(2.4) }
    };
    for ground in GROUNDS {
        let [red, green, blue] = ground.map(linear);
        let contrast = 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
        assert!(contrast >= 4.5, "{ground:?}: {contrast}");
    }
    let of = |number| pixels(&initials([Some("A"), None], user(number), 64).unwrap()).0[0];
    assert_eq!(of(3), of(3));
    let colours: BTreeSet<[u8; 3]> = (0..100).map(of).collect();
    assert!(colours.len() > 12, "{}", colours.len());
}
