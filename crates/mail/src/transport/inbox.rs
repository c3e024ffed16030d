//! The development inbox: mails stay in this process, for whoever sits in front of it, and are forgotten with it.

use crate::words::Written;
use keyward_auth::values::{Email, MailId, Timestamp};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mail as it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxMail {
    pub id: MailId,
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The six digits.
    pub code: Option<String>,
    /// The whole URL.
    pub link: Option<String>,
    pub sent_at: Timestamp,
}

/// The newest mails: at most 200, and at most 8 MiB of them.
#[derive(Default)]
pub struct Inbox(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The newest last.
    mails: VecDeque<InboxMail>,
    bytes: usize,
}

const MOST: usize = 200;
const MOST_BYTES: usize = 8 * 1024 * 1024;

impl Inbox {
    /// The newest first; of an address, or all.
    pub fn mails(&self, to: Option<&Email>) -> Vec<InboxMail> {
        let kept = self.kept();
        let asked = kept.mails.iter().rev().filter(|mail| to.is_none_or(|to| mail.to.same(to)));
        asked.cloned().collect()
    }

    /// The same mail again takes the place of the first.
    pub(crate) fn put(&self, mail: InboxMail) {
        let mut kept = self.kept();
        if let Some(place) = kept.mails.iter().position(|known| known.id == mail.id) {
            let before = kept.mails.remove(place);
            kept.bytes -= before.map_or(0, |mail| mail.bytes());
        }
        kept.bytes += mail.bytes();
        kept.mails.push_back(mail);
        while kept.mails.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.mails.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }

    /// Whoever panicked while it was held left whole mails behind.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InboxMail {
    pub(crate) fn new(id: MailId, to: &Email, at: Timestamp, written: Written) -> Self {
        let Written { subject, text, html, .. } = written;
        Self { id, to: to.clone(), subject, text, html, code: None, link: None, sent_at: at }
    }

    fn bytes(&self) -> usize {
        self.subject.len() + self.text.len() + self.html.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(number: u128, to: &str, size: usize) -> InboxMail {
        let written = Written {
            language: "en".into(),
            subject: "s".into(),
            text: "t".repeat(size),
            html: String::new(),
        };
        let id = MailId::from_bytes(number.to_be_bytes());
        InboxMail::new(id, &Email::parse(to).unwrap(), Timestamp::from_micros(0), written)
    }

    #[test]
    fn the_newest_first_and_of_whom_one_asks_for() {
        let inbox = Inbox::default();
        let numbers =
            |mails: Vec<InboxMail>| -> Vec<u8> { mails.iter().map(|mail| mail.id.as_bytes()[15]).collect() };
        for (number, to) in [(1, "a@x.test"), (2, "b@x.test"), (3, "A@X.test"), (1, "a@x.test")] {
            inbox.put(mail(number, to, 1));
        }
        assert_eq!(numbers(inbox.mails(None)), [1, 3, 2]);
        assert_eq!(numbers(inbox.mails(Some(&Email::parse("a@x.test").unwrap()))), [1, 3]);
        assert_eq!(inbox.mails(Some(&Email::parse("c@x.test").unwrap())).len(), 0);
    }

    #[test]
    fn it_is_bounded_in_number_and_size() {
        let inbox = Inbox::default();
        for number in 0..500 {
            inbox.put(mail(number, "a@x.test", 100));
        }
        assert_eq!(inbox.mails(None).len(), MOST);
        for number in 0..100 {
            inbox.put(mail(number, "a@x.test", MOST_BYTES / 10));
        }
        assert_eq!(inbox.mails(None).len(), 9);
        let kept = inbox.kept();
        assert_eq!(kept.bytes, kept.mails.iter().map(InboxMail::bytes).sum::<usize>());
    }
}
