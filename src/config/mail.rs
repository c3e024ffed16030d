//! Whether mails can be sent, and which way: what the keys of `mail` come to together with where the service listens and
//! what it is called.

use super::problem::Problem;
use super::settings::Config;
use super::values::InboxChoice;
use keyward_auth::policy::Verification;
use keyward_mail::{Sender, Way};
use std::net::SocketAddr;

impl Config {
    /// The way that mails go, if there is one. `bound` is where the service listens.
    pub fn mail_way(&self, bound: SocketAddr) -> Option<Way> {
        let mail = &self.mail;
        match (&mail.url, &mail.folder) {
            (Some(url), _) => Some(Way::Smtp(url.clone())),
            (None, Some(folder)) => Some(Way::Folder(folder.clone())),
            (None, None) => self.has_inbox(bound).then_some(Way::Inbox),
        }
    }

    /// Where mails go, for people to read.
    pub fn mail_goes(&self, bound: SocketAddr) -> Option<String> {
        self.mail_way(bound).map(|way| match way {
            Way::Smtp(url) => url.to_string(),
            Way::Folder(folder) => folder.display().to_string(),
            Way::Inbox => format!("{}/dev/mail", self.link_url(bound)),
        })
    }

    /// What somebody who did not mean to have the inbox has to know, where there is one.
    pub fn inbox_means(&self, bound: SocketAddr) -> Option<String> {
        let is_inbox = matches!(self.mail_way(bound), Some(Way::Inbox));
        let off = match self.mail.inbox {
            InboxChoice::Yes => "leave mail.inbox out and set server.public_url or mail.url",
            InboxChoice::Auto | InboxChoice::No => {
                "set server.public_url or mail.url, which switches this off"
            }
        };
        is_inbox.then(|| {
            format!(
                "mails, with their codes, are shown to whoever opens {}/dev/mail on this machine; behind a proxy {off}",
                self.link_url(bound)
            )
        })
    }

    /// Where links lead: the public URL. An inbox that was asked for is read on this machine, and so are its links.
    pub fn link_url(&self, bound: SocketAddr) -> String {
        self.public_url(bound).unwrap_or_else(|| format!("http://localhost:{}", bound.port()))
    }

    /// Who mails are from: as set, or made of the product's name and the host that people know.
    pub fn mail_from(&self, bound: SocketAddr) -> Sender {
        let url = self.link_url(bound);
        let host = url.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        self.mail.from.clone().unwrap_or_else(|| Sender::no_reply(&self.product.name, host))
    }

    fn has_inbox(&self, bound: SocketAddr) -> bool {
        match self.mail.inbox {
            InboxChoice::Yes => true,
            InboxChoice::No => false,
            // A proxy on this machine may pass on the requests of anybody as if they were made here.
            InboxChoice::Auto => {
                let is_behind_a_proxy = !self.server.trusted_proxies.is_empty();
                bound.ip().is_loopback() && !is_behind_a_proxy && !self.is_known_elsewhere()
            }
        }
    }

    /// Whether the public URL is one that others reach.
    fn is_known_elsewhere(&self) -> bool {
        self.server.public_url.as_ref().is_some_and(|url| !url.is_loopback())
    }

    pub(super) fn mail_conflicts(&self) -> Vec<Problem> {
        let (mail, listen) = (&self.mail, self.server.listen);
        let inbox = (mail.inbox == InboxChoice::Yes).then_some("mail.inbox");
        let ways =
            [mail.url.as_ref().map(|_| "mail.url"), mail.folder.as_ref().map(|_| "mail.folder"), inbox];
        let ways: Vec<&str> = ways.into_iter().flatten().collect();
        let mut found = Vec::new();
        if let [first, others @ ..] = ways.as_slice() {
            found.extend(others.iter().map(|other| {
                Problem::new(
                    *other,
                    format!("{first} is set too, and mails go one way only; leave one of them out"),
                )
            }));
        }
        if inbox.is_some() && self.is_known_elsewhere() {
            found.push(Problem::new(
                "mail.inbox",
                "the development inbox shows every code to whoever opens it, so it is not for a service with a public \
                 URL; set mail.url (SMTP_URL) or mail.folder, or leave server.public_url out",
            ));
        }
        if (mail.url.is_some() || mail.folder.is_some()) && self.public_url(listen).is_none() {
            found.push(Problem::new(
                "server.public_url",
                "mails hold links, and links begin with this URL, which is never taken from a request; set it to the \
                 https:// URL that people use",
            ));
        }
        if self.accounts.verification == Verification::Required && self.mail_way(listen).is_none() {
            found.push(Problem::new(
                "accounts.verification",
                "nobody could ever sign in: there is no way to send mails; set mail.url (SMTP_URL) or mail.folder",
            ));
        }
        found
    }

