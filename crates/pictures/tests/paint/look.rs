//! What a test sees of a painting: the pixels of its squares, and what else is in the files.

use keyward_auth::outside::Painting;
use keyward_auth::values::{Format, Picture};
use std::io::Cursor;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// RGBA of a file that this crate wrote, and its side. Panics where it is no square of that format.
pub(crate) fn pixels(file: &[u8], format: Format) -> (Vec<[u8; 4]>, u32) {
    let (bytes, width, height) = match format {
        Format::Png => {
            let mut decoder = png::Decoder::new(Cursor::new(file));
            decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
            let mut reader = decoder.read_info().unwrap();
            let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut bytes).unwrap();
            assert_eq!(info.color_type, png::ColorType::Rgba);
            (bytes, info.width, info.height)
        }
        Format::Jpeg => {
            let options =
                DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(ColorSpace::RGBA);
            let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(file), options);
            let bytes = decoder.decode().unwrap();
            let (width, height) = decoder.dimensions().unwrap();
            (bytes, width.try_into().unwrap(), height.try_into().unwrap())
        }
    };
    assert_eq!(width, height);
    (bytes.as_chunks().0.to_vec(), width)
}

/// Asserts that there are all squares, each of its side, all of one format, and nothing but what makes the picture in any.
pub(crate) fn assert_whole(painting: &Painting, of: &str) {
    assert_eq!(painting.squares.len(), Picture::SIZES.len(), "{of}");
    for (square, side) in painting.squares.iter().zip(Picture::SIZES) {
        assert_eq!(pixels(square, painting.format).1, side, "{of}");
        assert_bare(square, painting.format, of);
    }
}

/// The largest square, and the colour at a place in it in parts of the side.
pub(crate) fn colours(painting: &Painting, places: &[(f32, f32)]) -> Vec<[u8; 4]> {
    let (pixels, side) = pixels(painting.squares.last().unwrap(), painting.format);
    let at = |part: f32| (part * side as f32) as usize;
    places.iter().map(|(x, y)| pixels[at(*y) * side as usize + at(*x)]).collect()
}

/// Walks the file, and panics at whatever a decoder does not need, also behind its end.
pub(crate) fn assert_bare(file: &[u8], format: Format, of: &str) {
    let end = match format {
        Format::Png => bare_png(file, of),
        Format::Jpeg => bare_jpeg(file, of),
    };
    assert_eq!(end, file.len(), "{of}: something lies behind the end");
}

fn bare_png(file: &[u8], of: &str) -> usize {
    assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let kind = &file[at + 4..at + 8];
        at += 12 + length;
        assert!([b"IHDR", b"PLTE", b"IDAT", b"IEND"].contains(&kind.try_into().unwrap()), "{of}: {kind:?}");
        if kind == b"IEND" {
            return at;
        }
    }
}

fn bare_jpeg(file: &[u8], of: &str) -> usize {
    assert_eq!(file[..2], [0xFF, 0xD8]);
    let mut at = 2;
    loop {
        assert_eq!(file[at], 0xFF, "{of}: no marker at {at}");
        let marker = file[at + 1];
        if marker == 0xD9 {
            return at + 2;
        }
        let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        match marker {
            // JFIF alone: version, density, and no thumbnail.
            0xE0 => assert_eq!(
                (&file[at + 4..at + 9], length, &file[at + 16..at + 18]),
                (&b"JFIF\0"[..], 16, &[0, 0][..])
            ),
            0xDB | 0xC0 | 0xC4 | 0xDA => {}
            other => panic!("{of}: segment {other:02x}"),
        }
        at += 2 + length;
        if marker == 0xDA {
            at += file[at..].windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0).unwrap();
        }
    }
}
