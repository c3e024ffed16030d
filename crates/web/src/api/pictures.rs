//! `PUT`, `GET` and `DELETE` of `/users/me/picture` and `/users/{id or username}/picture`, and `/pictures/...`, where the
//! service shows a picture itself to whoever has a link to it.

use super::view;
use crate::conditions::{Wanted, is_known, wanted};
use crate::extract::{Calling, IfMatch, PathPair, Person, Query, Whom};
use crate::fields::wrong_type;
use crate::problem::{self, Problem};
use crate::upload;
use crate::{Shared, Web};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use keyward_auth::flows::{By, Edit, PictureError, SignedIn, Target};
use keyward_auth::outside::Upload;
use keyward_auth::values::{Format, Picture, Timestamp};

pub(crate) async fn put_mine(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    IfMatch(if_version): IfMatch,
    uri: Uri,
    upload::Picture(picture): upload::Picture,
) -> Result<Response, Problem> {
    let edit = set(Some(picture), if_version);
    let user = web.keyward.edit_user(By::Person(&person), &me(&person), edit, &caller).await?;
    Ok(view::user(&user, &web, &uri))
}

pub(crate) async fn put(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    Whom(target): Whom,
    IfMatch(if_version): IfMatch,
    uri: Uri,
    body: Result<upload::Picture, Problem>,
) -> Result<Response, Problem> {
    let by = By::Person(&person);
    // What is not yours is not there, whatever the body says.
    web.keyward.view_user(by, &target).await?.ok_or_else(Problem::not_found)?;
    let upload::Picture(picture) = body?;
    let user = web.keyward.edit_user(by, &target, set(Some(picture), if_version), &caller).await?;
    Ok(view::user(&user, &web, &uri))
}

