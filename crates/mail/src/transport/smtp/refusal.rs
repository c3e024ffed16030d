//! What a failure means for the mail: whether it is tried again, and whether others are. Owns the reasons that operators
//! read; none holds a secret or what the mail says.

use super::Trouble;
use super::url::{SmtpUrl, Tls};
use crate::reason::quoted;
use keyward_auth::outside::Undelivered;
use lettre::transport::smtp::Error as SmtpError;
use rustls::CertificateError;
use std::error::Error;
use std::io;
use std::time::Duration;

/// How far a sending had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    SigningIn,
    /// MAIL FROM: whom we send for.
    Sender,
    /// RCPT TO and DATA: this mail.
    Mail,
}

pub(super) struct Refusal<'a> {
    pub(super) url: &'a SmtpUrl,
    /// What must not be repeated, should the server have repeated it.
    pub(super) secrets: &'a [&'a str],
    pub(super) timeout: Duration,
}

/// The server goes down.
const GOES_DOWN: u16 = 421;
/// It wants somebody to sign in, or TLS.
const SIGN_IN_FIRST: u16 = 530;

impl Refusal<'_> {
    pub(super) fn silence(&self) -> Undelivered {
        let hint = match (self.url.tls, self.url.port) {
            (Tls::Implicit, 465) => "",
            (Tls::Implicit, _) => "; if it begins without TLS, write smtp:// in mail.url",
            (_, 465) => "; port 465 is TLS from the start: write smtps:// in mail.url",
            _ => "",
        };
        Undelivered::Unreachable(format!("{} did not answer within {:?}{hint}", self.url, self.timeout))
    }

    /// The connection was good, so others may fare better.
    pub(super) fn silence_about_this_mail(&self) -> Undelivered {
        Undelivered::Later(format!(
            "{} did not say within {:?} whether it takes the mail",
            self.url, self.timeout
        ))
    }

    pub(super) fn told(&self, stage: Stage, trouble: &Trouble) -> Undelivered {
        let error = match trouble {
            Trouble::Io(error) => {
                return Undelivered::Unreachable(format!("{} cannot be reached: {error}", self.url));
            }
            Trouble::NoStartTls => {
                return Undelivered::Unreachable(format!(
                    "{} offers no STARTTLS, and mails are not sent in the clear; write smtps:// in mail.url if it is TLS \
                     from the start, or append ?tls=none if nobody can listen on the way",
                    self.url
                ));
            }
            Trouble::NoTlsForPassword => {
                return Undelivered::Unreachable(format!(
                    "{} offers no STARTTLS, and the password of mail.url is not told in the clear; append ?tls=none to \
                     mail.url if nobody can listen on the way",
                    self.url
                ));
            }
            Trouble::Smtp(error) => error,
        };
        match error.status().and_then(|code| code.to_string().parse().ok()) {
            Some(code) => self.reply(stage, code, &cause(error)),
            None => self.broken(stage, error),
        }
    }

    /// The server said no.
    fn reply(&self, stage: Stage, code: u16, text: &str) -> Undelivered {
        let words = match stage {
            // It was told the password, and nobody knows in which forms it may repeat it.
            Stage::SigningIn => enhanced_status(text).unwrap_or_default().to_owned(),
            _ => self.quoted(text),
        };
        let said = format!("{} said {code} {words}", self.url);
        let said = said.trim_end();
        let is_for_ever = code >= 500;
        match stage {
            // Behind a recipient it may be that one's alone; if the server does go down, the next connection tells.
            Stage::SigningIn | Stage::Sender if code == GOES_DOWN => {
                Undelivered::Unreachable(said.to_owned())
            }
            Stage::Connecting => Undelivered::Unreachable(said.to_owned()),
            Stage::SigningIn if is_for_ever => {
                Undelivered::Unreachable(format!("{said}; are user and password of mail.url right?"))
            }
            Stage::SigningIn => Undelivered::Unreachable(said.to_owned()),
            Stage::Sender if code == SIGN_IN_FIRST => {
                Undelivered::Unreachable(format!("{said}; mail.url needs user and password, or TLS"))
            }
            Stage::Sender if is_for_ever => {
                Undelivered::Unreachable(format!("{said}; may it send for the address in mail.from?"))
            }
            // A setting is wrong, and the mail is not to be lost for it. But servers also pass on what others have told
            // them, so this is never taken to be about all mails.
            Stage::Mail
                if code == SIGN_IN_FIRST || is_for_ever && text.to_ascii_lowercase().contains("relay") =>
            {
                Undelivered::Later(format!("{said}; does mail.url need user and password?"))
            }
            Stage::Mail if is_for_ever => Undelivered::Never(said.to_owned()),
            Stage::Sender | Stage::Mail => Undelivered::Later(said.to_owned()),
        }
    }

    /// There was no reply, or none that is one.
    fn broken(&self, stage: Stage, error: &SmtpError) -> Undelivered {
        // What is no reply is quoted in the error, and so is what a reply says that cannot be understood.
        let has_words = error.is_response() || error.is_client();
        let cause = match stage {
            Stage::SigningIn if has_words => String::new(),
            _ => format!(": {}", self.quoted(&cause(error))),
        };
        let text = match tls_error(error) {
            Some(rustls::Error::InvalidCertificate(why)) => format!(
                "the certificate of {} is not to be trusted: {}; mail.url must name the host as the certificate does, and \
                 may name the authority that signed it with ?ca=/path/to/ca.pem",
                self.url,
                self.quoted(&distrust(why))
            ),
            Some(rustls::Error::InvalidMessage(_)) if self.url.tls == Tls::Implicit => {
                format!("{} does not begin with TLS; write smtp:// in mail.url", self.url)
            }
            Some(other) => format!("TLS with {} failed: {}", self.url, self.quoted(&other.to_string())),
            None if error.is_client() && stage == Stage::SigningIn => {
                format!("{} lets nobody sign in by AUTH PLAIN or LOGIN{cause}", self.url)
            }
            None if error.is_response() => format!("{} broke off, or does not speak SMTP{cause}", self.url),
            None => format!("the connection to {} broke{cause}", self.url),
        };
        match stage {
            // Whether it took the mail nobody knows. It is sent again with the same Message-ID.
            Stage::Mail => Undelivered::Later(text),
            Stage::Connecting | Stage::SigningIn | Stage::Sender => Undelivered::Unreachable(text),
        }
    }

    fn quoted(&self, text: &str) -> String {
        let password = self.url.login.as_ref().map(|login| login.password.as_str());
        let secrets: Vec<&str> = self.secrets.iter().copied().chain(password).collect();
        quoted(text, &secrets)
    }
}

