//! Who a mail is from, as it is configured: `Name <address>`.

use keyward_auth::values::Email;
use lettre::Address;
use lettre::message::Mailbox;
use std::fmt;

/// A name, perhaps, and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

const LONGEST_NAME: usize = 100;

impl Sender {
    /// Reads `Name <address>`, the name perhaps in quotes, or an address alone.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address),
            None => ("", text),
        };
        let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = quoted.unwrap_or(name).trim();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err("a sender's name has at most 100 characters, and no control characters".into());
        }
        if name.contains(['<', '>', '"', '@']) {
            return Err("a sender is written Name <address>, such as Example <no-reply@example.com>".into());
        }
        let email = Email::parse(address).map_err(|invalid| invalid.detail)?;
        let address = address_of(&email).ok_or("mail cannot be sent from this address")?;
        Ok(Self(Mailbox::new(Some(name.to_owned()).filter(|name| !name.is_empty()), address)))
    }

    /// `no-reply@` the host that people know, where that has a name of its own; `localhost` otherwise.
    pub fn no_reply(name: &str, host: &str) -> Self {
        let email = Email::parse(&format!("no-reply@{host}")).ok();
        let address = email.as_ref().and_then(address_of);
        let address = address.unwrap_or_else(|| Address::new_dangerous("no-reply", "localhost"));
        Self(Mailbox::new(Some(one_line(name)), address))
    }

    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.0
    }

    pub(crate) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// As the message's library has it; its rules and ours are not one.
pub(crate) fn address_of(email: &Email) -> Option<Address> {
    let (local, domain) = email.as_str().rsplit_once('@')?;
    Address::new(local, domain).ok()
}

/// What stands in a header: no line breaks and no other control characters, so that nothing can begin a header of its own;
/// and nothing that reads as if it were encoded (RFC 2047).
pub(crate) fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    let plain = plain.replace("=?", "= ?");
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn breaks(c: char) -> bool {
    c.is_control() || c == '\u{2028}' || c == '\u{2029}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, written) in [
            ("a@b.test", "a@b.test"),
            (" Example <a@b.test> ", "Example <a@b.test>"),
            ("\"Example, Inc.\" <a@b.test>", "\"Example, Inc.\" <a@b.test>"),
            ("Bücher <a@bücher.test>", "Bücher <a@xn--bcher-kva.test>"),
            ("<a@b.test>", "a@b.test"),
        ] {
            assert_eq!(Sender::parse(text).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "Example",
            "Example <>",
            "Example <a@b.test",
            "Example\r\nBcc: c@d.test <a@b.test>",
            "Example <a@b.test\r\nBcc: c@d.test>",
            "a@b.test, c@d.test",
            "<c@d.test> <a@b.test>",
            "c@d.test <a@b.test>",
            &format!("{} <a@b.test>", "n".repeat(101)),
        ] {
            assert!(Sender::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn made_of_the_host() {
        for (host, written) in [
            ("app.example.com", "Keyward <no-reply@app.example.com>"),
            ("localhost", "Keyward <no-reply@localhost>"),
            ("127.0.0.1", "Keyward <no-reply@localhost>"),
            ("[::1]", "Keyward <no-reply@localhost>"),
        ] {
            assert_eq!(Sender::no_reply("Keyward", host).to_string(), written);
        }
        assert_eq!(one_line("a\r\nBcc: b\u{2028}c\t\u{85}d"), "a Bcc: b c d");
        assert_eq!(one_line("=?utf-8?b?ZXZpbA==?="), "= ?utf-8?b?ZXZpbA== ?=");
    }
}
