//! A written letter as a message of MIME (RFC 5322, RFC 2046). Owns the headers; nothing that anybody typed can begin one.

use crate::sender::{Sender, address_of, one_line};
use crate::words::Written;
use keyward_auth::values::{Email, MailId, Timestamp};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use std::time::{Duration, SystemTime};

/// Bytes as they go over the wire, and whom they are from and for.
pub(crate) struct Message {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// Why there is no message of it. Says nothing about the mail's content.
#[derive(Debug, thiserror::Error)]
#[error("no message can be made of this mail: {0}")]
pub(crate) struct Unwritable(String);

/// The last second that the header `Date` can be of.
const LAST: u64 = 253_402_300_799;

/// Whom messages are from.
pub(crate) struct Letterhead {
    pub(crate) from: Sender,
    pub(crate) reply_to: Option<Sender>,
}

impl Letterhead {
    /// The same letter at the same time makes the same bytes.
    pub(crate) fn message(
        &self,
        id: MailId,
        to: &Email,
        at: Timestamp,
        written: &Written,
    ) -> Result<Message, Unwritable> {
        let to = address_of(to).ok_or_else(|| Unwritable("nothing can be sent to its address".into()))?;
        let seconds = u64::try_from(at.as_seconds()).unwrap_or(0).min(LAST);
        let mut message = lettre::Message::builder()
            .from(self.from.mailbox().clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&written.subject))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(format!("<{id}@{}>", self.from.domain())));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.mailbox().clone());
        }
        // RFC 3834: nobody's holiday notice answers this; Exchange asks for its own header.
        let fixed = [
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("Content-Language", written.language.as_str()),
        ];
        for (name, value) in fixed {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(unwritable)?;
            message = message.raw_header(HeaderValue::new(name, one_line(value)));
        }
        // Readers show the last that they understand.
        let parts = MultiPart::alternative()
            .boundary(format!("keyward-{id}"))
            .singlepart(SinglePart::plain(written.text.clone()))
            .singlepart(SinglePart::html(written.html.clone()));
        let message = message.multipart(parts).map_err(unwritable)?;
        Ok(Message { envelope: message.envelope().clone(), bytes: message.formatted() })
    }
}

