//! The parts of a `multipart/form-data` body (RFC 7578) that has arrived: where each lies, what it is called, and what it
//! says that it is. Knows neither which parts a route wants nor what is in them; copies nothing but their heads.

use crate::parameters::Parameters;
use httparse::Status;
use memchr::memmem;
use std::ops::Range;

/// The most parts of a body.
pub(crate) const MOST_PARTS: usize = 32;
/// The longest head of a part.
pub(crate) const LONGEST_HEAD: usize = 8 * 1024;
const MOST_HEADERS: usize = 16;
/// RFC 2046, section 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// What the client calls the file, as it came; for judging alone.
    pub(crate) file_name: Option<Vec<u8>>,
    pub(crate) content_type: Option<Parameters>,
    /// Where in the body its content lies.
    pub(crate) content: Range<usize>,
}

impl Part {
    /// Whether it is a file, rather than the text of a field.
    pub(crate) fn is_file(&self) -> bool {
        let is_text = |kind: &Parameters| matches!(kind.word.as_str(), "text/plain" | "application/json");
        self.file_name.is_some() || self.content_type.as_ref().is_some_and(|kind| !is_text(kind))
    }
}

/// What is wrong with the body, in words for its sender.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// All parts, in their order.
pub(crate) fn parse(body: &[u8], boundary: &[u8]) -> Result<Vec<Part>, Malformed> {
    if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY {
        return Err(Malformed("the boundary of a multipart body has 1 to 70 characters"));
    }
    let delimiter = [b"\r\n--", boundary].concat();
    let finder = memmem::Finder::new(&delimiter);
    // What stands before the first boundary would be for people whose programs cannot read this.
    let mut at = match body {
        body if body.starts_with(delimiter.get(2..).unwrap_or_default()) => delimiter.len() - 2,
        body if body.starts_with(&delimiter) => delimiter.len(),
        _ => return Err(Malformed("the body does not begin with its boundary")),
    };
    let mut parts = Vec::new();
    while let Some(head) = next_head(body.get(at..).unwrap_or_default())? {
        if parts.len() == MOST_PARTS {
            return Err(Malformed("a multipart body has at most 32 parts"));
        }
        let (mut part, length) = read_head(body.get(at + head..).unwrap_or_default())?;
        let begin = at + head + length;
        // The line break before a boundary belongs to it, also where it ends the head: an empty part.
        let from = begin.saturating_sub(2);
        let content = body.get(from..).and_then(|rest| finder.find(rest));
        let end = from + content.ok_or(Malformed("the last part does not end"))?;
        part.content = begin.min(end)..end;
        at = end + delimiter.len();
        parts.push(part);
    }
    Ok(parts)
}

/// How far after a boundary the head of its part begins; `None` after the last.
fn next_head(after: &[u8]) -> Result<Option<usize>, Malformed> {
    if let Some(rest) = after.strip_prefix(b"--") {
        let is_blank = rest.iter().all(u8::is_ascii_whitespace);
        return if is_blank { Ok(None) } else { Err(Malformed("something stands after the last boundary")) };
    }
    let padding = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match after.get(padding..padding + 2) {
        Some(b"\r\n") => Ok(Some(padding + 2)),
        _ => Err(Malformed("a boundary does not end its line")),
    }
}

/// A part whose content is not known yet, and how long its head is.
fn read_head(text: &[u8]) -> Result<(Part, usize), Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let window = text.get(..LONGEST_HEAD).unwrap_or(text);
    let unreadable = Malformed("the head of a part cannot be read, or is too long");
    let Ok(Status::Complete((length, headers))) = httparse::parse_headers(window, &mut headers) else {
        return Err(unreadable);
    };
    let only = |name: &str| {
        let mut found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Malformed("a header of a part stands twice")),
            (Some(header), None) => Parameters::parse(header.value).map(Some).ok_or(unreadable_header()),
            (None, None) => Ok(None),
        }
    };
    let disposition = only("content-disposition")?.unwrap_or_default();
    let content_type = only("content-type")?;
    let encoding = only("content-transfer-encoding")?;
    if content_type.as_ref().is_some_and(|kind| kind.word.starts_with("multipart/")) {
        return Err(Malformed("a part of a multipart body is another one"));
    }
    if encoding.is_some_and(|encoding| !matches!(encoding.word.as_str(), "binary" | "8bit" | "7bit")) {
        return Err(Malformed("a part is encoded; send it as it is"));
    }
    let name = disposition.get("name").and_then(|name| std::str::from_utf8(name).ok());
    let (true, Some(name)) = (disposition.word == "form-data", name) else {
        return Err(Malformed("a part is not the part of a form, or has no name in UTF-8"));
    };
    let file_name = disposition.get("filename").or(disposition.get("filename*")).map(<[u8]>::to_vec);
    let part = Part { name: name.to_owned(), file_name, content_type, content: 0..0 };
    Ok((part, length))
}

fn unreadable_header() -> Malformed {
    Malformed("a header of a part cannot be read, or says something twice")
}

#[cfg(test)]
mod tests;