/// `5.7.8` at the beginning of a reply (RFC 2034).
fn enhanced_status(words: &str) -> Option<&str> {
    let first = words.split_whitespace().next()?;
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = first.split('.');
    let is_class = parts.next().is_some_and(|class| class == "4" || class == "5");
    let (subject, detail, end) = (parts.next(), parts.next(), parts.next());
    (is_class && subject.is_some_and(is_number) && detail.is_some_and(is_number) && end.is_none())
        .then_some(first)
}

/// The innermost text, without the library's words around it.
fn cause(error: &SmtpError) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn distrust(why: &CertificateError) -> String {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext, UnknownIssuer};
    match why {
        UnknownIssuer => "no authority that is trusted here has signed it".into(),
        Expired | ExpiredContext { .. } => "it has expired".into(),
        NotValidYet | NotValidYetContext { .. } => "it is not good yet".into(),
        // What `openssl req -x509` makes by itself.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is an authority's (CA:TRUE), and no server's".into()
        }
        other => other.to_string(),
    }
}

fn tls_error(error: &SmtpError) -> Option<&rustls::Error> {
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<'a>(url: &'a SmtpUrl, secrets: &'a [&'a str]) -> Refusal<'a> {
        Refusal { url, secrets, timeout: Duration::from_secs(30) }
    }

    #[test]
    fn what_a_reply_means() {
        let url = SmtpUrl::parse("smtp://u:p4ss@h.test").unwrap();
        let refusal = refusal(&url, &[]);
        for (stage, code, text, expected) in [
            (Stage::Connecting, 554, "go away", "unreachable"),
            (Stage::Connecting, 421, "busy", "unreachable"),
            (Stage::SigningIn, 535, "5.7.8", "unreachable"),
            (Stage::SigningIn, 454, "", "unreachable"),
            (Stage::Sender, 530, "authentication required", "unreachable"),
            (Stage::Sender, 553, "not your address", "unreachable"),
            (Stage::Sender, 451, "try again", "later"),
            (Stage::Sender, 421, "goes down", "unreachable"),
            (Stage::Mail, 450, "greylisted", "later"),
            (Stage::Mail, 421, "goes down", "later"),
            (Stage::Mail, 550, "no such user", "never"),
            (Stage::Mail, 554, "spam", "never"),
            (Stage::Mail, 554, "5.7.1 Relay access denied", "later"),
            (Stage::Mail, 530, "authentication required", "later"),
        ] {
            let (kind, reason) = match refusal.reply(stage, code, text) {
                Undelivered::Unreachable(reason) => ("unreachable", reason),
                Undelivered::Later(reason) => ("later", reason),
                Undelivered::Never(reason) => ("never", reason),
            };
            assert_eq!(kind, expected, "{stage:?} {code}");
            let said = format!("smtp://h.test:587 said {code} {text}");
            assert!(reason.starts_with(said.trim_end()), "{reason}");
        }
    }

    #[test]
    fn neither_password_nor_code_is_repeated() {
        let url = SmtpUrl::parse("smtp://u:p4ss@h.test").unwrap();
        let secrets = ["314159"];
        let refusal = refusal(&url, &secrets);
        for (stage, words, said) in [
            (Stage::SigningIn, "5.7.8 AHUAcDRzcw== is wrong", "said 535 5.7.8; are user"),
            (Stage::SigningIn, "AHUAcDRzcw==", "said 535; are user"),
            (Stage::SigningIn, "5.7.8.9 no", "said 535; are user"),
            (Stage::SigningIn, "5.7 no", "said 535; are user"),
            (Stage::Sender, "u and p4ss may not", "said 535 …; may it"),
            (Stage::Sender, "AHUAcDRzcw== may not", "said 535 …; may it"),
            (Stage::Mail, "5.7.1 a code, 314 159", "said 535 …"),
            // Left out, and understood all the same.
            (Stage::Mail, "314159: relay access denied", "said 535 …; does mail.url need"),
            (Stage::Mail, "314158: spam", "said 535 314158: spam"),
        ] {
            let told = refusal.reply(stage, 535, words).to_string();
            assert!(told.contains(said), "{words}: {told}");
            assert!(!told.contains("314159") && !told.contains("p4ss"), "{told}");
        }
    }

    #[test]
    fn a_wrong_port_is_guessed() {
        for (url, hint) in [
            ("smtp://h.test:465", "smtps://"),
            ("smtps://h.test:587", "write smtp://"),
            ("smtp://h.test:587", "within 30s"),
        ] {
            let url = SmtpUrl::parse(url).unwrap();
            let said = refusal(&url, &[]).silence().to_string();
            assert!(said.contains(hint), "{said}");
        }
    }
}
