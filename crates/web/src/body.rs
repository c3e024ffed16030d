//! What is in a request's body, which has [arrived](crate::arrival) and is never decompressed. Gives [`Fields`], so that no
//! handler sees JSON or a form; pictures are [`upload`](crate::upload)'s.

use crate::Shared;
use crate::fields::{Fields, Unknown};
use crate::parameters::Parameters;
use crate::problem::{self, Problem};
use crate::strict_json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use keyward_auth::values::{Format, Invalid};
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) struct Json(pub(crate) Fields);
/// A JSON object, or no body at all.
pub(crate) struct OptionalJson(pub(crate) Fields);
/// An `application/x-www-form-urlencoded` form.
pub(crate) struct Form(pub(crate) Fields);
/// Either.
pub(crate) struct JsonOrForm(pub(crate) Fields);

/// What the headers say that a body is.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Json,
    Form,
    /// A form in parts, with its boundary if it has one.
    Parts(Option<Vec<u8>>),
    Picture(Format),
    Nothing,
    Other,
}

impl FromRequest<Shared> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Json => Ok(Self(json(request, web).await?)),
            _ => Err(refuse_type("application/json")),
        }
    }
}

impl FromRequest<Shared> for OptionalJson {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        let kind = kind(request.headers());
        if !matches!(kind, Kind::Json | Kind::Nothing) {
            return Err(refuse_type("application/json"));
        }
        // Many clients name the type of a body that they do not send.
        let bytes = bytes(request).await?;
        if bytes.is_empty() {
            Ok(Self(Fields::new(Map::new(), Unknown::Refuse)))
        } else if kind == Kind::Json {
            Ok(Self(parsed(&bytes, web)?))
        } else {
            Err(Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, "send application/json"))
        }
    }
}

impl FromRequest<Shared> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Form => Ok(Self(form(request).await?)),
            _ => Err(refuse_type("application/x-www-form-urlencoded")),
        }
    }
}

impl FromRequest<Shared> for JsonOrForm {
    type Rejection = Problem;

    async fn from_request(request: Request, web: &Shared) -> Result<Self, Problem> {
        match kind(request.headers()) {
            Kind::Json => Ok(Self(json(request, web).await?)),
            Kind::Form => Ok(Self(form(request).await?)),
            _ => Err(refuse_type("application/json or application/x-www-form-urlencoded")),
        }
    }
}

pub(crate) async fn json(request: Request, web: &Shared) -> Result<Fields, Problem> {
    parsed(&bytes(request).await?, web)
}

fn parsed(bytes: &[u8], web: &Shared) -> Result<Fields, Problem> {
    let value = strict_json::parse(bytes).map_err(|error| {
        // The parser's own words may quote the body, which may hold a password.
        let what = if error.is_data() {
            "a name comes twice, or a number is too large,"
        } else {
            "the body is not JSON"
        };
        let place = format!("{what} at line {}, column {}", error.line(), error.column());
        Problem::new(&problem::INVALID_JSON, place)
    })?;
    match value {
        Value::Object(members) => Ok(Fields::new(members, web.settings.unknown_fields)),
        _ => Err(Problem::field("", Invalid::new("wrong_type", "the body must be an object"))),
    }
}

/// A repeated parameter is an error, an empty one is absent, an unknown one is ignored (RFC 6749, section 3.1).
async fn form(request: Request) -> Result<Fields, Problem> {
    let bytes = bytes(request).await?;
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(&bytes) {
        // The decoder replaces what is not UTF-8: such a form is refused, not guessed at.
        if name.contains('\u{FFFD}') || value.contains('\u{FFFD}') {
            return Err(Problem::new(&problem::MALFORMED_REQUEST, "the form is not UTF-8"));
        }
        if value.is_empty() {
            continue;
        }
        if members.insert(name.into_owned(), Value::String(value.into_owned())).is_some() {
            let problem = Problem::new(&problem::MALFORMED_REQUEST, "a form parameter stands twice");
            return Err(problem.oauth("invalid_request"));
        }
    }
    Ok(Fields::new(members, Unknown::Ignore))
}

pub(crate) fn kind(headers: &HeaderMap) -> Kind {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Kind::Other;
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Kind::Nothing };
    let Some(parameters) = Parameters::parse(value.as_bytes()) else { return Kind::Other };
    let word = parameters.word.as_str();
    let is_json = word == "application/json" || (word.starts_with("application/") && word.ends_with("+json"));
    if let Some(format) = format(word) {
        Kind::Picture(format)
    } else if !parameters.is_utf8() {
        Kind::Other
    } else if is_json {
        Kind::Json
    } else if word == "application/x-www-form-urlencoded" {
        Kind::Form
    } else if word == "multipart/form-data" {
        Kind::Parts(parameters.get("boundary").map(<[u8]>::to_vec))
    } else {
        Kind::Other
    }
}

pub(crate) fn refuse_type(wanted: &'static str) -> Problem {
    Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, format!("send {wanted} in UTF-8, uncompressed"))
}

pub(crate) fn refuse_picture() -> Problem {
    refuse_type("image/png or image/jpeg, or one such file as multipart/form-data,")
}

/// The format of pictures that this type names.
pub(crate) fn format(media_type: &str) -> Option<Format> {
    [Format::Png, Format::Jpeg].into_iter().find(|format| format.media_type() == media_type)
}

/// The bytes of a body that has arrived.
pub(crate) async fn bytes(request: Request) -> Result<Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .map_err(|error| Problem::internal(error.to_string()))
}
