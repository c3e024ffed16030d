//! Mails, from a configuration to a mailer; and the development inbox as the web layer shows it.

use super::StartError;
use crate::config::Config;
use crate::system::{SystemClock, SystemRandom};
use async_trait::async_trait;
use keyward_auth::outside::{Clock, Letter, Mailer, Undelivered};
use keyward_auth::values::{Email, MailId};
use keyward_mail::{Post, PostSettings, Way};
use keyward_web::{Inbox, InboxMail, Product};
use std::net::SocketAddr;
use std::sync::Arc;

/// The way of mails, if there is one; `bound` is where the service listens. Reads templates and certificates, and connects
/// to nobody.
pub(super) fn open(config: &Config, bound: SocketAddr) -> Result<Option<Arc<Post>>, StartError> {
    let post = config.mail_way(bound).map(|way| Post::open(settings(config, bound, way)));
    Ok(post.transpose()?.map(Arc::new))
}

/// Whoever has nothing to send with still takes the word that a mail waits.
pub(super) fn mailer(post: Option<&Arc<Post>>) -> Arc<dyn Mailer> {
    match post {
        Some(post) => post.clone(),
        None => Arc::new(NoMailer),
    }
}

/// What shows mails that go nowhere.
pub(super) fn inbox(post: &Post) -> Option<Arc<dyn Inbox>> {
    post.inbox().map(|inbox| Arc::new(Shown(inbox)) as Arc<dyn Inbox>)
}

/// How pages look.
pub(super) fn product(config: &Config) -> Product {
    let (name, colour) = (config.product.name.clone(), config.product.colour);
    Product { name, colour: colour.parts(), ink: colour.ink().parts() }
}

/// Whether the templates can be used; writes nothing and connects to nobody.
pub fn check_templates(config: &Config) -> Result<(), StartError> {
    Ok(Post::try_templates(&settings(config, config.server.listen, Way::Inbox))?)
}

/// Sends a test mail, and says what took it.
pub async fn send_test(config: &Config, to: &Email) -> Result<String, String> {
    let listen = config.server.listen;
    let way = config.mail_way(listen).zip(config.mail_goes(listen));
    let (way, place) = way.ok_or("there is no way to send mails: set mail.url (SMTP_URL) or mail.folder")?;
    if matches!(way, Way::Inbox) {
        return Err(format!(
            "mails go to the development inbox of the running service, {place}, and to nobody else; set mail.url \
             (SMTP_URL) or mail.folder"
        ));
    }
    let post = Post::open(settings(config, listen, way)).map_err(|error| error.to_string())?;
    let now = SystemClock.now();
    post.send_test(to, MailId::new(now, &SystemRandom), now).await.map_err(|error| error.to_string())?;
    Ok(format!("{place} has taken a test mail to {}, from {}", to.as_str(), config.mail_from(listen)))
}

fn settings(config: &Config, bound: SocketAddr, way: Way) -> PostSettings {
    let (mail, product) = (&config.mail, &config.product);
    PostSettings {
        way,
        product: keyward_mail::Product {
            name: product.name.clone(),
            colour: product.colour,
            logo: product.logo.clone(),
        },
        from: config.mail_from(bound),
        reply_to: mail.reply_to.clone(),
        public_url: config.link_url(bound),
        timeout: mail.timeout,
        templates: mail.templates.clone(),
        language: mail.language.clone(),
    }
}

/// Where there is no way to send mails.
struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Letter) -> Result<(), Undelivered> {
        Err(Undelivered::Unreachable("there is no way to send mails".into()))
    }

    fn wake(&self) {}

    async fn woken(&self) {
        std::future::pending().await
    }
}

struct Shown(Arc<keyward_mail::Inbox>);

impl Inbox for Shown {
    fn mails(&self, to: Option<&Email>) -> Vec<InboxMail> {
        let shown = |mail: keyward_mail::InboxMail| InboxMail {
            id: mail.id.to_string(),
            to: mail.to.as_str().to_owned(),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            code: mail.code,
            link: mail.link,
            sent_at: mail.sent_at,
        };
        self.0.mails(to).into_iter().map(shown).collect()
    }
}
