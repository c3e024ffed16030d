//! How a body arrives: bounded in size and time, refused early, and whole before anything is done with it. What a route
//! takes stands with the route; only where that is much is its sender looked at first.
//!
//! A refused body is read on for a moment, so that the refusal is heard by a client that is busy sending.

use crate::Shared;
use crate::body::{Kind, kind, refuse_picture};
use crate::budget::{Full, Share, Uploader};
use crate::extract::{Person, Whom};
use crate::largest::{LARGEST, LARGEST_FILE, too_large};
use crate::problem::{self, Problem};
use crate::scope::Scope;
use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::SizeHint;
use keyward_auth::flows::{By, RegisterError};
use keyward_auth::values::Network;
use std::time::Duration;
use tokio::time::timeout;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(15);
const ARRIVAL_OF_FILES: Duration = Duration::from_secs(60);
/// How much of a refused body is still read, how long that may take, and how long its client may say nothing meanwhile.
const DRAINED: usize = 1024 * 1024;
const DRAINED_OF_FILES: usize = 16 * DRAINED;
const DRAINING: Duration = Duration::from_secs(4);
const SILENCE: Duration = Duration::from_secs(1);
/// The memory that a body has from its first byte; it has twice as much whenever that is full.
const FIRST: usize = 4 * 1024;

/// What a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Members, in a body of at most [`LARGEST`].
    Members,
    /// The same, or a form with a picture in it.
    Parts(Door),
    /// A picture, alone or in a form.
    Picture(Door),
}

/// Whose body may be large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Anybody who may register, but through no page that nobody knows: browsers send forms to whatever a page names.
    Anybody,
    /// Whoever is signed in.
    Person,
    /// Whoever is signed in and may see the user whom the path names.
    Whom,
}

/// The request with its body arrived, so that nothing happens between who asks and what is asked: a person who is signed
/// out while the body trickles in is signed out. What a large body holds of the budget comes along.
pub(crate) async fn arrived(
    request: Request,
    takes: Takes,
    web: &Shared,
) -> Result<(Request, Option<Share>), Problem> {
    if request.body().is_end_stream() {
        return Ok((request, None));
    }
    let (mut parts, mut body) = request.into_parts();
    let drained = match (takes, kind(&parts.headers)) {
        (Takes::Picture(_), _) | (Takes::Parts(_), Kind::Parts(_)) => DRAINED_OF_FILES,
        _ => DRAINED,
    };
    let mut awaited = match await_body(&mut parts, body.size_hint(), takes, web).await {
        Ok(awaited) => awaited,
        Err(problem) => {
            // One that asks first (RFC 9110, section 10.1.1) has sent nothing yet, and will not.
            if !parts.headers.contains_key(header::EXPECT) {
                read_on(body, drained).await;
            }
            return Err(problem);
        }
    };
    match timeout(awaited.within, awaited.read(&mut body)).await {
        Ok(Ok(bytes)) => Ok((Request::from_parts(parts, Body::from(bytes)), awaited.share)),
        Ok(Err(problem)) => {
            drop(awaited.share);
            read_on(body, drained).await;
            Err(problem)
        }
        Err(_) => Err(Problem::new(&problem::TIMEOUT, "the body took too long to arrive")),
    }
}

/// A body that may come.
struct Awaited {
    most: usize,
    within: Duration,
    /// How much it says that it is.
    announced: Option<usize>,
    share: Option<Share>,
}

/// Looks at all that can be seen before the body.
async fn await_body(
    parts: &mut Parts,
    size: SizeHint,
    takes: Takes,
    web: &Shared,
) -> Result<Awaited, Problem> {
    let kind = kind(&parts.headers);
    let (door, most) = match (takes, kind) {
        (Takes::Picture(door), Kind::Picture(_)) => (Some(door), LARGEST_FILE),
        (Takes::Picture(door) | Takes::Parts(door), Kind::Parts(_)) => (Some(door), LARGEST_FILE + LARGEST),
        (Takes::Picture(door), _) => {
            door.open(parts, web).await?;
            return Err(refuse_picture());
        }
        _ => (None, LARGEST),
    };
    let share = match door {
        Some(door) => Some(web.budget.share(door.open(parts, web).await?)),
        None => None,
    };
    if size.lower() > most as u64 {
        return Err(too_large(most));
    }
    let announced = size.exact().and_then(|size| usize::try_from(size).ok());
    let within = if share.is_some() { ARRIVAL_OF_FILES } else { ARRIVAL };
    Ok(Awaited { most, within, announced, share })
}

impl Awaited {
    /// The bytes, in memory that grows as they come: who sends slowly takes little.
    async fn read(&mut self, body: &mut Body) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            // The connection broke, or the framing is wrong: whoever sent it hears this if anybody does.
            let frame = frame
                .map_err(|_| Problem::new(&problem::MALFORMED_REQUEST, "the body did not arrive whole"))?;
            let Some(data) = frame.data_ref() else { continue };
            let needed = bytes.len() + data.len();
            if needed > self.most {
                return Err(too_large(self.most));
            }
            if needed > bytes.capacity() {
                let room = needed.max(FIRST).max(bytes.capacity() * 2);
                let room = room.min(self.announced.unwrap_or(self.most)).max(needed);
                if let Some(share) = &mut self.share {
                    share.grow_to(room)?;
                }
                bytes.reserve_exact(room - bytes.len());
            }
            bytes.extend_from_slice(data);
        }
        if let Some(share) = &mut self.share {
            share.complete()?;
        }
        Ok(bytes)
    }
}

impl Door {
    /// Who it is that may pass.
    async fn open(self, parts: &mut Parts, web: &Shared) -> Result<Uploader, Problem> {
        if self == Self::Anybody {
            if !web.keyward.policy.registration_open {
                return Err(RegisterError::Closed.into());
            }
            if !is_of_known_page(&parts.headers, web) {
                let detail =
                    "a form is sent from this service's own pages, or from an origin of http.cors_origins";
                return Err(Problem::new(&problem::FORBIDDEN, detail));
            }
            return Ok(Uploader::Stranger(network(parts)?));
        }
        let Person(person) = Person::from_request_parts(parts, web).await?;
        if self == Self::Whom {
            let Whom(target) = Whom::from_request_parts(parts, web).await?;
            let user = web.keyward.view_user(By::Person(&person), &target).await?;
            user.ok_or_else(Problem::not_found)?;
        }
        Ok(Uploader::Person(person.user.id, network(parts)?))
    }
}

fn network(parts: &Parts) -> Result<Network, Problem> {
    Ok(Network::host(Scope::of(&parts.extensions)?.address))
}

/// Whether no browser sent it, or one by a page that may call.
fn is_of_known_page(headers: &HeaderMap, web: &Shared) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let text = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = web.settings.public_url.strip_prefix(text);
    web.settings.cors_origins.contains(origin)
        || own.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        || text.split_once("://").is_some_and(|(_, origin)| Some(origin) == host)
}

impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self::new(&problem::BUSY, "too many uploads are arriving; try again in a moment").retry_after(5)
    }
}

/// Reads and forgets a bounded part.
async fn read_on(mut body: Body, most: usize) {
    let read_some = async {
        let mut left = most;
        while let Ok(Some(Ok(frame))) = timeout(SILENCE, body.frame()).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(DRAINING, read_some).await;
}

#[cfg(test)]
mod tests;
