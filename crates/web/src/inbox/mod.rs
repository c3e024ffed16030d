//! The inbox of development, where mails end up without a mail server: `/dev/mail`, a page, and `/dev/mail.json`. Owns how
//! mails are shown and, in [`door`], to whom. Keeping them, and what is in them, is the mailer's.

mod door;
mod page;

pub(crate) use door::{beside, routes};

use crate::Shared;
use crate::api::{json, shown};
use crate::extract::Query;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_auth::values::{Email, Timestamp};
use serde::Serialize;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Where mails are kept that go nowhere.
pub trait Inbox: Send + Sync {
    /// The mails that are kept, to this address or to anybody, newest first.
    fn mails(&self, to: Option<&Email>) -> Vec<InboxMail>;
}

/// A mail as it would have been sent.
#[derive(Clone, Serialize)]
pub struct InboxMail {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The six digits, if there are any.
    pub code: Option<String>,
    pub link: Option<String>,
    #[serde(serialize_with = "shown")]
    pub sent_at: Timestamp,
}

#[derive(Serialize)]
struct Page {
    items: Vec<InboxMail>,
}

/// `GET /dev/mail.json`.
pub(crate) async fn list(
    State(web): State<Shared>,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Problem> {
    let to =
        query.only("to")?.map(Email::parse).transpose().map_err(|invalid| Problem::field("to", invalid))?;
    let items = mails(&web, to.as_ref());
    let tag = tag(&items);
    // For the page's script, which asks every other second.
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if *known == tag => StatusCode::NOT_MODIFIED.into_response(),
        _ => json(StatusCode::OK, &Page { items }),
    };
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

fn mails(web: &Shared, to: Option<&Email>) -> Vec<InboxMail> {
    web.settings.inbox.as_ref().map(|inbox| inbox.mails(to)).unwrap_or_default()
}

/// Another as soon as there are other mails.
fn tag(mails: &[InboxMail]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    mails.iter().for_each(|mail| mail.id.hash(&mut hasher));
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish())).unwrap_or(HeaderValue::from_static("\"\""))
}
