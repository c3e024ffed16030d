//! The mailer that flows ask for: a letter goes in, is written in words, made a message of, and sent on its way.

use crate::message::{Letterhead, Message};
use crate::product::Product;
use crate::reason::cleaned;
use crate::sender::Sender;
use crate::transport::{Folder, Inbox, InboxMail, Smtp, SmtpUrl};
use crate::words::{Kind, TemplateProblem, TemplateProblems, Words, Written};
use async_trait::async_trait;
use keyward_auth::outside::{Letter, Mailer, Undelivered};
use keyward_auth::records::Topic;
use keyward_auth::values::{Email, MailId, Timestamp};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Where mails go.
#[derive(Debug, Clone)]
pub enum Way {
    Smtp(SmtpUrl),
    /// A file for each.
    Folder(PathBuf),
    /// They stay in this process, and can be looked at.
    Inbox,
}

#[derive(Debug, Clone)]
pub struct PostSettings {
    pub way: Way,
    pub product: Product,
    pub from: Sender,
    pub reply_to: Option<Sender>,
    /// Where people reach the service, without a slash at the end: links begin with it.
    pub public_url: String,
    /// The longest that a mail may take.
    pub timeout: Duration,
    /// A folder of templates that take the place of the built-in ones.
    pub templates: Option<PathBuf>,
    /// The tag of the language for whoever asks for none, or for none that there are words in.
    pub language: String,
}

/// Why no mail can be sent. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("mail.templates: {}", .0.to_string().replace('\n', "\nmail.templates: "))]
    Templates(#[from] TemplateProblems),
    #[error("mail.folder: {path} cannot be written: {error}; name a folder that Keyward may write into")]
    Folder { path: String, error: io::Error },
    #[error("mail.url: {0}")]
    Smtp(String),
}

/// A [`Mailer`] that is ready: its templates are tried out, its folder can be written.
pub struct Post {
    words: Words,
    letterhead: Letterhead,
    transport: Transport,
    timeout: Duration,
    woken: Notify,
}

enum Transport {
    Smtp(Smtp),
    Folder(Folder),
    Inbox(Arc<Inbox>),
}

impl Post {
    /// Reads and tries out the templates, and looks whether the way is one. Connects to nobody. Blocks for some
    /// milliseconds, for the files.
    ///
    /// # Errors
    /// Whatever would keep every mail from being sent and can be known by now.
    pub fn open(settings: PostSettings) -> Result<Self, OpenError> {
        let PostSettings { way, product, from, reply_to, public_url, timeout, templates, language } =
            settings;
        let words = Words::open(templates.as_deref(), &language, product, &public_url)?;
        let transport = match way {
            Way::Smtp(url) => Transport::Smtp(Smtp::open(&url, from.domain()).map_err(OpenError::Smtp)?),
            Way::Folder(path) => Transport::Folder(
                Folder::open(&path)
                    .map_err(|error| OpenError::Folder { path: path.display().to_string(), error })?,
            ),
            Way::Inbox => Transport::Inbox(Arc::default()),
        };
        let letterhead = Letterhead { from, reply_to };
        Ok(Self { words, letterhead, transport, timeout, woken: Notify::new() })
    }

    /// Reads and tries out the templates alone.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn try_templates(settings: &PostSettings) -> Result<(), OpenError> {
        let PostSettings { product, public_url, templates, language, .. } = settings;
        Words::open(templates.as_deref(), language, product.clone(), public_url)?;
        Ok(())
    }

    /// The development inbox, if that is where mails go.
    pub fn inbox(&self) -> Option<Arc<Inbox>> {
        match &self.transport {
            Transport::Inbox(inbox) => Some(inbox.clone()),
            Transport::Smtp(_) | Transport::Folder(_) => None,
        }
    }

    /// Sends a short mail that only says that mails can be sent, in the default language.
    ///
    /// # Errors
    /// As of [`send`](Mailer::send).
    pub async fn send_test(&self, to: &Email, id: MailId, now: Timestamp) -> Result<(), Undelivered> {
        let letter = Letter {
            id,
            topic: Topic::Verify,
            to: to.clone(),
            name: None,
            locale: None,
            languages: None,
            digits: None,
            token: None,
            other: None,
            asked_at: now,
            asked_from: None,
            at: now,
        };
        self.send_as(Kind::TEST, &letter).await
    }

    async fn send_as(&self, kind: Kind, letter: &Letter) -> Result<(), Undelivered> {
        // A template that fails for one letter keeps no other from being sent; an operator can set it right meanwhile.
        let failed = |problem: TemplateProblem| cleaned(&problem.to_string(), &secrets(letter));
        let written =
            self.words.write(kind, letter).map_err(|problem| Undelivered::Later(failed(problem)))?;
        match &self.transport {
            Transport::Smtp(smtp) => {
                let message = self.message(letter, &written)?;
                smtp.send(&message, &secrets(letter), self.timeout).await
            }
            Transport::Folder(folder) => {
                let message = self.message(letter, &written)?;
                let late = || Undelivered::Unreachable("the folder took too long to write".into());
                tokio::time::timeout(self.timeout, folder.put(letter.id, message.bytes))
                    .await
                    .map_err(|_| late())?
            }
            Transport::Inbox(inbox) => {
                let mail = InboxMail::new(letter.id, &letter.to, letter.at, written);
                let code = letter.digits.as_ref().map(|(digits, _)| digits.clone());
                let link = letter.token.as_ref().map(|(token, _)| self.words.link(token));
                inbox.put(InboxMail { code, link, ..mail });
                Ok(())
            }
        }
    }

    fn message(&self, letter: &Letter, written: &Written) -> Result<Message, Undelivered> {
        let message = self.letterhead.message(letter.id, &letter.to, letter.at, written);
        message.map_err(|error| Undelivered::Never(error.to_string()))
    }
}