    pub(super) fn mail_warnings(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        if self.mail.url.as_ref().is_some_and(|url| url.is_exposed()) {
            found.push(
                "mail.url does not ask for TLS: codes and links may cross the network in the clear; leave tls= out, or \
                 use smtps://",
            );
        }
        if self.mail_way(self.server.listen).is_none() {
            found.push(
                "there is no way to send mails: addresses count without being proven, and who forgot a password cannot \
                 set a new one (503 mail_not_configured); set mail.url (SMTP_URL) or mail.folder",
            );
        }
        if self.accounts.conceal && self.accounts.verification != Verification::Required {
            found.push(
                "accounts.conceal hides little: whoever registers an address learns by signing in whether it had an account, \
                 unless accounts.verification is required",
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{env, only_problem};
    use crate::config::{Config, Sources};
    use keyward_mail::Way;

    const LISTEN: (&str, &str) = ("KEYWARD_SERVER_LISTEN", "0.0.0.0:8000");
    const PUBLIC: (&str, &str) = ("KEYWARD_SERVER_PUBLIC_URL", "https://app.example.com");
    const LOCAL: (&str, &str) = ("KEYWARD_SERVER_PUBLIC_URL", "http://localhost:8080");
    const SMTP: (&str, &str) = ("SMTP_URL", "smtp://smtp.example.com");
    const FOLDER: (&str, &str) = ("KEYWARD_MAIL_FOLDER", "./mails");
    const INBOX: (&str, &str) = ("KEYWARD_MAIL_INBOX", "yes");
    const NO_INBOX: (&str, &str) = ("KEYWARD_MAIL_INBOX", "no");
    const PROXY: (&str, &str) = ("KEYWARD_SERVER_TRUSTED_PROXIES", "127.0.0.1");

    fn way(given: &[(&str, &str)]) -> &'static str {
        let config = Config::load(&env(given)).unwrap_or_else(|problems| panic!("{given:?}: {problems}"));
        match config.mail_way(config.server.listen) {
            Some(Way::Smtp(_)) => "smtp",
            Some(Way::Folder(_)) => "folder",
            Some(Way::Inbox) => "inbox",
            None => "none",
        }
    }

    #[test]
    fn which_way_mails_go() {
        for (given, expected) in [
            (&[][..], "inbox"),
            (&[LOCAL], "inbox"),
            (&[PUBLIC], "none"),
            (&[NO_INBOX], "none"),
            (&[LISTEN], "none"),
            (&[LISTEN, LOCAL], "none"),
            (&[LISTEN, LOCAL, INBOX], "inbox"),
            (&[LISTEN, INBOX], "inbox"),
            (&[PROXY], "none"),
            (&[PROXY, LOCAL], "none"),
            (&[PROXY, INBOX], "inbox"),
            (&[PROXY, PUBLIC, SMTP], "smtp"),
            (&[SMTP], "smtp"),
            (&[LISTEN, PUBLIC, SMTP], "smtp"),
            (&[PUBLIC, FOLDER, NO_INBOX], "folder"),
            (&[FOLDER], "folder"),
        ] {
            assert_eq!(way(given), expected, "{given:?}");
        }
    }

    #[test]
    fn an_inbox_says_what_it_means() {
        let means = |given| {
            let config = Config::load(&env(given)).unwrap();
            config.inbox_means(config.server.listen)
        };
        let by_itself = means(&[]).unwrap();
        assert!(by_itself.contains("opens http://127.0.0.1:8000/dev/mail on this machine"), "{by_itself}");
        assert!(
            by_itself.ends_with("set server.public_url or mail.url, which switches this off"),
            "{by_itself}"
        );
        assert!(means(&[INBOX, PROXY]).unwrap().contains("leave mail.inbox out"));
        for none in [&[NO_INBOX][..], &[PROXY], &[PUBLIC], &[FOLDER]] {
            assert_eq!(means(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let required = ("KEYWARD_ACCOUNTS_VERIFICATION", "required");
        for (given, problem) in [
            (&[SMTP, FOLDER][..], "mail.folder: mail.url is set too"),
            (&[SMTP, INBOX], "mail.inbox: mail.url is set too"),
            (&[FOLDER, INBOX], "mail.inbox: mail.folder is set too"),
            (&[PUBLIC, INBOX], "mail.inbox: the development inbox shows every code"),
            (&[LISTEN, SMTP], "server.public_url: mails hold links"),
            (&[LISTEN, FOLDER], "server.public_url: mails hold links"),
            (&[LISTEN, required], "accounts.verification: nobody could ever sign in"),
            (&[PUBLIC, required], "accounts.verification: nobody could ever sign in"),
            (&[NO_INBOX, required], "accounts.verification: nobody could ever sign in"),
        ] {
            let message = only_problem(&env(given));
            assert!(message.starts_with(problem), "{given:?}: {message}");
        }
        assert!(
            Config::load(&env(&[required])).is_ok() && Config::load(&env(&[required, PUBLIC, SMTP])).is_ok()
        );
    }

    #[test]
    fn a_service_without_mail_starts_and_says_so() {
        let warnings = |given: &[(&str, &str)]| Config::load(&env(given)).unwrap().warnings();
        for (given, expected) in [
            (&[LISTEN, PUBLIC][..], vec!["there is no way to send mails"]),
            (
                &[PUBLIC, ("KEYWARD_ACCOUNTS_CONCEAL", "yes")],
                vec!["there is no way", "accounts.conceal hides little"],
            ),
            (&[LISTEN, PUBLIC, SMTP], vec![]),
            (
                &[PUBLIC, ("SMTP_URL", "smtp://smtp.example.com?tls=none")],
                vec!["mail.url does not ask for TLS"],
            ),
            (&[PUBLIC, ("SMTP_URL", "smtp://mail:1025")], vec![]),
            (&[("KEYWARD_ACCOUNTS_CONCEAL", "yes")], vec!["accounts.conceal hides little"]),
            (&[("KEYWARD_ACCOUNTS_CONCEAL", "yes"), ("KEYWARD_ACCOUNTS_VERIFICATION", "required")], vec![]),
            (&[], vec![]),
        ] {
            let found = warnings(given);
            assert_eq!(found.len(), expected.len(), "{given:?}: {found:?}");
            assert!(found.iter().zip(expected).all(|(text, begin)| text.starts_with(begin)), "{found:?}");
        }
    }

    #[test]
    fn senders_and_links() {
        for (given, from, link) in [
            (&[][..], "Keyward <no-reply@localhost>", "http://127.0.0.1:8000"),
            (&[PUBLIC], "Keyward <no-reply@app.example.com>", "https://app.example.com"),
            (&[LISTEN, INBOX], "Keyward <no-reply@localhost>", "http://localhost:8000"),
            (
                &[("KEYWARD_SERVER_PUBLIC_URL", "http://[::1]:8000"), ("KEYWARD_PRODUCT_NAME", "R & D")],
                "R & D <no-reply@localhost>",
                "http://[::1]:8000",
            ),
            (
                &[PUBLIC, ("KEYWARD_MAIL_FROM", "Ada <ada@b.test>")],
                "Ada <ada@b.test>",
                "https://app.example.com",
            ),
            (
                &[("KEYWARD_SERVER_PUBLIC_URL", "https://app.example.com:8443")],
                "Keyward <no-reply@app.example.com>",
                "https://app.example.com:8443",
            ),
        ] {
            let config = Config::load(&env(given)).unwrap();
            let listen = config.server.listen;
            assert_eq!(
                (config.mail_from(listen).to_string().as_str(), config.link_url(listen).as_str()),
                (from, link)
            );
        }
    }

    #[test]
    fn m_01_the_password_of_the_mail_server_is_never_shown() {
        let url = ("SMTP_URL", "smtp://kim:canary@smtp.example.com");
        let config = Config::load(&env(&[PUBLIC, url])).unwrap();
        assert!(config.show().contains("mail.url = \"smtp://smtp.example.com:587\""), "{}", config.show());
        assert!(!config.show().contains("canary") && !format!("{config:?}").contains("canary"));
        let wrong = ("SMTP_URL", "smtp://kim:canary@smtp.example.com:port");
        let message = only_problem(&env(&[PUBLIC, wrong]));
        assert!(message.contains("SMTP_URL") && !message.contains("canary"), "{message}");
        let flags = vec![("mail.url".to_owned(), url.1.to_owned())];
        let message = only_problem(&Sources { flags, ..Sources::default() });
        assert!(message.contains("not given as an argument") && !message.contains("canary"), "{message}");
    }
}
