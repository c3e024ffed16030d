//! The one error that a client sees (RFC 9457), and the list of all kinds of it. Text of an inner failure never gets
//! here but as `cause`, which is logged and not sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_auth::flows::Forbidden;
use keyward_auth::outside::{Busy, GalleryError};
use keyward_auth::records::{StoreError, Unique};
use keyward_auth::tokens::KeyError;
use keyward_auth::values::Invalid;
use serde::Serialize;
use std::borrow::Cow;

/// A kind of problem: its `code` is stable and what programs compare.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident $code:literal $title:literal;)*) => {
        $(pub static $name: Kind = Kind { status: StatusCode::$status, code: $code, title: $title };)*
        /// Every kind, for the documents.
        pub static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED_REQUEST = BAD_REQUEST "malformed_request" "The request is malformed";
    INVALID_JSON = BAD_REQUEST "invalid_json" "The body is not JSON";
    UNAUTHENTICATED = UNAUTHORIZED "unauthenticated" "Sign in first";
    INVALID_TOKEN = UNAUTHORIZED "invalid_token" "The access token is not valid";
    INVALID_CREDENTIALS = UNAUTHORIZED "invalid_credentials" "Sign-in refused";
    INVALID_GRANT = UNAUTHORIZED "invalid_grant" "The refresh token is not valid";
    FORBIDDEN = FORBIDDEN "forbidden" "Not permitted";
    REAUTHENTICATION_REQUIRED = FORBIDDEN "reauthentication_required" "Proof is needed";
    WRONG_PASSWORD = FORBIDDEN "wrong_password" "The password is wrong";
    REGISTRATION_CLOSED = FORBIDDEN "registration_closed" "Registration is closed";
    EMAIL_NOT_VERIFIED = FORBIDDEN "email_not_verified" "The e-mail address is not verified";
    INVALID_LINK = FORBIDDEN "invalid_link" "The link is not valid";
    NOT_FOUND = NOT_FOUND "not_found" "Not found";
    NO_PICTURE = NOT_FOUND "no_picture" "There is no picture";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method_not_allowed" "Method not allowed";
    TIMEOUT = REQUEST_TIMEOUT "timeout" "The request took too long to arrive";
    TAKEN = CONFLICT "taken" "Already taken";
    LAST_ADMINISTRATOR = CONFLICT "last_administrator" "The last administrator stays";
    STALE = PRECONDITION_FAILED "stale" "The record has changed";
    PAYLOAD_TOO_LARGE = PAYLOAD_TOO_LARGE "payload_too_large" "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "Unsupported media type";
    RANGE_NOT_SATISFIABLE = RANGE_NOT_SATISFIABLE "range_not_satisfiable" "There is no such range";
    INVALID = UNPROCESSABLE_ENTITY "invalid" "Some fields are not valid";
    INVALID_CODE = UNPROCESSABLE_ENTITY "invalid_code" "The code is not valid";
    RATE_LIMITED = TOO_MANY_REQUESTS "rate_limited" "Too many requests";
    INTERNAL = INTERNAL_SERVER_ERROR "internal" "Internal error";
    STORE_UNAVAILABLE = SERVICE_UNAVAILABLE "store_unavailable" "A store is unavailable";
    BUSY = SERVICE_UNAVAILABLE "busy" "Too busy";
    MAIL_NOT_CONFIGURED = SERVICE_UNAVAILABLE "mail_not_configured" "No mail can be sent";
    OVERDUE = SERVICE_UNAVAILABLE "overdue" "The answer took too long";
}

/// What is wrong with one member of the body, or one parameter.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldError {
    /// A JSON Pointer (RFC 6901) into the body.
    pub(crate) pointer: String,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// How much of a field's name, which may be the caller's own, is repeated, in characters.
const LONGEST_NAME: usize = 64;

