//! Pictures as they are sent: alone, or as the one file of a form whose other parts are members. Gives an [`Upload`] that is
//! declared to be one of the formats there are; whether it is one is for the painter to see. Of the name of a file only the
//! ending is looked at; it goes nowhere.

use crate::Shared;
use crate::body::{Kind, bytes, format, json, kind, refuse_picture, refuse_type};
use crate::fields::{Fields, wrong_type};
use crate::largest::{LARGEST, LARGEST_FILE, too_large};
use crate::multipart::{self, Malformed, Part};
use crate::parameters::Parameters;
use crate::problem::{self, Problem};
use crate::strict_json;
use axum::extract::{FromRequest, Request};
use keyward_auth::outside::Upload;
use keyward_auth::values::{Format, Invalid};
use serde_json::{Map, Value};
use std::ops::Range;

/// A picture: the whole body, or the one file of a form that has nothing else.
pub(crate) struct Picture(pub(crate) Upload);

/// The members of a JSON object, or of a form that may have a file `picture` beside them.
pub(crate) struct JsonOrParts {
    pub(crate) fields: Fields,
    pub(crate) picture: Option<Upload>,
}

impl FromRequest<Shared> for Picture {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Picture(declared) => Ok(Self(Upload { bytes: whole(request).await?, declared })),
            Kind::Parts(boundary) => {
                let form = PartsForm::read(whole(request).await?, boundary.as_deref(), None)?;
                let mut fields = Fields::new(form.members, web.settings.unknown_fields);
                note_missing(&mut fields, form.files, form.picture.is_some());
                Ok(Self(fields.finish(form.picture)?))
            }
            _ => Err(refuse_picture()),
        }
    }
}

impl FromRequest<Shared> for JsonOrParts {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Json => Ok(Self { fields: json(request, web).await?, picture: None }),
            Kind::Parts(boundary) => {
                let mut form = PartsForm::read(whole(request).await?, boundary.as_deref(), Some("picture"))?;
                let is_text = form.members.remove("picture").is_some();
                let mut fields = Fields::new(form.members, web.settings.unknown_fields);
                if form.files > 1 {
                    fields.refuse("picture", one_file());
                } else if is_text {
                    fields.refuse("picture", wrong_type("a file: its part has a filename"));
                }
                for name in &form.strays {
                    fields.refuse(name, wrong_type("a text; the one file is called picture"));
                }
                Ok(Self { fields, picture: form.picture })
            }
            _ => Err(refuse_type("application/json or multipart/form-data")),
        }
    }
}

fn note_missing(fields: &mut Fields, files: usize, is_there: bool) {
    if files > 1 {
        fields.refuse("picture", one_file());
    } else if !is_there {
        fields.refuse("picture", Invalid::new("required", "the form has no file"));
    }
}

fn one_file() -> Invalid {
    Invalid::new("too_many_files", "send one file")
}

/// The bytes of a body that has arrived, where they are: nobody else holds them.
async fn whole(request: Request) -> Result<Vec<u8>, Problem> {
    bytes(request).await.map(Vec::from)
}

/// A form, taken apart.
#[derive(Debug)]
struct PartsForm {
    /// An empty field is left out, as in other forms: whoever leaves an input empty says nothing with it.
    members: Map<String, Value>,
    /// How many there are. Where there is one, it is `picture`.
    files: usize,
    picture: Option<Upload>,
    /// The names of files that have another one than they must.
    strays: Vec<String>,
}

/// What is no text in JSON, and so is JSON in a form.
const IN_JSON: [&str; 3] = ["metadata", "roles", "email_verified"];

impl PartsForm {
    /// `only` is the name that a file must have, where it must have one.
    fn read(body: Vec<u8>, boundary: Option<&[u8]>, only: Option<&str>) -> Result<Self, Problem> {
        let boundary = boundary.ok_or(Malformed("multipart/form-data needs a boundary"))?;
        let parts = multipart::parse(&body, boundary)?;
        let mut form = Self { members: Map::new(), files: 0, picture: None, strays: Vec::new() };
        let mut file: Option<(Range<usize>, Format)> = None;
        for part in &parts {
            let content = body.get(part.content.clone()).unwrap_or_default();
            if !part.is_file() {
                form.note_field(part, content)?;
            } else if content.is_empty() && part.file_name.as_deref().unwrap_or_default().is_empty() {
                // How browsers send an input for a file that nobody has chosen.
            } else if only.is_some_and(|only| only != part.name) {
                form.strays.push(part.name.clone());
            } else {
                if content.len() > LARGEST_FILE {
                    return Err(too_large(LARGEST_FILE));
                }
                form.files += 1;
                file = Some((part.content.clone(), declared(part)?));
            }
        }
        if body.len() - file.as_ref().map_or(0, |(content, _)| content.len()) > LARGEST && form.files < 2 {
            return Err(Problem::new(
                &problem::PAYLOAD_TOO_LARGE,
                "the fields of a form and the heads of its parts have at most 64 KiB together",
            ));
        }
        form.picture = file.map(|(content, declared)| Upload { bytes: cut(body, content), declared });
        Ok(form)
    }

    fn note_field(&mut self, part: &Part, content: &[u8]) -> Result<(), Problem> {
        let is_utf8 = part.content_type.as_ref().is_none_or(Parameters::is_utf8);
        let Ok(text) =
            std::str::from_utf8(content).map_err(drop).and_then(|text| is_utf8.then_some(text).ok_or(()))
        else {
            return Err(Malformed("the form is not UTF-8").into());
        };
        if text.is_empty() {
            return Ok(());
        }
        let parsed =
            IN_JSON.contains(&part.name.as_str()).then(|| strict_json::parse(content).ok()).flatten();
        // What is no JSON is a text, which is refused in words of the member.
        self.note(&part.name, parsed.unwrap_or_else(|| Value::String(text.to_owned())))
    }

    fn note(&mut self, name: &str, value: Value) -> Result<(), Problem> {
        match self.members.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(Malformed("a field of the form stands twice").into()),
        }
    }
}

/// What a file is said to be, if its type and its name agree that it is a picture.
fn declared(part: &Part) -> Result<Format, Problem> {
    let kind = part.content_type.as_ref().map(|kind| kind.word.as_str());
    let format = kind.and_then(format).ok_or_else(refuse_picture)?;
    match part.file_name.as_deref().and_then(ending) {
        Some(ending)
            if ![&b"png"[..], b"jpg", b"jpeg"].iter().any(|known| known.eq_ignore_ascii_case(ending)) =>
        {
            Err(Problem::new(
                &problem::UNSUPPORTED_MEDIA_TYPE,
                "the name of a picture's file ends in .png, .jpg or .jpeg",
            ))
        }
        _ => Ok(format),
    }
}

/// What stands after the last dot of a name, without the folders before it.
fn ending(name: &[u8]) -> Option<&[u8]> {
    let name = name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    name.get(dot + 1..)
}

/// A piece of the bytes, in the memory in which they are.
fn cut(mut bytes: Vec<u8>, piece: Range<usize>) -> Vec<u8> {
    bytes.truncate(piece.end);
    bytes.drain(..piece.start.min(piece.end));
    bytes
}

impl From<Malformed> for Problem {
    fn from(Malformed(what): Malformed) -> Self {
        Self::new(&problem::MALFORMED_REQUEST, what)
    }
}

#[cfg(test)]
mod tests;
