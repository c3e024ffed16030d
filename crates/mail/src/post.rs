//! The mailer that flows ask for: a letter goes in, is written in words, made a message of, and sent on its way.

use crate::brand::Brand;
use crate::message::{Letterhead, Packet};
use crate::sender::Sender;
use crate::transport::{Folder, Inbox, InboxMail, Smtp, SmtpUrl};
use crate::words::{Kind, TemplateProblems, Words, Written};
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
    pub brand: Brand,
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
        let PostSettings { way, brand, from, reply_to, public_url, timeout, templates, language } = settings;
        let words = Words::open(templates.as_deref(), &language, brand, &public_url)?;
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
        let PostSettings { brand, public_url, templates, language, .. } = settings;
        Words::open(templates.as_deref(), language, brand.clone(), public_url)?;
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
        let written =
            self.words.write(kind, letter).map_err(|problem| Undelivered::Later(problem.to_string()))?;
        match &self.transport {
            Transport::Smtp(smtp) => {
                let packet = self.packet(letter, &written)?;
                smtp.send(&packet, &secrets(letter), self.timeout).await
            }
            Transport::Folder(folder) => {
                let packet = self.packet(letter, &written)?;
                let late = || Undelivered::Unreachable("the folder took too long to write".into());
                tokio::time::timeout(self.timeout, folder.put(letter.id, packet.bytes))
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

    fn packet(&self, letter: &Letter, written: &Written) -> Result<Packet, Undelivered> {
        let packet = self.letterhead.message(letter.id, &letter.to, letter.at, written);
        packet.map_err(|error| Undelivered::Never(error.to_string()))
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
