//! Files that are small and promise much. What is not told by their first bytes is made here, not kept.

use crate::look::assert_whole;
use keyward_auth::values::Format;
use keyward_pictures::paint;

/// A file of PNG: the header, these chunks, the pixels of 8 by 8 black ones, and the end.
fn png(width: u32, height: u32, between: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    let pixels = deflated(&[0; 8 * 25]);
    let parts =
        [chunk(b"IHDR", &header), between.to_vec(), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n".as_slice(), &parts].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(data);
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [length.as_slice(), kind, data, &sum.sum().to_be_bytes()].concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), payload].concat()
}

/// A frame of so many components with no subsampling.
fn frame(marker: u8, width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut payload = vec![8];
    payload.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    payload.push(components);
    payload.extend((1..=components).flat_map(|id| [id, 0x11, 0]));
    segment(marker, &payload)
}

/// A table of ones to divide by, a code of one bit for "nothing here" and one for "nothing in 16,384 blocks".
fn tables() -> Vec<u8> {
    let code = |class: u8, symbol: u8| {
        let mut payload = vec![class << 4, 1];
        payload.extend([0; 15]);
        payload.push(symbol);
        segment(0xC4, &payload)
    };
    let ones = [vec![0], vec![1; 64]].concat();
    [segment(0xDB, &ones), code(0, 0), code(1, 0xE0)].concat()
}

/// A scan of one component, whose codes are all zeros.
fn scan(component: u8, first: u8, last: u8, approximation: u8, codes: usize) -> Vec<u8> {
    [segment(0xDA, &[1, component, 0, first, last, approximation]), vec![0; codes]].concat()
}

fn jpeg(parts: &[Vec<u8>]) -> Vec<u8> {
    [&[0xFF, 0xD8], parts.concat().as_slice(), &[0xFF, 0xD9]].concat()
}

fn refused(bytes: &[u8], declared: Format) -> String {
    paint(bytes, declared).map(|painting| painting.format).unwrap_err().detail
}

#[test]
fn what_is_too_large_is_refused_by_its_header() {
    let (side, all) = ("a picture has at most 10,000 pixels a side", "a picture has at most 50 megapixels");
    for (width, height, reason) in [
        (30_000, 30_000, side),
        (65_535, 65_535, side),
        (u32::MAX, 1, side),
        (1, 10_001, side),
        (10_000, 10_000, all),
        (5_001, 10_000, all),
        (0, 5, "the picture has no pixels"),
    ] {
        assert_eq!(refused(&png(width, height, &[]), Format::Png), reason, "{width} x {height}");
        if let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) {
            let file = jpeg(&[frame(0xC0, width, height, 3)]);
            assert_eq!(refused(&file, Format::Jpeg), reason, "{width} x {height}");
        }
    }
    // As large as is allowed, and not there.
    assert_eq!(refused(&png(5_000, 10_000, &[]), Format::Png), "the picture is broken");
}

#[test]
fn what_is_packed_beside_the_picture_stays_packed() {
    let ten = deflated(&vec![0; 10 << 20]);
    let named = |name: &[u8]| [name, &ten].concat();
    for between in [
        chunk(b"zTXt", &named(b"a\0\0")),
        chunk(b"iTXt", &named(b"a\0\x01\0\0\0")),
        chunk(b"iCCP", &named(b"a\0\0")),
        chunk(b"tEXt", &vec![b'a'; 1 << 20]),
        chunk(b"tEXt", b"a\0b").repeat(100_000),
        chunk(b"fdAT", &ten),
        chunk(b"eXIf", &[b"MM\0*\xFF\xFF\xFF\xFF".as_slice(), &[0xFF; 1000]].concat()),
    ] {
        assert_whole(&paint(&png(8, 8, &between), Format::Png).unwrap(), "a packed chunk");
    }
    // More pixels than the header says.
    let more = [png(8, 8, &[])[..33].to_vec(), chunk(b"IDAT", &ten), chunk(b"IEND", &[])].concat();
    assert_whole(&paint(&more, Format::Png).unwrap(), "more pixels");
}

