//! Forms as clients write them, forms that nobody should write, and forms that were damaged by chance.

use super::*;

const B: &[u8] = b"x-y";

fn one(head: &str, content: &str) -> String {
    format!("--x-y\r\n{head}\r\n\r\n{content}\r\n--x-y--\r\n")
}

fn contents(body: &str) -> Result<Vec<(String, String)>, Malformed> {
    let parts = parse(body.as_bytes(), B)?;
    Ok(parts.into_iter().map(|part| (part.name, body[part.content].to_owned())).collect())
}

fn pair(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

#[test]
fn parts_as_they_are_sent() {
    for (body, expected) in [
        ("--x-y--", vec![]),
        ("--x-y--\r\n \r\n", vec![]),
        ("\r\n--x-y--", vec![]),
        (&(one("Content-Disposition: form-data; name=\"a\"", "1\r\n2")), vec![pair("a", "1\r\n2")]),
        // Things that look like a boundary.
        (
            &one("Content-Disposition: form-data; name=a", "-x-y\r\n--x-\r\n\r\n-x-y--"),
            vec![pair("a", "-x-y\r\n--x-\r\n\r\n-x-y--")],
        ),
        (&one("content-disposition:form-data;name=a", ""), vec![pair("a", "")]),
        ("--x-y\r\nContent-Disposition: form-data; name=a\r\n\r\n--x-y--", vec![pair("a", "")]),
        (
            "--x-y \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x-y\r\n\
             Content-Disposition: form-data; name=b\r\nX-Other: y\r\n\r\n2\r\n--x-y--",
            vec![pair("a", "1"), pair("b", "2")],
        ),
    ] {
        assert_eq!(contents(body), Ok(expected), "{body:?}");
    }
}

#[test]
fn what_makes_a_part_a_file() {
    for (head, is_file) in [
        ("", false),
        ("\r\nContent-Type: text/plain; charset=utf-8", false),
        ("\r\nContent-Type: application/json", false),
        ("\r\nContent-Type: image/png", true),
        ("; filename=\"\"\r\nContent-Type: application/octet-stream", true),
        ("; filename=a", true),
        ("; filename*=UTF-8''a.png", true),
    ] {
        let body = one(&format!("Content-Disposition: form-data; name=a{head}"), "1");
        let parts = parse(body.as_bytes(), B).unwrap();
        assert_eq!(parts[0].is_file(), is_file, "{head}");
    }
}

#[test]
fn a_09_what_is_malformed_is_refused() {
    let many = one("Content-Disposition: form-data; name=a", "1").replace("--x-y--\r\n", "");
    let long = format!("X: {}", "x".repeat(100_000));
    let headers: String = (0..100).map(|number| format!("X-{number}: 1\r\n")).collect();
    let disposition = "Content-Disposition: form-data; name=a";
    for (name, body) in [
        ("nothing", String::new()),
        ("another boundary", one(disposition, "1").replace("x-y", "x-z")),
        ("words before it", format!("hello\r\n{}", one(disposition, "1"))),
        ("words behind it", format!("{}hello", one(disposition, "1"))),
        ("no end", one(disposition, "1").replace("--x-y--", "")),
        ("an end that is none", one(disposition, "1").replace("--x-y--", "--x-y-")),
        ("no line after a boundary", one(disposition, "1").replacen("\r\n", "", 1)),
        ("no head", "--x-y\r\n\r\n1\r\n--x-y--".into()),
        ("no end of the head", format!("--x-y\r\n{disposition}\r\n--x-y--")),
        ("no name", one("Content-Disposition: form-data", "1")),
        ("no form", one("Content-Disposition: attachment; name=a", "1")),
        ("a name twice", one("Content-Disposition: form-data; name=a; name=b", "1")),
        ("a file name twice", one(&format!("{disposition}; filename=a.png; filename=b.html"), "1")),
        ("a header twice", one(&format!("{disposition}\r\n{disposition}"), "1")),
        ("a header of no kind", one(&format!("{disposition}\r\nnonsense"), "1")),
        ("a file name on two lines", one(&format!("{disposition}; filename=\"a\r\nX:1\""), "1")),
        ("a NUL", one(&format!("{disposition}; filename=\"a\0.png\""), "1")),
        ("encoded", one(&format!("{disposition}\r\nContent-Transfer-Encoding: base64"), "MQ==")),
        ("nested", one(&format!("{disposition}\r\nContent-Type: multipart/mixed; boundary=z"), "--z--")),
        ("a head of 100 kB", one(&format!("{disposition}\r\n{long}"), "1")),
        ("a hundred headers", one(&format!("{headers}{disposition}"), "1")),
        ("a thousand parts", many.repeat(1000) + "--x-y--"),
        ("33 parts", many.repeat(33) + "--x-y--"),
    ] {
        assert!(contents(&body).is_err(), "{name}");
    }
    assert_eq!(contents(&(many.repeat(32) + "--x-y--")).unwrap().len(), 32);
    for boundary in [&b""[..], &[b'x'; 71]] {
        assert!(parse(b"----", boundary).is_err());
    }
}

/// Damage by chance: pieces are doubled, dropped and exchanged. Nothing panics, and what is found lies within the body.
#[test]
fn a_damaged_form_is_read_within_its_bounds() {
    let whole = [
        one("Content-Disposition: form-data; name=\"a\"; filename=\"a.png\"", "\u{89}PNG\r\n--x-")
            .replace("--x-y--\r\n", ""),
        one("Content-Disposition: form-data; name=b\r\nContent-Type: text/plain", "-x-y--"),
    ]
    .concat()
    .into_bytes();
    let mut state = 20_261_121_u64;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % most
    };
    let mut read = 0;
    for _ in 0..20_000 {
        let mut body = whole.clone();
        for _ in 0..=below(4) {
            let (from, to) = (below(body.len()), below(body.len()));
            let piece = body[from..(from + below(40)).min(body.len())].to_vec();
            match below(4) {
                0 => body[to] = u8::try_from(below(256)).unwrap(),
                1 => body.truncate(to.max(1)),
                2 => drop(body.splice(to..to, piece)),
                _ => drop(body.splice(to..(to + piece.len()).min(body.len()), b"\r\n".iter().copied())),
            }
        }
        let Ok(parts) = parse(&body, B) else { continue };
        read += 1;
        assert!(parts.len() <= MOST_PARTS);
        let mut end = 0;
        for part in parts {
            assert!(end <= part.content.start && part.content.start <= part.content.end);
            end = part.content.end;
        }
        assert!(end <= body.len());
    }
    assert!(read > 500, "{read}");
}
