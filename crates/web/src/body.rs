//! Request bodies: bounded in size and time, refused early, never decompressed, and whole before anybody is asked who
//! sends them. Gives [`Fields`], so that no handler sees JSON or a form.

use crate::Shared;
use crate::fields::{Fields, Unknown};
use crate::problem::{self, Problem};
use crate::strict_json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keyward_auth::values::Invalid;
use serde_json::{Map, Value};
use std::time::Duration;

/// The largest body of a request.
pub const LARGEST: usize = 64 * 1024;
/// How much of a refused body is still read, so that the refusal arrives at a client that is busy sending.
const DRAINED: usize = 1024 * 1024;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);

/// A JSON object.
pub(crate) struct Json(pub(crate) Fields);
/// A JSON object, or no body at all.
pub(crate) struct OptionalJson(pub(crate) Fields);
/// An `application/x-www-form-urlencoded` form.
pub(crate) struct Form(pub(crate) Fields);
/// Either.
pub(crate) struct JsonOrForm(pub(crate) Fields);

#[derive(PartialEq)]
enum Kind {
    Json,
    Form,
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

async fn json(request: Request, web: &Shared) -> Result<Fields, Problem> {
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

fn kind(headers: &HeaderMap) -> Kind {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Kind::Other;
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Kind::Nothing };
    let mut parts =
        value.to_str().unwrap_or_default().split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = |parameter: String| match parameter.split_once('=') {
        Some(("charset", set)) => matches!(set.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"),
        _ => true,
    };
    let is_json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !parts.all(is_utf8) {
        Kind::Other
    } else if is_json {
        Kind::Json
    } else if essence == "application/x-www-form-urlencoded" {
        Kind::Form
    } else {
        Kind::Other
    }
}

fn refuse_type(wanted: &'static str) -> Problem {
    Problem::new(&problem::UNSUPPORTED_MEDIA_TYPE, format!("send {wanted} in UTF-8, uncompressed"))
}

/// The bytes of a body that has arrived.
async fn bytes(request: Request) -> Result<Bytes, Problem> {
    axum::body::to_bytes(request.into_body(), LARGEST)
        .await
        .map_err(|error| Problem::internal(error.to_string()))
}

/// The request with its body arrived, so that nothing happens between who asks and what is asked: a person who is signed
/// out while the body trickles in is signed out.
pub(crate) async fn arrived(request: Request) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let too_large = || Problem::new(&problem::PAYLOAD_TOO_LARGE, "a body has at most 64 KiB");
    let (parts, mut body) = request.into_parts();
    if body.size_hint().lower() > LARGEST as u64 {
        // One that asks first (RFC 9110, section 10.1.1) has sent nothing yet, and will not.
        if !parts.headers.contains_key(header::EXPECT) {
            read_on(body).await;
        }
        return Err(too_large());
    }
    match tokio::time::timeout(ARRIVAL, Limited::new(&mut body, LARGEST).collect()).await {
        Ok(Ok(collected)) => Ok(Request::from_parts(parts, Body::from(collected.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            read_on(body).await;
            Err(too_large())
        }
        // The connection broke, or the framing is wrong: whoever sent it hears this if anybody does.
        Ok(Err(_)) => Err(Problem::new(&problem::MALFORMED_REQUEST, "the body did not arrive whole")),
        Err(_) => Err(Problem::new(&problem::TIMEOUT, "the body took too long to arrive")),
    }
}

/// Lets a client that is busy sending hear the refusal: reads and forgets a bounded part.
async fn read_on(mut body: Body) {
    let read_some = async {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), read_some).await;
}
