//! A user as clients see one. Every member is named here, so nothing else can leak.

use crate::Web;
use crate::extract::etag;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use keyward_auth::records::User;
use keyward_auth::values::{Email, Name, Picture, Role, Timestamp, Username};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

#[derive(Serialize)]
pub(super) struct UserView<'a> {
    #[serde(serialize_with = "shown")]
    id: keyward_auth::values::UserId,
    username: Option<&'a str>,
    /// The username once more, under the name by which `/profile/{id}` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Option<&'a str>>,
    email: Option<&'a str>,
    email_verified: bool,
    pending_email: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    locale: Option<&'a str>,
    picture: Option<PictureView>,
    roles: Vec<&'a str>,
    status: &'static str,
    metadata: &'a RawValue,
    #[serde(serialize_with = "shown")]
    created_at: Timestamp,
    #[serde(serialize_with = "shown")]
    updated_at: Timestamp,
    #[serde(serialize_with = "shown_if_any")]
    last_login_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// Where a picture can be looked at: the largest square of it, and each of them.
#[derive(Serialize)]
#[serde(untagged)]
enum PictureView {
    Links {
        url: String,
        #[serde(serialize_with = "shown")]
        expires_at: Timestamp,
        width: u32,
        height: u32,
        #[serde(serialize_with = "as_object")]
        sizes: Vec<(u32, String)>,
    },
    /// For the command line, which makes no links.
    Name(String),
}

impl PictureView {
    fn links(picture: Picture, web: &Web) -> Self {
        let links = web.keyward.picture_links(picture);
        let sizes = links.squares.iter().map(|(side, link)| (*side, web.absolute(link)));
        Self::Links {
            url: web.absolute(links.largest()),
            expires_at: links.expires_at,
            width: Picture::LARGEST,
            height: Picture::LARGEST,
            sizes: sizes.collect(),
        }
    }
}

fn as_object<S: Serializer>(sizes: &[(u32, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sizes.iter().map(|(side, link)| (side, link)))
}

pub(crate) fn shown<T: std::fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn shown_if_any<T: std::fmt::Display, S: Serializer>(
    value: &Option<T>,
    s: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => s.collect_str(value),
        None => s.serialize_none(),
    }
}

impl<'a> UserView<'a> {
    pub(super) fn new(user: &'a User, web: &Web) -> Self {
        Self::with(user, user.picture.map(|picture| PictureView::links(picture, web)))
    }

    fn with(user: &'a User, picture: Option<PictureView>) -> Self {
        let username = user.username.as_ref().map(Username::as_str);
        Self {
            id: user.id,
            username,
            user: None,
            email: user.email.as_ref().map(Email::as_str),
            email_verified: user.email_verified_at.is_some(),
            pending_email: user.pending_email.as_ref().map(Email::as_str),
            first_name: user.first_name.as_ref().map(Name::as_str),
            last_name: user.last_name.as_ref().map(Name::as_str),
            locale: user.locale.as_ref().map(|locale| locale.as_str()),
            picture,
            roles: user.roles.iter().map(Role::as_str).collect(),
            status: if user.is_active() { "active" } else { "disabled" },
            metadata: raw(user.metadata.as_str()),
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_login_at: user.last_login_at,
            message: None,
        }
    }

    /// As this path calls its members.
    fn at(mut self, uri: &Uri) -> Self {
        if uri.path().starts_with("/profile/") {
            self.user = Some(self.username);
        }
        self
    }
}

fn raw(text: &str) -> &RawValue {
    serde_json::from_str(text).unwrap_or(RawValue::NULL)
}

/// 200 with the user.
pub(super) fn user(user: &User, web: &Web, uri: &Uri) -> Response {
    let mut response = json(StatusCode::OK, &UserView::new(user, web).at(uri));
    response.headers_mut().insert(header::ETAG, etag(user));
    response
}

/// 201 with the user, where it is and what happened.
pub(super) fn created(user: &User, web: &Web, message: Option<&'static str>) -> Response {
    let mut response = json(StatusCode::CREATED, &UserView { message, ..UserView::new(user, web) });
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::ETAG, etag(user));
    if let Ok(location) = HeaderValue::try_from(web.absolute(&format!("/users/{}", user.id))) {
        headers.insert(header::LOCATION, location);
    }
    response
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

/// 202: it will be done, or there is nothing to be done, and nobody learns which.
pub(super) fn accepted(message: &'static str) -> Response {
    json(StatusCode::ACCEPTED, &Message { message })
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes)
            .into_response(),
        Err(error) => crate::problem::Problem::internal(error.to_string()).into_response(),
    }
}

/// A user as clients see one, but for the picture, of which it has the name; for the command line.
pub fn user_json(user: &User) -> serde_json::Value {
    let picture = user.picture.map(|picture| PictureView::Name(picture.to_string()));
    serde_json::to_value(UserView::with(user, picture)).unwrap_or_default()
}
