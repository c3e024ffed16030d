//! Requests and replies. Every reply of every test is held against what all replies must have, and against the OpenAPI
//! document.

use super::contract::Contract;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::LazyLock;

/// A request as a value, so that tables can hold it and many can send it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

pub(crate) fn request(method: &str, path: &str) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: None }
}

pub(crate) fn get(path: &str) -> Request {
    request("GET", path)
}

pub(crate) fn post(path: &str) -> Request {
    request("POST", path)
}

pub(crate) fn put(path: &str) -> Request {
    request("PUT", path)
}

pub(crate) fn patch(path: &str) -> Request {
    request("PATCH", path)
}

pub(crate) fn delete(path: &str) -> Request {
    request("DELETE", path)
}

impl Request {
    /// Adds a header; the same name again makes a second line.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        if content_type.is_empty() { self } else { self.header("content-type", content_type) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write json!() in place")]
    pub(crate) fn json(self, value: Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(crate) fn form(self, pairs: &[(&str, &str)]) -> Self {
        let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let pairs: Vec<String> =
            pairs.iter().map(|(n, v)| format!("{}={}", escaped(n), escaped(v))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    of: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self}"))
    }

    /// A member of the body as text; empty where it is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        self.text("code")
    }

    /// The members that a problem complains about.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything that a client sees, but for the date.
    pub(crate) fn face(&self) -> (u16, Vec<(String, String)>, String) {
        let headers = self.headers.iter().filter(|(name, _)| *name != "date");
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (self.status, headers.collect(), String::from_utf8_lossy(&self.body).into_owned())
    }

    #[track_caller]
    pub(crate) fn must(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// Status and body for a snapshot, without what differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let mut body = self.json();
        redact(&mut body);
        format!("{}\n{}", self.status, serde_json::to_string_pretty(&body).unwrap())
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} {}", self.of, self.status, String::from_utf8_lossy(&self.body))
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(redact),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => {
            let is_id = text.len() == 36 && text.matches('-').count() == 4;
            let shown = match text.as_str() {
                _ if is_id => "[id]",
                t if t.starts_with("kwr_") => "[refresh token]",
                t if t.starts_with("eyJ") => "[access token]",
                t if t.starts_with("urn:keyward:request:") => "[request]",
                _ => return,
            };
            *value = shown.into();
        }
        _ => {}
    }
}

pub(super) struct Wire {
    base: String,
    http: reqwest::Client,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

impl Wire {
    pub(super) fn to(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { base: format!("http://{address}"), http: http.build().unwrap() }
    }

    pub(super) async fn send(&self, request: &Request) -> Reply {
        let url = format!("{}{}", self.base, request.path);
        let mut sent = self.http.request(request.method.parse().unwrap(), url);
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let of = format!("{} {}", request.method, request.path);
        let reply = sent.send().await.unwrap_or_else(|error| panic!("{of}: {error:?}"));
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let body = reply.bytes().await.unwrap_or_else(|error| panic!("{of}: {error:?}")).to_vec();
        let reply = Reply { status, headers, body, of };
        check(request, &reply);
        CONTRACT.check(request, &reply);
        reply
    }
}

/// X-03 and H-09, on every reply of every test.
fn check(request: &Request, reply: &Reply) {
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply}");
    assert_eq!(reply.header("referrer-policy"), "no-referrer", "{reply}");
    assert!(reply.header("content-security-policy").contains("frame-ancestors 'none'"), "{reply}");
    assert!(!reply.header("cache-control").is_empty(), "{reply}");
    assert!(!reply.headers.contains_key("server"), "{reply}");
    let id = reply.header("x-request-id");
    assert!((8..=64).contains(&id.len()), "{reply}");
    match reply.status {
        401 => assert!(!reply.header("www-authenticate").is_empty(), "{reply}"),
        405 => assert!(!reply.header("allow").is_empty(), "{reply}"),
        429 | 503 => assert!(!reply.header("retry-after").is_empty(), "{reply}"),
        _ => {}
    }
    let is_page = reply.header("content-type").starts_with("text/html");
    if reply.status < 400 || is_page || request.method == "HEAD" {
        return;
    }
    assert_eq!(reply.header("content-type"), "application/problem+json", "{reply}");
    let body = reply.json();
    assert_eq!(body["status"], json!(reply.status), "{reply}");
    assert_eq!(body["instance"], format!("urn:keyward:request:{id}"), "{reply}");
    assert_eq!(body["type"], format!("urn:keyward:problem:{}", body["code"].as_str().unwrap()), "{reply}");
    assert!(body["title"].is_string() && body["detail"].is_string(), "{reply}");
    let text = String::from_utf8_lossy(&reply.body).to_lowercase();
    // Readiness names the parts.
    let parts = ["sqlite", "postgres", "mongo", "redis"];
    let parts = parts.iter().filter(|_| !request.path.starts_with("/health"));
    let inner = [
        "keyward_",
        "select ",
        "panicked",
        ".rs:",
        "/dev/shm",
        "no such table",
        "relation ",
        "duplicate key",
        "e11000",
    ];
    for leak in inner.iter().chain(parts) {
        assert!(!text.contains(leak), "{leak} in {reply}");
    }
}
