//! The mail server of the tests, `scripts/smtp-server`: what it took, and how it is to treat whom. Each test has people
//! of a domain of its own there, so that none sees another's.

mod own_postfix;

pub(crate) use own_postfix::OwnPostfix;

use crate::app::eventually;
use crate::stores::{Proxy, secret, server, through_proxy};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// A domain on the mail server; forgotten there with the value.
pub(crate) struct Post {
    domain: String,
}

/// A mail as the server has it, read by its own rules.
#[derive(Clone)]
pub(crate) struct Taken(Value);

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "to {:?}: {:?} {:?}", self.to(), self.headers("message-id"), self.text())
    }
}

impl Post {
    pub(crate) fn new() -> Self {
        Self { domain: format!("{}.example", &secret()[..12]) }
    }

    /// Where it is, with user, password and authority: STARTTLS.
    pub(crate) fn url() -> String {
        server("KEYWARD_TEST_SMTP_URL")
    }

    /// The same with TLS from the beginning.
    pub(crate) fn tls_url() -> String {
        server("KEYWARD_TEST_SMTPS_URL")
    }

    /// What is secret in both.
    pub(crate) fn password() -> String {
        let url = Self::url();
        url.split_once('@').unwrap().0.rsplit_once(':').unwrap().1.to_owned()
    }

    /// The first, through a network that can be gone.
    pub(crate) fn through_proxy() -> (Proxy, String) {
        let url = Self::url();
        let (url, parameters) = url.split_once('?').unwrap();
        let (proxy, url) = through_proxy(&format!("{url}/"));
        (proxy, format!("{}?{parameters}", url.trim_end_matches('/')))
    }

    pub(crate) fn address(&self, name: &str) -> String {
        format!("{name}@{}", self.domain)
    }

    fn ask(&self, mut what: Value) -> Value {
        what["domain"] = self.domain.as_str().into();
        let mut control = TcpStream::connect(server("KEYWARD_TEST_SMTP_CONTROL")).unwrap();
        writeln!(control, "{what}").unwrap();
        let mut answer = String::new();
        BufReader::new(control).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{what}: {answer}"))
    }

    /// How it treats this domain from now on: see `scripts/smtp-server`. An empty object is well.
    #[expect(clippy::needless_pass_by_value, reason = "tests write json!() in place")]
    pub(crate) fn behave(&self, how: Value) {
        let mut told = json!({"do": "behave"});
        told.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        self.ask(told);
    }

    /// What it took, oldest first.
    pub(crate) fn mails(&self) -> Vec<Taken> {
        self.ask(json!({"do": "list"}))["mails"].as_array().unwrap().iter().cloned().map(Taken).collect()
    }

    /// Every recipient that a client named, oldest first, refused ones as well.
    pub(crate) fn named(&self) -> Vec<String> {
        let named = self.ask(json!({"do": "list"}))["named"].clone();
        serde_json::from_value(named).unwrap()
    }

    /// How many clients wait for the answer to the dot.
    pub(crate) fn held(&self) -> u64 {
        self.ask(json!({"do": "list"}))["held"].as_u64().unwrap()
    }

    /// Waits until it took that many in all.
    pub(crate) async fn took(&self, number: usize) -> Vec<Taken> {
        eventually("the mail server has them", async || self.mails().len() >= number).await;
        let mails = self.mails();
        assert_eq!(mails.len(), number, "{mails:#?}");
        mails
    }

    /// Waits until recipients were named so often in all.
    pub(crate) async fn was_asked(&self, number: usize) {
        eventually("the mail server was asked", async || self.named().len() >= number).await;
        assert_eq!(self.named().len(), number);
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.ask(json!({"do": "forget"}));
        }
    }
}

impl Taken {
    fn text_of(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// All values of a header, decoded.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self.0["headers"].as_array().unwrap().iter();
        headers
            .filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name))
            .map(|header| header[1].as_str().unwrap())
            .collect()
    }

    /// The header, which is there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let [value] = self.headers(name)[..] else { panic!("{name}: {:?}", self.headers(name)) };
        value
    }

    /// To whom the envelope was.
    pub(crate) fn to(&self) -> Vec<&str> {
        self.0["to"].as_array().unwrap().iter().map(|to| to.as_str().unwrap()).collect()
    }

    /// Who the envelope was from.
    pub(crate) fn from(&self) -> &str {
        self.text_of("from")
    }

    pub(crate) fn text(&self) -> &str {
        self.text_of("text")
    }

    pub(crate) fn html(&self) -> &str {
        self.text_of("html")
    }

    /// The bytes as they came, each a character.
    pub(crate) fn raw(&self) -> &str {
        self.text_of("raw")
    }

    /// The types of the mail and of all its parts.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.0["parts"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect()
    }

    /// The version of TLS; empty without.
    pub(crate) fn tls(&self) -> &str {
        self.text_of("tls")
    }

    /// Who the client proved to be; empty without.
    pub(crate) fn user(&self) -> &str {
        self.text_of("user")
    }

    /// The number of the connection by which it came.
    pub(crate) fn connection(&self) -> i64 {
        self.0["connection"].as_i64().unwrap()
    }

    /// What is wrong with it by the rules of MIME.
    pub(crate) fn defects(&self) -> &Value {
        &self.0["defects"]
    }

    /// The six digits in its text.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let words = self.text().split(|letter: char| !letter.is_alphanumeric());
        let mut codes =
            words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
        let (Some(code), None) = (codes.next(), codes.next()) else {
            panic!("not one code: {}", self.text())
        };
        code.to_owned()
    }

    /// The one link in its text that leads into the service.
    #[track_caller]
    pub(crate) fn link(&self) -> String {
        let mut links = self.text().split_whitespace().filter(|word| word.contains("/link/"));
        let (Some(link), None) = (links.next(), links.next()) else {
            panic!("not one link: {}", self.text())
        };
        link.to_owned()
    }
}