/// What must not stand in a reason, should a server repeat it.
fn secrets(letter: &Letter) -> Vec<&str> {
    [&letter.digits, &letter.token].into_iter().flatten().map(|(secret, _)| secret.as_str()).collect()
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        self.send_as(Kind::of(letter), letter).await
    }

    fn wake(&self) {
        self.woken.notify_one();
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::Colour;
    use keyward_auth::values::AcceptLanguage;
    use std::fs;
    use std::future::Future;
    use std::path::Path;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn settings(way: Way, templates: Option<&Path>) -> PostSettings {
        PostSettings {
            way,
            product: Product {
                name: "Example".into(),
                colour: Colour::parse("#1f5fbf").unwrap(),
                logo: None,
            },
            from: Sender::no_reply("Example", "app.example.com"),
            reply_to: None,
            public_url: "https://app.example.com".into(),
            timeout: Duration::from_secs(10),
            templates: templates.map(Path::to_owned),
            language: "en".into(),
        }
    }

    fn post(way: Way, templates: Option<&Path>) -> Post {
        Post::open(settings(way, templates)).unwrap()
    }

    fn letter() -> Letter {
        let at = Timestamp::from_micros(1_795_254_000_000_000);
        Letter {
            id: MailId::from_bytes([7; 16]),
            topic: Topic::Reset,
            to: Email::parse("ada@example.com").unwrap(),
            name: None,
            locale: None,
            languages: AcceptLanguage::parse("ar"),
            digits: Some(("314159".into(), Duration::from_secs(600))),
            token: Some(("kwl_token".into(), Duration::from_secs(3600))),
            other: None,
            asked_at: at,
            asked_from: None,
            at,
        }
    }

    #[tokio::test]
    async fn the_inbox_shows_code_and_link() {
        let post = post(Way::Inbox, None);
        post.send(&letter()).await.unwrap();
        post.send_test(&letter().to, MailId::from_bytes([8; 16]), letter().at).await.unwrap();
        let mails = post.inbox().unwrap().mails(None);
        let [test, reset] = mails.as_slice() else { panic!("{}", mails.len()) };
        assert_eq!(reset.subject, "تعيين كلمة مرور جديدة في Example");
        assert_eq!(reset.code.as_deref(), Some("314159"));
        assert_eq!(reset.link.as_deref(), Some("https://app.example.com/link/kwl_token"));
        assert!(reset.text.contains("314159") && reset.html.contains("/link/kwl_token"));
        assert_eq!(
            (test.subject.as_str(), &test.code, &test.link),
            ("A test mail from Example", &None, &None)
        );
    }

    #[tokio::test]
    async fn the_folder_has_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let post = post(Way::Folder(folder.path().to_owned()), None);
        assert!(post.inbox().is_none());
        post.send(&letter()).await.unwrap();
        let file = folder.path().join("07070707-0707-0707-0707-070707070707.eml");
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.starts_with("From: Example <no-reply@app.example.com>\r\nTo: ada@example.com\r\n"),
            "{text}"
        );
    }

    /// It was right for the samples, and is wrong for this letter.
    #[tokio::test]
    async fn a_template_that_fails_later_loses_no_mail_and_tells_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("en")).unwrap();
        let template = "{{ code }} {% if token == 'kwl_token' %}{% include token ~ code %}{% endif %}";
        fs::write(folder.path().join("en/reset.txt"), template).unwrap();
        let post = post(Way::Inbox, Some(folder.path()));
        let error = post.send(&Letter { languages: None, ..letter() }).await.unwrap_err();
        let Undelivered::Later(reason) = error else { panic!("{error:?}") };
        assert!(reason.starts_with("en/reset.txt, line 1: ") && !reason.contains("kwl_token"), "{reason}");
        assert!(!reason.contains("314159"), "{reason}");
        // Others go out.
        post.send(&Letter { topic: Topic::Taken, digits: None, token: None, ..letter() }).await.unwrap();
    }

    #[test]
    fn whoever_waits_is_woken_also_by_what_came_before() {
        let post = post(Way::Inbox, None);
        let is_woken = || {
            let mut woken = pin!(post.woken());
            woken.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
        };
        assert!(!is_woken());
        post.wake();
        post.wake();
        assert!(is_woken() && !is_woken());
    }

    #[test]
    fn what_is_wrong_is_known_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("reset.txt"), "").unwrap();
        let refused = |way, templates| Post::open(settings(way, templates)).err().unwrap().to_string();
        let message = refused(Way::Inbox, Some(folder.path()));
        assert!(
            message.starts_with("mail.templates: reset.txt: no mail has a file of this name"),
            "{message}"
        );
        let tried = Post::try_templates(&settings(Way::Inbox, Some(folder.path())));
        assert_eq!(tried.unwrap_err().to_string(), message);
        let message = refused(Way::Folder(folder.path().join("reset.txt")), None);
        assert!(message.starts_with("mail.folder: ") && message.contains("cannot be written"), "{message}");
        let message = refused(Way::Smtp(SmtpUrl::parse("smtp://h.test?ca=/nowhere").unwrap()), None);
        assert!(message.starts_with("mail.url: ca=/nowhere of the URL cannot be used"), "{message}");
        let message = refused(Way::Smtp(SmtpUrl::parse("smtp://h.test?ca=Cargo.toml").unwrap()), None);
        assert!(message.ends_with("there is no certificate in it"), "{message}");
    }
}
