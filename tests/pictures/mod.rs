//! Pictures over a real socket: uploads, right and wrong, what is shown of them and to whom, and what becomes of the objects.
//! On every store; with all servers pictures are in S3. Stores that fail are in `outages` and `process`.

mod abuse;
mod arrival;
mod faults;
mod form;
mod gallery;
mod gate;
mod initials;
mod kinds;
mod life;
mod limits;
mod links;
mod races;
mod samples;
mod serving;
mod slow;
mod upload;

pub(crate) use form::Form;
pub(crate) use gallery::{CLAIM, whole};
pub(crate) use samples::{BLUE, Colour, GREEN, Look, RED, colour, jpeg, media_type, noise, png};

use crate::app::{Person, Reply, Request, Setup, TestApp, TestClock, put, request};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// At the present, so that S3 opens what is signed.
async fn start() -> TestApp {
    TestApp::with(at_present).await
}

pub(crate) fn at_present(setup: Setup) -> Setup {
    setup.clock(TestClock::present())
}

/// A picture of one's own, declared to be what it is.
pub(crate) fn upload(bytes: Vec<u8>) -> Request {
    let kind = media_type(&bytes);
    put("/users/me/picture").body(kind, bytes)
}

impl Person {
    pub(crate) async fn uploads(&self, bytes: Vec<u8>) -> Reply {
        self.send(upload(bytes)).await
    }

    /// `picture` in the own profile.
    pub(crate) async fn picture(&self) -> Value {
        self.get("/users/me").await.must(200).json()["picture"].clone()
    }
}

/// What whoever has a link is answered: by the service, or by S3.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn look(app: &TestApp, link: &str) -> Seen {
    ask(app, "GET", link).await
}

/// Without a token, whatever the method.
pub(crate) async fn ask(app: &TestApp, method: &str, link: &str) -> Seen {
    if app.pictures().is_some() {
        let reply = app.send(&request(method, path(link))).await;
        return Seen { status: reply.status, headers: reply.headers, body: reply.body };
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let reply = client.request(method.parse().unwrap(), link).send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Seen { status, headers, body: reply.bytes().await.unwrap().to_vec() }
}

/// What of a link the service is asked for.
#[track_caller]
pub(crate) fn path(link: &str) -> &str {
    link.find("/pictures/").map(|at| &link[at..]).unwrap_or_else(|| panic!("no link: {link}"))
}

/// The link to a square of `picture` in a profile.
#[track_caller]
pub(crate) fn link(picture: &Value, side: u32) -> String {
    picture["sizes"][side.to_string()].as_str().unwrap_or_else(|| panic!("no {side} in {picture}")).to_owned()
}

/// `picture` in a profile is as promised, and its links show this colour to anybody.
pub(crate) async fn shows(app: &TestApp, picture: &Value, colour: Colour) {
    assert_eq!((&picture["width"], &picture["height"]), (&512.into(), &512.into()), "{picture}");
    assert_eq!(picture["url"], picture["sizes"]["512"]);
    assert_eq!(picture["sizes"].as_object().unwrap().len(), 4, "{picture}");
    for side in [64, 128, 256, 512] {
        let link = link(picture, side);
        assert!(link.starts_with("http://127.0.0.1:"), "{link}");
        let seen = look(app, &link).await;
        assert_eq!(seen.status, 200, "{link}: {seen:?}");
        assert_eq!(seen.header("content-type"), media_type(&seen.body));
        let shown = Look::of(&seen.body);
        assert_eq!((shown.width, shown.height), (side, side));
        assert!(shown.is(colour), "{colour:?}: {shown:?}");
    }
}

/// The request is refused so, and nothing changed: no row, no event, no object, nothing to be collected.
async fn refused(
    app: &TestApp,
    name: &str,
    request: &Request,
    status: u16,
    code: &str,
    pointer: &str,
) -> Reply {
    let state = async || (app.objects(), app.rows("SELECT * FROM keyward_leftovers ORDER BY picture").await);
    let before = state().await;
    let reply = app.refused(name, request, status, code, pointer).await;
    assert_eq!(state().await, before, "{name}: something was hung or taken down");
    reply
}
