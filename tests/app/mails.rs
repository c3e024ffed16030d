//! The mails of a test: the development inbox, which the service has where no other way of mailing is set, and the
//! outbox behind it. A test reads each mail once; who expects none waits until nothing is left to be sent.

use super::{TestApp, eventually};
use keyward_auth::outside::Clock;
use keyward_auth::records::{Mail, MailSearch, MailState};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// A mail as the inbox shows it.
#[derive(Clone)]
pub(crate) struct InboxMail(Value);

impl std::fmt::Debug for InboxMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Value::Object(mut members) = self.0.clone() else { panic!("no mail: {}", self.0) };
        members.remove("html");
        write!(f, "{}", Value::Object(members))
    }
}

impl InboxMail {
    fn text_of(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    pub(crate) fn subject(&self) -> &str {
        self.text_of("subject")
    }

    pub(crate) fn text(&self) -> &str {
        self.text_of("text")
    }

    pub(crate) fn html(&self) -> &str {
        self.text_of("html")
    }

    /// What of the HTML is text.
    pub(crate) fn shown(&self) -> String {
        shown(self.html())
    }

    /// The six digits in it.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let code = self.text_of("code");
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{self:?}");
        assert!(self.text().contains(code) && self.shown().contains(code), "{self:?}");
        code.to_owned()
    }

    pub(crate) fn has_code(&self) -> bool {
        !self.0["code"].is_null()
    }

    pub(crate) fn has_link(&self) -> bool {
        !self.0["link"].is_null()
    }

    /// The link in it, whole.
    #[track_caller]
    pub(crate) fn link(&self) -> String {
        let link = self.text_of("link");
        assert!(link.contains("/link/kwl_"), "{self:?}");
        assert!(self.text().contains(link) && self.html().contains(link), "{self:?}");
        link.to_owned()
    }

    /// What of the link a server is asked for.
    #[track_caller]
    pub(crate) fn path(&self) -> String {
        format!("/link/{}", self.token())
    }

    /// What in the link is secret.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.link().rsplit('/').next().unwrap().to_owned()
    }
}

/// HTML without its elements.
pub(crate) fn shown(html: &str) -> String {
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

/// The inboxes of all servers of a test, and what was read in them.
#[derive(Default)]
pub(super) struct Inboxes {
    servers: Mutex<BTreeSet<SocketAddr>>,
    read: Mutex<BTreeSet<String>>,
}

impl Inboxes {
    pub(super) fn opened(&self, server: SocketAddr) {
        self.servers.lock().unwrap().insert(server);
    }

    pub(super) fn closed(&self, server: SocketAddr) {
        self.servers.lock().unwrap().remove(&server);
    }

    /// What came for this address and was not read yet, oldest first.
    async fn unread(&self, to: &str) -> Vec<Value> {
        let servers = self.servers.lock().unwrap().clone();
        let mut mails: Vec<Value> = Vec::new();
        for server in servers {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let asked = client.get(format!("http://{server}/dev/mail.json")).query(&[("to", to)]);
            let reply = asked.send().await.unwrap();
            assert_eq!(reply.status(), 200, "the inbox of {server}");
            let reply: Value = reply.json().await.unwrap();
            mails.extend(reply["items"].as_array().unwrap().iter().rev().cloned());
        }
        let read = self.read.lock().unwrap();
        mails.retain(|mail| !read.contains(mail["id"].as_str().unwrap()));
        mails
    }
}

impl TestApp {
    /// What the worker does with whatever is due, unless it has it already.
    pub(crate) async fn deliver(&self) {
        for mail in self.keyward.claim_mails(8).await.unwrap() {
            self.keyward.deliver(mail).await.unwrap();
        }
    }

    /// Moves the clock until everything that waits was due in its turn, and has gone out.
    pub(crate) async fn deliver_all(&self) {
        eventually("nothing waits", async || {
            let (now, mails) = (self.clock.now(), self.outbox().await);
            let waiting = mails.iter().filter(|mail| mail.state == MailState::Waiting);
            let due: Vec<Duration> = waiting.map(|mail| mail.due_at.since(now)).collect();
            // The clock stands still while one is being sent: else another would send it as well.
            if !mails.iter().any(|mail| self.is_being_sent(mail)) {
                self.clock.advance(due.iter().min().copied().unwrap_or_default());
                self.deliver().await;
            }
            due.is_empty()
        })
        .await;
    }

    /// The mails that came for this address since it was asked last, oldest first; nothing is left to be sent then.
    pub(crate) async fn mails_to(&self, address: &str) -> Vec<InboxMail> {
        self.posted().await;
        let mails = self.inboxes().unread(address).await;
        let mut read = self.inboxes().read.lock().unwrap();
        for mail in &mails {
            assert_eq!(mail["to"], address, "{mail}");
            read.insert(mail["id"].as_str().unwrap().to_owned());
        }
        mails.into_iter().map(InboxMail).collect()
    }

    /// The one mail that came for this address since it was asked last.
    pub(crate) async fn mail_to(&self, address: &str) -> InboxMail {
        let mut mails = self.mails_to(address).await;
        assert_eq!(mails.len(), 1, "mails for {address}: {mails:#?}");
        mails.remove(0)
    }

    /// The digits in it.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        self.mail_to(address).await.code()
    }

    /// Nothing came for this address since it was asked last, and nothing will.
    pub(crate) async fn no_mail_to(&self, address: &str) {
        let mails = self.mails_to(address).await;
        assert!(mails.is_empty(), "mails for {address}: {mails:#?}");
    }

    /// Waits until no mail is to be sent now, or is being sent. What is put off for later may wait. Then the clock may move on:
    /// a mail that is being sent when its claim ends goes out twice.
    pub(crate) async fn posted(&self) {
        // What was asked for by an address alone wakes nobody.
        self.keyward.mailer.wake();
        eventually("nothing is to be sent", async || {
            let now = self.clock.now();
            let is_due = |mail: &Mail| mail.state == MailState::Waiting && mail.due_at <= now;
            !self.outbox().await.iter().any(|mail| is_due(mail) || self.is_being_sent(mail))
        })
        .await;
    }

    /// Whether somebody has claimed the mail, and has not kept yet what became of it.
    pub(crate) fn is_being_sent(&self, mail: &Mail) -> bool {
        // It is due when the claim ends; nothing is put off for just as long.
        let claim = self.keyward.policy.mail_timeout + Duration::from_secs(30);
        let is_first_try = mail.attempts > 0 && mail.reason.is_none();
        mail.state == MailState::Waiting && (is_first_try || mail.due_at == self.clock.now() + claim)
    }

    /// Every mail that the outbox knows, oldest first.
    pub(crate) async fn outbox(&self) -> Vec<Mail> {
        let search = MailSearch { limit: 1000, ..MailSearch::default() };
        let mut mails = self.keyward.store.mails.list(&search).await.unwrap();
        mails.reverse();
        mails
    }
}