pub(crate) async fn delete_mine(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    IfMatch(if_version): IfMatch,
) -> Result<StatusCode, Problem> {
    web.keyward.edit_user(By::Person(&person), &me(&person), set(None, if_version), &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(
    State(web): State<Shared>,
    Person(person): Person,
    Calling(caller): Calling,
    Whom(target): Whom,
    IfMatch(if_version): IfMatch,
) -> Result<StatusCode, Problem> {
    web.keyward.edit_user(By::Person(&person), &target, set(None, if_version), &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn me(person: &SignedIn) -> Target {
    Target::Id(person.user.id)
}

fn set(picture: Option<Upload>, if_version: Option<i64>) -> Edit {
    Edit { picture: Some(picture), if_version, ..Edit::default() }
}

pub(crate) async fn get_mine(
    State(web): State<Shared>,
    Person(person): Person,
    query: Result<Query, Problem>,
) -> Result<Response, Problem> {
    send_to(&web, &person, &me(&person), &query?).await
}

pub(crate) async fn get(
    State(web): State<Shared>,
    Person(person): Person,
    Whom(target): Whom,
    query: Result<Query, Problem>,
) -> Result<Response, Problem> {
    send_to(&web, &person, &target, &query?).await
}

/// Sends on to a link, or shows what stands for a picture.
async fn send_to(web: &Web, person: &SignedIn, target: &Target, query: &Query) -> Result<Response, Problem> {
    let by = By::Person(person);
    let user = web.keyward.view_user(by, target).await?.ok_or_else(Problem::not_found)?;
    let side = query.get("size").map_or(Ok(Picture::LARGEST), |size| {
        let side = Picture::SIZES.into_iter().find(|side| side.to_string() == size);
        side.ok_or_else(|| Problem::field("size", wrong_type("64, 128, 256 or 512")))
    })?;
    let with_initials = match query.get("fallback") {
        None => false,
        Some("initials") => true,
        Some(_) => return Err(Problem::field("fallback", wrong_type("initials"))),
    };
    let mut response = match user.picture {
        Some(picture) => {
            let link = web.absolute(web.keyward.picture_links(picture).of(side));
            (
                StatusCode::SEE_OTHER,
                [(header::LOCATION, link), (header::CACHE_CONTROL, "private, no-cache".into())],
            )
                .into_response()
        }
        None if with_initials => {
            let png = web.keyward.initials(by, target, side).await?.ok_or_else(Problem::not_found)?;
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"))];
            (headers, image(Format::Png, &format!("initials-{side}")), png).into_response()
        }
        None => return Err(Problem::new(&problem::NO_PICTURE, "this user has no picture")),
    };
    // Whose picture `me` is depends on it.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("authorization"));
    Ok(response)
}

/// What every image has, besides what every reply has: nothing of it is ever run.
fn image(format: Format, name: &str) -> [(header::HeaderName, HeaderValue); 3] {
    let name = format!("inline; filename=\"{name}.{}\"", format.extension());
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("inline")),
        ),
    ]
}

/// `GET /pictures/{picture}/{square}?expires=&signature=`.
pub(crate) async fn show(
    State(web): State<Shared>,
    PathPair(picture, square): PathPair,
    query: Result<Query, Problem>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Before anything is looked for: whoever has no link learns nothing of what there is.
    let link = query.ok().and_then(|query| Link::read(&picture, &square, &query));
    let link = link.filter(|link| web.keyward.opens(link.picture, link.side, link.until, &link.signature));
    let Some(Link { picture, side, until, .. }) = link else {
        let detail = "the link is wrong, or its time is over; ask for the profile again";
        return Err(Problem::new(&problem::INVALID_LINK, detail));
    };
    let bytes = web.keyward.look_at_picture(picture, side).await?.ok_or_else(Problem::not_found)?;
    // A name is given once, and what lies under it stays as it is.
    let tag = format!("\"{}\"", picture.object(side));
    let left = until.since(web.keyward.clock.now()).as_secs();
    let kept = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, format!("private, max-age={left}, immutable")),
        (header::ACCEPT_RANGES, "bytes".into()),
        // Pages of any origin may show it: they were given the link.
        (CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin".into()),
    ];
    let image = image(picture.format(), &format!("picture-{side}"));
    if is_known(&headers, &tag) {
        // With all headers: what the client has takes them over.
        return Ok((StatusCode::NOT_MODIFIED, kept, image).into_response());
    }
    // A range is a matter of `GET` alone (RFC 9110, section 14.2).
    let wanted = if method == Method::GET { wanted(&headers, &tag, bytes.len()) } else { Wanted::Whole };
    let length = bytes.len();
    Ok(match wanted {
        Wanted::Whole => (kept, image, bytes).into_response(),
        Wanted::Part(range) => {
            let part = bytes.get(range.clone()).unwrap_or_default().to_vec();
            let place = format!("bytes {}-{}/{length}", range.start(), range.end());
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, place)], kept, image, part).into_response()
        }
        Wanted::Nothing => {
            let problem = Problem::new(&problem::RANGE_NOT_SATISFIABLE, format!("there are {length} bytes"));
            ([(header::CONTENT_RANGE, format!("bytes */{length}"))], problem).into_response()
        }
    })
}

const CROSS_ORIGIN_RESOURCE_POLICY: header::HeaderName =
    header::HeaderName::from_static("cross-origin-resource-policy");

/// What a link says.
struct Link {
    picture: Picture,
    side: u32,
    until: Timestamp,
    signature: String,
}

impl Link {
    /// `None` for whatever was never written here.
    fn read(picture: &str, square: &str, query: &Query) -> Option<Self> {
        if !query.has_only(&["expires", "signature"]) {
            return None;
        }
        let (side, extension) = square.split_once('.')?;
        let picture = Picture::parse(&format!("{picture}.{extension}"))?;
        let side = Picture::SIZES.into_iter().find(|known| known.to_string() == side)?;
        let expires = query.get("expires")?;
        let seconds: i64 = expires.parse().ok().filter(|seconds: &i64| seconds.to_string() == expires)?;
        let until = Timestamp::from_micros(seconds.checked_mul(1_000_000)?);
        Some(Self { picture, side, until, signature: query.get("signature")?.to_owned() })
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Refused(invalid) => Self::field("picture", invalid),
            PictureError::Busy => keyward_auth::outside::Busy.into(),
            PictureError::Gallery(error) => error.into(),
            PictureError::Store(error) => error.into(),
        }
    }
}