impl FieldError {
    pub(crate) fn new(field: &str, invalid: Invalid) -> Self {
        let short: String = field.chars().take(LONGEST_NAME).collect();
        let pointer = format!("/{}", short.replace('~', "~0").replace('/', "~1"));
        Self { pointer, code: invalid.code, detail: invalid.detail }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// The `error` of RFC 6749, section 5.2, where an OAuth client expects one.
    oauth: Option<&'static str>,
    /// What `WWW-Authenticate` says on a 401.
    challenge: &'static str,
    /// What `Retry-After` says on a 429 or 503, in seconds.
    retry_after: u64,
    /// For the log.
    pub(crate) cause: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    instance: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            oauth: None,
            challenge: "Bearer",
            retry_after: 1,
            cause: None,
        }
    }

    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = errors.first().map_or(Cow::from("the body is not valid"), |e| {
            format!("{}: {}", e.pointer.trim_start_matches('/'), e.detail).into()
        });
        Self { errors, ..Self::new(&INVALID, detail) }
    }

    pub(crate) fn field(name: &str, invalid: Invalid) -> Self {
        Self::fields(vec![FieldError::new(name, invalid)])
    }

    pub(crate) fn invalid_token() -> Self {
        // `error` only when a token was sent (RFC 6750, section 3.1).
        Self {
            challenge: r#"Bearer error="invalid_token""#,
            ..Self::new(&INVALID_TOKEN, "the access token is not valid, or its session is over")
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(&NOT_FOUND, "there is nothing here, or it is not yours")
    }

    pub(crate) fn taken(what: Unique) -> Self {
        let field = match what {
            Unique::Email => "email",
            Unique::Username => "username",
            Unique::Key => return Self::internal(what.to_string()),
        };
        let error = FieldError::new(field, Invalid::new("taken", what.to_string()));
        Self { errors: vec![error], ..Self::new(&TAKEN, what.to_string()) }
    }

    /// Wrong, used, expired, tried too often, or of nobody: always these words.
    pub(crate) fn invalid_code() -> Self {
        Self::new(&INVALID_CODE, "the code or link is wrong, was used, or its time is over; ask for another")
    }

    pub(crate) fn mail_not_configured() -> Self {
        // It takes an operator: a client need not ask again soon.
        Self::new(&MAIL_NOT_CONFIGURED, "this service has no way to send mails").retry_after(60 * 60)
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "something went wrong here; quote the request id when you ask about it";
        Self { cause: Some(cause.into()), ..Self::new(&INTERNAL, detail) }
    }

    pub(crate) fn oauth(self, error: &'static str) -> Self {
        Self { oauth: Some(error), ..self }
    }

    pub(crate) fn challenge(self, challenge: &'static str) -> Self {
        Self { challenge, ..self }
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: seconds, ..self }
    }

    pub(crate) fn is(&self, kind: &'static Kind) -> bool {
        self.kind == kind
    }

    /// How many seconds to wait before another try, where that may help.
    pub(crate) fn wait(&self) -> u64 {
        self.retry_after
    }

    /// The body, with the request it occurred in as `instance`.
    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            kind: format!("urn:keyward:problem:{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            code: self.kind.code,
            instance: format!("urn:keyward:request:{request_id}"),
            errors: &self.errors,
            error: self.oauth,
            error_description: self.oauth.map(|_| self.detail.as_ref()),
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

/// Carried as an extension, and written out by the frame, which knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status.into_response();
        let (name, value) = match self.kind.status {
            StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                (header::RETRY_AFTER, HeaderValue::from(self.retry_after))
            }
            _ => return with(response, self),
        };
        response.headers_mut().insert(name, value);
        with(response, self)
    }
}

fn with(mut response: Response, problem: Problem) -> Response {
    response.extensions_mut().insert(problem);
    response
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backend(cause) => Self {
                cause: Some(cause),
                ..Self::new(&STORE_UNAVAILABLE, "a store does not answer; try again in a moment")
            },
            StoreError::Taken(what) => Self::taken(what),
            StoreError::Guarded => Self::new(&LAST_ADMINISTRATOR, "the last administrator stays"),
            StoreError::Stale => Self::internal("a stale record reached the boundary"),
        }
    }
}

impl From<GalleryError> for Problem {
    fn from(GalleryError(cause): GalleryError) -> Self {
        let detail = "the place of pictures is out of order; try again in a moment";
        Self { cause: Some(cause), ..Self::new(&STORE_UNAVAILABLE, detail) }
    }
}

impl From<Busy> for Problem {
    fn from(_: Busy) -> Self {
        Self::new(&BUSY, "too many passwords or pictures are waiting for their turn; try again in a moment")
    }
}

impl From<Forbidden> for Problem {
    fn from(_: Forbidden) -> Self {
        Self::new(&FORBIDDEN, "your roles do not permit this")
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        Self::internal(error.to_string())
    }
}