#[test]
fn scans_without_end_are_refused_before_they_are_walked() {
    let blocks = 100 * 100;
    let start = || vec![frame(0xC2, 800, 800, 1), tables(), scan(1, 0, 0, 0, blocks / 8)];
    let with = |more: Vec<u8>| jpeg(&[start(), vec![more]].concat());
    let reason = "the picture is made of too many scans";
    assert_whole(&paint(&with(scan(1, 1, 63, 0, 8)), Format::Jpeg).unwrap(), "a few scans");
    assert_whole(&paint(&with(scan(1, 1, 63, 0x10, 8).repeat(6)), Format::Jpeg).unwrap(), "some scans");
    assert_eq!(refused(&with(scan(1, 1, 63, 0x10, 8).repeat(9)), Format::Jpeg), reason);
    assert_whole(&paint(&with(scan(1, 5, 5, 0, 8).repeat(60)), Format::Jpeg).unwrap(), "many small scans");
    assert_eq!(refused(&with(scan(1, 5, 5, 0, 8).repeat(64)), Format::Jpeg), reason);
    assert_eq!(refused(&with(scan(1, 5, 5, 0, 8).repeat(30_000)), Format::Jpeg), reason);
}

/// Decoders fill in what is missing, and that is as much work as what is there.
#[test]
fn a_header_that_promises_more_than_there_is_is_refused() {
    let blocks = 500 * 500;
    for (marker, last, bits) in [(0xC0, 63, 2), (0xC2, 0, 1)] {
        let of = |codes| jpeg(&[frame(marker, 4000, 4000, 1), tables(), scan(1, 0, last, 0, codes)]);
        for few in [0, 1, 2_000, blocks * bits / 16 - 1] {
            assert_eq!(refused(&of(few), Format::Jpeg), "the picture is cut short", "{few} of {marker:X}");
        }
        // As few as one colour can be written in.
        assert_whole(&paint(&of(blocks * bits / 8), Format::Jpeg).unwrap(), "one colour");
    }
}

#[test]
fn segments_without_end_are_refused() {
    let scans = [frame(0xC2, 8, 8, 1), tables(), scan(1, 0, 0, 0, 1)].concat();
    for part in [
        segment(0xE1, &[b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[b'0'; 40]].concat()),
        segment(0xE2, b"ICC_PROFILE\0\x01\xFF"),
        segment(0xFE, b""),
        tables(),
    ] {
        let file = jpeg(&[part.repeat(20_000), scans.clone()]);
        assert_eq!(refused(&file, Format::Jpeg), "the picture is broken");
        // Behind the frame they are walked over, or built and thrown away.
        let _ = paint(&jpeg(&[frame(0xC2, 8, 8, 1), part.repeat(20_000), scans.clone()]), Format::Jpeg);
    }
}

#[test]
fn a_progressive_picture_that_takes_too_much_memory_is_refused() {
    let file = jpeg(&[frame(0xC2, 8_000, 5_000, 3), tables(), scan(1, 0, 0, 0, 100)]);
    let reason = "the picture is too large for a progressive JPEG; save it as a baseline one";
    assert_eq!(refused(&file, Format::Jpeg), reason);
}

#[test]
fn only_png_and_jpeg_and_only_as_declared() {
    let (png, jpeg) = (png(8, 8, &[]), include_bytes!("../../corpus/turbo-420.jpg"));
    assert_eq!(refused(&png, Format::Jpeg), "this was said to be a JPEG, and is a PNG");
    assert_eq!(refused(jpeg, Format::Png), "this was said to be a PNG, and is a JPEG");
    let neither = "this is neither a PNG nor a JPEG picture";
    for other in [
        b"".as_slice(),
        b"GIF89a\x01\0\x01\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"PK\x03\x04",
        b"\x7FELF",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\x89PNG",
        &[0xFF, 0xD8],
        &[&[0], png.as_slice()].concat(),
    ] {
        assert_eq!(refused(other, Format::Png), neither);
        assert_eq!(refused(other, Format::Jpeg), neither);
    }
    for cut in 8..png.len() {
        assert!(paint(&png[..cut], Format::Png).is_err(), "{cut}");
    }
    for cut in 3..jpeg.len() {
        assert!(paint(&jpeg[..cut], Format::Jpeg).is_err(), "{cut}");
    }
}
