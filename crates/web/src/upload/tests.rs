//! What a form comes to: its members, its one picture, and what is refused.

use super::*;
use axum::response::IntoResponse;

const PNG: &str = "\u{89}PNG and so on";

fn part(head: &str, content: &str) -> String {
    format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

fn file(name: &str, kind: &str) -> String {
    part(&format!("name=\"picture\"; filename=\"{name}\"\r\nContent-Type: {kind}"), PNG)
}

fn form(parts: &[String], only: Option<&str>) -> Result<PartsForm, Problem> {
    PartsForm::read((parts.concat() + "--x--\r\n").into_bytes(), Some(b"x"), only)
}

fn status(form: Result<PartsForm, Problem>) -> u16 {
    form.map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200)
}

#[test]
fn members_are_those_of_json() {
    let parts = [
        part("name=\"first_name\"", "Ada"),
        part("name=\"last_name\"\r\nContent-Type: text/plain; charset=utf-8", "Lovelace"),
        part("name=locale", ""),
        part("name=metadata", "{\"plan\": {\"seats\": 3}}"),
        part("name=roles\r\nContent-Type: application/json", "[\"user\"]"),
        part("name=email_verified", "true"),
        part("name=password", "{}"),
        file("me.png", "image/png"),
    ];
    let form = form(&parts, Some("picture")).unwrap();
    let expected = serde_json::json!({
        "first_name": "Ada", "last_name": "Lovelace", "metadata": {"plan": {"seats": 3}}, "roles": ["user"],
        "email_verified": true, "password": "{}",
    });
    assert_eq!(Value::Object(form.members), expected);
    assert_eq!(form.picture.unwrap().bytes, PNG.as_bytes());
}

#[test]
fn metadata_in_doubt_is_no_object() {
    for text in ["{\"a\":1,\"a\":2}", "{", "nothing", "{} {}"] {
        let form = form(&[part("name=metadata", text)], None).unwrap();
        assert_eq!(form.members["metadata"], *text);
    }
}

#[test]
fn what_cannot_be_read_in_one_way_is_refused() {
    for (name, parts) in [
        ("twice", vec![part("name=a", "1"), part("name=a", "1")]),
        ("no UTF-8", vec![part("name=a\r\nContent-Type: text/plain; charset=latin1", "1")]),
        ("nested", vec![part("name=a\r\nContent-Type: multipart/mixed", "1")]),
    ] {
        assert_eq!(status(form(&parts, None)), 400, "{name}");
    }
    assert_eq!(status(PartsForm::read(b"--x--".to_vec(), None, None)), 400);
    let latin = [part("name=a", "").as_bytes().trim_ascii_end(), b"\r\n\r\n\xff\r\n--x--"].concat();
    assert_eq!(status(PartsForm::read(latin, Some(b"x"), None)), 400);
}

#[test]
fn a_02_the_type_and_the_ending_say_that_it_is_a_picture() {
    for (name, kind, expected) in [
        ("me.png", "image/png", 200),
        ("me.jpg", "image/jpeg", 200),
        ("me.JPEG", "image/jpeg", 200),
        ("me.PNG", "Image/PNG; x=y", 200),
        // What it is, the painter sees.
        ("me.jpg", "image/png", 200),
        ("me", "image/png", 200),
        ("", "image/png", 200),
        ("C:\\\\fake.d\\\\me", "image/png", 200),
        ("../../etc/passwd", "image/png", 200),
        ("/abs.d/x", "image/png", 200),
        ("%2e%2e%2f", "image/png", 200),
        ("a%0d%0aX:1", "image/png", 200),
        ("CON", "image/jpeg", 200),
        ("\u{1f600}.png", "image/png", 200),
        (&"x".repeat(300), "image/png", 200),
        (".png", "image/png", 200),
        ("a.png.html", "image/png", 415),
        ("me.gif", "image/png", 415),
        ("me.svg", "image/jpeg", 415),
        ("me.webp", "image/jpeg", 415),
        ("me.php", "image/png", 415),
        ("me.png.", "image/png", 415),
        ("me.png ", "image/png", 415),
        ("me.png", "image/gif", 415),
        ("me.png", "image/svg+xml", 415),
        ("me.png", "application/octet-stream", 415),
        ("me.png", "text/html", 415),
        ("me.jpg", "image/jpg", 415),
        ("me.png", "", 415),
    ] {
        assert_eq!(status(form(&[file(name, kind)], None)), expected, "{name} {kind}");
    }
}

#[test]
fn one_file_and_no_more() {
    let two = form(&[file("a.png", "image/png"), file("b.png", "image/png")], None).unwrap();
    assert_eq!(two.files, 2);
    let none = form(&[part("name=a", "1")], None).unwrap();
    assert!(none.files == 0 && none.picture.is_none());
    // An input for a file in which nothing was chosen.
    let empty = part("name=\"picture\"; filename=\"\"\r\nContent-Type: application/octet-stream", "");
    let empty = form(&[empty], Some("picture")).unwrap();
    assert!(empty.files == 0 && empty.members.is_empty());
    // A file of another name, where one name is meant, is no member and no picture.
    let other = part("name=\"avatar\"; filename=\"a.png\"\r\nContent-Type: image/png", PNG);
    let other = form(&[other], Some("picture")).unwrap();
    assert!(other.picture.is_none() && other.members.is_empty() && other.strays == ["avatar"]);
}

#[test]
fn a_01_a_file_has_2_mib_and_what_is_around_it_64_kib() {
    let sized = |bytes: usize| {
        let head = part("name=picture; filename=a.png\r\nContent-Type: image/png", &"x".repeat(bytes));
        status(form(&[head], None))
    };
    assert_eq!([sized(LARGEST_FILE), sized(LARGEST_FILE + 1)], [200, 413]);
    let beside =
        |bytes: usize| status(form(&[file("a.png", "image/png"), part("name=a", &"x".repeat(bytes))], None));
    assert_eq!([beside(65_000), beside(LARGEST)], [200, 413]);
}

#[test]
fn a_picture_is_cut_out_where_it_lies() {
    let body: Vec<u8> = (0..100).collect();
    let place = body.as_ptr();
    let cut = cut(body, 10..20);
    assert_eq!(cut, (10..20).collect::<Vec<u8>>());
    assert_eq!(cut.as_ptr(), place);
}

#[tokio::test]
async fn a_body_that_has_arrived_is_not_copied() {
    let mut sent = Vec::with_capacity(5000);
    sent.extend_from_slice(&[7; 3000]);
    let place = sent.as_ptr();
    let bytes = whole(Request::new(sent.into())).await.unwrap();
    assert_eq!((bytes.as_ptr(), bytes.len()), (place, 3000));
}