fn unwritable(error: impl std::fmt::Display) -> Unwritable {
    Unwritable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1_795_254_000_000_000);

    fn written(subject: &str) -> Written {
        Written {
            language: "ar".into(),
            subject: subject.into(),
            text: "مرحبًا\n.\n.. 123456\n".into(),
            html: "<p>مرحبًا</p>\n".into(),
        }
    }

    fn made(from: &str, reply_to: Option<&str>, to: &str, subject: &str) -> (Message, String) {
        let letterhead = Letterhead {
            from: Sender::parse(from).unwrap(),
            reply_to: reply_to.map(|text| Sender::parse(text).unwrap()),
        };
        let id = MailId::from_bytes([7; 16]);
        let message = letterhead.message(id, &Email::parse(to).unwrap(), AT, &written(subject)).unwrap();
        let text = String::from_utf8(message.bytes.clone()).unwrap();
        (message, text)
    }

    fn headers(text: &str) -> Vec<&str> {
        text.split("\r\n\r\n").next().unwrap().split("\r\n").collect()
    }

    #[test]
    fn a_whole_message() {
        let (message, text) = made(
            "Bücher & Co <no-reply@bücher.test>",
            Some("help@example.com"),
            "Ada.Lovelace@EXAMPLE.com",
            "Set a new password for Example",
        );
        assert!(text.is_ascii());
        assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
        insta::assert_snapshot!("message", text.replace("\r\n", "\n"));
        assert_eq!(message.envelope.from().unwrap().to_string(), "no-reply@xn--bcher-kva.test");
        assert_eq!(
            message.envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["Ada.Lovelace@example.com"]
        );
        // The same again, to the byte.
        assert_eq!(
            text,
            made(
                "Bücher & Co <no-reply@bücher.test>",
                Some("help@example.com"),
                "Ada.Lovelace@EXAMPLE.com",
                "Set a new password for Example"
            )
            .1
        );
    }

    /// For one person, so of no list; and nothing that filters take for advertising.
    #[test]
    fn headers_of_lists_and_of_bulk_are_not_there() {
        let (_, text) = made("a@b.test", None, "c@d.test", "s");
        for header in headers(&text) {
            let name = header.split(':').next().unwrap().to_ascii_lowercase();
            assert!(!name.starts_with("list-") && name != "precedence" && name != "reply-to", "{header}");
        }
        assert!(headers(&text).contains(&"Auto-Submitted: auto-generated"));
        assert!(headers(&text).contains(&"X-Auto-Response-Suppress: All"));
    }

    #[test]
    fn no_subject_begins_a_header() {
        for break_ in ["\r\n", "\n", "\r", "\r\n ", "\u{85}", "\u{2028}", "\u{2029}", "\0", "\u{b}", "\u{c}"]
        {
            let (message, text) = made(
                "a@b.test",
                None,
                "c@d.test",
                &format!("Hello{break_}Bcc: evil@e.test{break_}{break_}<b>"),
            );
            let names: Vec<&str> = headers(&text)
                .iter()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, _)| name)
                .collect();
            assert!(names.contains(&"Subject") && !names.contains(&"Bcc"), "{text}");
            assert!(text.contains("Subject: Hello Bcc: evil@e.test <b>\r\n"), "{text}");
            assert_eq!(message.envelope.to().len(), 1);
        }
    }

    #[test]
    fn any_subject_is_written_and_read_again() {
        for subject in [
            "Grüße",
            "تعيين كلمة مرور جديدة في Example",
            "👩‍👩‍👧‍👦 family",
            "a\"b\\c;d,e",
            &"ありがとう".repeat(30),
            &"word ".repeat(60),
        ] {
            let (_, text) = made("a@b.test", None, "c@d.test", subject);
            assert!(
                text.is_ascii() && headers(&text).iter().all(|line| line.len() <= 78 || !line.contains("=?")),
                "{text}"
            );
            let folded = text.split("\r\nSubject: ").nth(1).unwrap();
            let folded =
                folded.split("\r\n").enumerate().take_while(|(i, line)| *i == 0 || line.starts_with(' '));
            let unfolded: String = folded.map(|(_, line)| line).collect();
            let decoded = if unfolded.contains("=?utf-8?b?") { decoded(&unfolded) } else { unfolded };
            assert_eq!(decoded.trim(), subject.trim(), "{text}");
        }
    }

    /// RFC 2047: blanks between two encoded words are none.
    fn decoded(subject: &str) -> String {
        let mut bytes = Vec::new();
        let mut was_encoded = false;
        for word in subject.split(' ') {
            let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
            if !(bytes.is_empty() || was_encoded && encoded.is_some()) {
                bytes.push(b' ');
            }
            was_encoded = encoded.is_some();
            match encoded {
                Some(text) => bytes.extend(base64(text)),
                None => bytes.extend(word.bytes()),
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    fn base64(text: &str) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = text.trim_end_matches('=').bytes();
        let digits = digits.map(|byte| ALPHABET.iter().position(|known| *known == byte).unwrap() as u32);
        let digits: Vec<u32> = digits.collect();
        let group = |group: &[u32]| {
            let sum = group.iter().fold(0, |sum, digit| sum << 6 | digit) << (6 * (4 - group.len()));
            sum.to_be_bytes()[1..group.len()].to_vec()
        };
        digits.chunks(4).flat_map(group).collect()
    }

    #[test]
    fn a_moment_beyond_all_years_is_no_panic() {
        let letterhead = Letterhead { from: Sender::parse("a@b.test").unwrap(), reply_to: None };
        for at in [i64::MIN, -1, i64::MAX] {
            let at = Timestamp::from_micros(at);
            let to = Email::parse("c@d.test").unwrap();
            assert!(letterhead.message(MailId::from_bytes([7; 16]), &to, at, &written("s")).is_ok());
        }
    }

    /// What we take for an address, the message's library must take as well.
    #[test]
    fn every_address_of_ours_can_be_written_to() {
        let long = format!("{}@{}.test", "l".repeat(64), "d".repeat(63));
        for to in [
            "a!#$%&'*+-/=?^_`{|}~b@x.test",
            "1@1.test",
            "a.b.c@a-b.c-d.test",
            "u@b\u{fc}cher.test",
            "a@xn--p1ai.xn--p1ai",
            &long,
        ] {
            let (message, text) = made("a@b.test", None, to, "s");
            let email = Email::parse(to).unwrap();
            assert_eq!(message.envelope.to()[0].to_string(), email.as_str());
            assert!(text.contains(&format!("To: {}", email.as_str())), "{text}");
        }
    }
}
