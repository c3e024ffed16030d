//! What a handler may ask for: the person who is signed in, who calls, whom the path names, the query. Every refusal
//! is a [`Problem`]; axum's own extractors, whose refusals are plain text, are not used by handlers.

use crate::Shared;
use crate::problem::{self, Problem};
use crate::scope::Scope;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use keyward_auth::flows::{AuthenticateError, Caller, SignedIn, Target};
use keyward_auth::records::User;
use keyward_auth::values::{AcceptLanguage, Invalid};
use std::sync::Arc;

/// The person whose access token came with the request.
pub(crate) struct Person(pub(crate) SignedIn);

impl FromRequestParts<Shared> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        let Some(token) = bearer(&parts.headers)? else {
            return Err(Problem::new(
                &problem::UNAUTHENTICATED,
                "this needs an access token: Authorization: Bearer ...",
            ));
        };
        match web.keyward.authenticate(token).await {
            Ok(person) => {
                if let Some(scope) = parts.extensions.get::<Arc<Scope>>() {
                    let _ = scope.user.set(person.user.id);
                }
                Ok(Self(person))
            }
            Err(AuthenticateError::Refused) => Err(Problem::invalid_token()),
            Err(AuthenticateError::Store(error)) => Err(error.into()),
        }
    }
}

/// The token of the one `Authorization` header, whose scheme is written in any letter case (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(&problem::MALFORMED_REQUEST, "there are two Authorization headers"));
    }
    let text = value.to_str().map_err(|_| Problem::invalid_token())?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token)),
        // Another scheme is no attempt with a token.
        Some(_) => Ok(None),
        None => Err(Problem::invalid_token()),
    }
}

/// The name and secret of HTTP Basic (RFC 7617), if the request carries that.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    use base64::Engine;
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::prelude::BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let (name, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

/// Where the request comes from.
pub(crate) struct Calling(pub(crate) Caller);

impl FromRequestParts<Shared> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let agent =
            parts.headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        let caller = Scope::of(&parts.extensions)?.caller(agent.as_deref());
        Ok(Self(Caller { languages: languages(&parts.headers), ..caller }))
    }
}

pub(crate) fn languages(headers: &HeaderMap) -> Option<AcceptLanguage> {
    AcceptLanguage::parse(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}

/// The one parameter of the path, decoded.
pub(crate) struct PathName(pub(crate) String);

impl FromRequestParts<Shared> for PathName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, web).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(Problem::new(&problem::MALFORMED_REQUEST, "the path is not UTF-8")),
        }
    }
}

/// The two parameters of the path, decoded.
pub(crate) struct PathPair(pub(crate) String, pub(crate) String);

impl FromRequestParts<Shared> for PathPair {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        match Path::<(String, String)>::from_request_parts(parts, web).await {
            Ok(Path((first, second))) => Ok(Self(first, second)),
            Err(_) => Err(Problem::new(&problem::MALFORMED_REQUEST, "the path is not UTF-8")),
        }
    }
}

/// The user that the path names, by id or username.
pub(crate) struct Whom(pub(crate) Target);

impl FromRequestParts<Shared> for Whom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        let PathName(name) = PathName::from_request_parts(parts, web).await?;
        Ok(Self(Target::parse(&name)))
    }
}

/// The version that `If-Match` names (RFC 9110, section 13.1.1); `*` and its absence name any.
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // A tag that we never wrote matches no version.
        let version = text.strip_prefix("\"v").and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
        Ok(Self(Some(version.unwrap_or(-1))))
    }
}

/// The `ETag` of a user.
pub(crate) fn etag(user: &User) -> HeaderValue {
    HeaderValue::try_from(format!("\"v{}\"", user.version)).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The parameters of the query, each at most once.
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequestParts<Shared> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if name.contains('\u{FFFD}') || value.contains('\u{FFFD}') {
                return Err(Problem::new(&problem::MALFORMED_REQUEST, "the query is not UTF-8"));
            }
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Problem::new(&problem::MALFORMED_REQUEST, "a query parameter stands twice"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }
}

impl Query {
    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether there is no other parameter than these.
    pub(crate) fn has_only(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(&name.as_str()))
    }

    /// The one parameter that may be there, as it is.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.iter().find(|(known, _)| known != name) {
            Some((other, _)) => {
                Err(Problem::field(other, Invalid::new("unknown_field", "there is no such parameter")))
            }
            None => Ok(self.0.first().map(|(_, value)| value.as_str())),
        }
    }
}
