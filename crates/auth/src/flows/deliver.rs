//! The worker's part: mails that are due, claimed, turned into letters, and handed over.
//!
//! A claim holds a mail for one server until sending it must have ended. What a mail is about is looked at again now: who
//! is gone, or has done it meanwhile, gets none. The code is made here, so that its time runs from the sending; then
//! what became of the mail is kept. A server that dies in between leaves the mail to be claimed again, with the same id
//! and the same code.

use crate::Keyward;
use crate::outside::{Letter, Undelivered};
use crate::records::{
    Actor, Code, Event, EventKind, Mail, MailState, Outcome, Purpose, StoreError, Topic, User,
};
use crate::values::{Email, EventId, MailId, Timestamp, UserId};
use futures_util::future::join_all;
use std::time::Duration;

/// How many mails are sent at a time, by one server.
const AT_ONCE: usize = 8;
/// How much longer a claim holds than sending may take.
const MARGIN: Duration = Duration::from_secs(30);
/// How many who wait for one address are written to when it is asked for by the address alone.
const MOST_WAITING: usize = 3;

/// The longest that one mail waits for its next try, and that any does where nothing can be sent.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_OUTAGE: Duration = Duration::from_secs(30);

/// What came of a pass.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// There may be more that is due.
    pub is_full: bool,
    /// The mailer took or refused at least one.
    pub is_reached: bool,
    /// Nothing can be sent at the moment, and why.
    pub unreachable: Option<String>,
}

/// What a mail comes to when it is looked at.
enum Found {
    Letter(Box<Letter>),
    Nothing,
}

impl Keyward {
    /// Sends what is due, up to a few mails; to be called again while there may be more.
    pub async fn deliver(&self) -> Result<Pass, StoreError> {
        let now = self.now();
        let until = now + self.policy.mail_timeout + MARGIN;
        let claimed = self.store.mails.claim(now, until, AT_ONCE).await?;
        let mut pass = Pass { is_full: claimed.len() == AT_ONCE, ..Pass::default() };
        let sent = join_all(claimed.into_iter().map(|mail| self.deliver_one(mail))).await;
        for done in sent {
            match done? {
                Some(Err(reason)) => pass.unreachable = Some(reason),
                Some(Ok(())) => pass.is_reached = true,
                None => {}
            }
        }
        Ok(pass)
    }

    /// Sends one mail and keeps what became of it. Tells whether the mailer was reached, and if not, why; `None` if it was
    /// not asked.
    async fn deliver_one(&self, mut mail: Mail) -> Result<Option<Result<(), String>>, StoreError> {
        let (outcome, reached) = match self.letter_of(&mut mail).await {
            Ok(Found::Letter(letter)) => match self.mailer.send(&letter).await {
                Ok(()) => (Outcome::Sent { at: self.now() }, Some(Ok(()))),
                Err(Undelivered::Later(reason)) => (self.put_off(&mail, reason, LONGEST_WAIT), Some(Ok(()))),
                Err(Undelivered::Never(reason)) => (Outcome::Dead { at: self.now(), reason }, Some(Ok(()))),
                Err(Undelivered::Unreachable(reason)) => {
                    (self.put_off(&mail, reason.clone(), LONGEST_OUTAGE), Some(Err(reason)))
                }
            },
            Ok(Found::Nothing) => (Outcome::Dropped, None),
            Err(error) => {
                tracing::warn!(mail = %mail.id, %error, "a mail could not be made; it is tried again");
                (self.put_off(&mail, "a store failed while it was made".to_owned(), LONGEST_OUTAGE), None)
            }
        };
        let is_ours = self.store.mails.settle(&mail, &outcome).await?;
        tell(&mail, &outcome, is_ours);
        Ok(reached)
    }

    /// Another try, later each time; or none, after a day.
    fn put_off(&self, mail: &Mail, reason: String, longest: Duration) -> Outcome {
        let now = self.now();
        if now.since(mail.created_at) >= self.policy.mail_patience {
            return Outcome::Dead { at: now, reason: format!("given up after a day: {reason}") };
        }
        let wait = Duration::from_secs(5) * 3_u32.saturating_pow(mail.attempts.saturating_sub(1).min(5));
        Outcome::Again { due_at: now + wait.min(longest), reason }
    }

    /// What there is to be sent now, with its code issued.
    async fn letter_of(&self, mail: &mut Mail) -> Result<Found, StoreError> {
        let user = match mail.user {
            Some(id) => self.store.users.by_id(id).await?,
            None => self.recipient(mail).await?,
        };
        let Some(user) = user.filter(User::is_active) else { return Ok(Found::Nothing) };
        mail.user = Some(user.id);
        let Some((topic, user)) = self.still_meant(mail, user).await? else { return Ok(Found::Nothing) };
        mail.topic = topic;

        let now = self.now();
        let code = topic.purpose().map(|purpose| self.code_for(purpose, mail, Some(&user), now));
        if let Some(code) = &code
            && !self.store.codes.issue(code).await?
        {
            // A newer one is out.
            return Ok(Found::Nothing);
        }
        Ok(Found::Letter(Box::new(self.letter(mail, &user, code.as_ref(), now))))
    }

    /// Whose address it is that a mail was asked for by; nobody's gets a code that nobody gets, so that trying at it
    /// takes as long as trying at somebody's.
    async fn recipient(&self, mail: &Mail) -> Result<Option<User>, StoreError> {
        let owner = self.store.users.by_email(&mail.to).await?.filter(User::is_active);
        let recipient = match mail.topic {
            Topic::Verify => match owner {
                Some(owner) => Some(owner).filter(|owner| owner.email_verified_at.is_none()),
                None if self.pass_on(mail).await? => return Ok(None),
                None => None,
            },
            _ => owner,
        };
        match (&recipient, mail.topic.purpose()) {
            (Some(user), Some(Purpose::Reset)) if mail.attempts == 1 => {
                self.note_asked(mail, user.id).await?
            }
            (None, Some(purpose)) => {
                self.store.codes.issue(&self.code_for(purpose, mail, None, self.now())).await?;
            }
            _ => {}
        }
        Ok(recipient)
    }

    /// Mails for those who wait to change to this address: one each, in place of the one that was asked for.
    async fn pass_on(&self, mail: &Mail) -> Result<bool, StoreError> {
        let waiting = self.store.users.waiting_for(&mail.to, MOST_WAITING).await?;
        let mails: Vec<Mail> = waiting
            .iter()
            .filter(|user| user.is_active())
            .map(|user| Mail {
                id: MailId::new(self.now(), self.random.as_ref()),
                topic: Topic::Change,
                user: Some(user.id),
                state: MailState::Waiting,
                due_at: self.now(),
                attempts: 0,
                ..mail.clone()
            })
            .collect();
        if mails.is_empty() {
            return Ok(false);
        }
        self.store.mails.put(&mails).await?;
        self.wake_mailer(&mails);
        Ok(true)
    }

    /// The audit log learns whose password somebody asked to set; while it was asked nobody had looked.
    async fn note_asked(&self, mail: &Mail, user: UserId) -> Result<(), StoreError> {
        let event = Event {
            id: EventId::new(self.now(), self.random.as_ref()),
            at: self.now(),
            kind: EventKind::PasswordResetAsked,
            actor: Actor::Anonymous,
            user: Some(user),
            session: None,
            address: mail.asked_from,
            agent: None,
            request_id: None,
            is_intent: false,
        };
        self.store.audit.record(std::slice::from_ref(&event)).await?;
        event.log();
        Ok(())
    }

    /// What the mail is still about, now that it is sent, and whom it is for.
    async fn still_meant(&self, mail: &Mail, user: User) -> Result<Option<(Topic, User)>, StoreError> {
        let is_at = |email: Option<&Email>| email.is_some_and(|email| email.same(&mail.to));
        let has = is_at(user.email.as_ref());
        let is_meant = match mail.topic {
            Topic::Verify => has && user.email_verified_at.is_none(),
            Topic::Change => is_at(user.pending_email.as_ref()),
            Topic::Reset | Topic::Taken => has,
            Topic::Invite => has && user.password.is_none(),
            Topic::ChangeAsked => user.pending_email.is_some() || !has,
            Topic::Changed | Topic::Replaced => !has,
            Topic::PasswordChanged | Topic::SessionEnded => true,
        };
        if !is_meant {
            return Ok(None);
        }
        if mail.topic != Topic::Change {
            return Ok(Some((mail.topic, user)));
        }
        Ok(match self.store.users.by_email(&mail.to).await? {
            None => Some((Topic::Change, user)),
            // Whoever owns it learns that it was asked for; whoever asked learns nothing.
            Some(owner) => self.policy.conceal.then_some((Topic::Taken, owner)),
        })
    }

    fn code_for(&self, purpose: Purpose, mail: &Mail, user: Option<&User>, now: Timestamp) -> Code {
        let codes = &self.policy.codes;
        let (digits, link) = match purpose {
            Purpose::Verify | Purpose::Change => (Some(codes.digits), codes.verify_link),
            Purpose::Reset => (Some(codes.digits), codes.reset_link),
            Purpose::Invite => (None, codes.invite_link),
            Purpose::Undo => (None, codes.undo_link),
        };
        Code {
            place: self.tokens.codes.place(purpose, &mail.to),
            user: user.map(|user| user.id),
            id: mail.id,
            asked_at: mail.created_at,
            purpose,
            email: (purpose == Purpose::Undo).then(|| mail.to.clone()),
            epoch: user.map_or(0, |user| user.epoch),
            tries: 0,
            digits_until: digits.map(|life| now + life),
            expires_at: now + link,
        }
    }

    fn letter(&self, mail: &Mail, user: &User, code: Option<&Code>, now: Timestamp) -> Letter {
        let left = |until: Timestamp| until.since(now);
        let other = match mail.topic {
            Topic::ChangeAsked => user.pending_email.as_ref().or(user.email.as_ref()),
            Topic::Changed | Topic::Replaced => user.email.as_ref(),
            _ => None,
        };
        let first_name = user.first_name.as_ref().map(|name| name.as_str().to_owned());
        Letter {
            id: mail.id,
            topic: mail.topic,
            to: written_by_owner(&mail.to, user).clone(),
            name: first_name.or_else(|| user.username.as_ref().map(|name| name.as_str().to_owned())),
            locale: user.locale.clone(),
            languages: mail.languages.clone(),
            digits: code.and_then(|code| Some((self.tokens.codes.digits(code), left(code.digits_until?)))),
            token: code.map(|code| (self.tokens.codes.link(code), left(code.expires_at))),
            other: other.map(hidden),
            asked_at: mail.created_at,
            asked_from: mail.asked_from,
            at: now,
        }
    }
}

/// The address as the person has given it. Whoever asks for a mail by it may write it in other letters, which to some mail
/// server may be somebody else.
fn written_by_owner<'a>(to: &'a Email, user: &'a User) -> &'a Email {
    let own = [&user.email, &user.pending_email];
    own.into_iter().flatten().find(|own| own.same(to)).unwrap_or(to)
}

/// Enough of an address to know it again: `a***@example.com`.
fn hidden(email: &Email) -> String {
    let (local, domain) = email.as_str().split_once('@').unwrap_or_default();
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{domain}")
}

/// Of a mail the log holds neither address nor text.
fn tell(mail: &Mail, outcome: &Outcome, is_ours: bool) {
    let (id, topic, attempts) = (mail.id, mail.topic.as_str(), mail.attempts);
    match outcome {
        _ if !is_ours => {
            tracing::warn!(mail = %id, topic, "sending took longer than its claim, or it was removed meanwhile")
        }
        Outcome::Sent { .. } => tracing::info!(mail = %id, topic, attempts, "mail sent"),
        Outcome::Again { due_at, reason } => {
            tracing::info!(mail = %id, topic, attempts, next = %due_at, %reason, "mail not sent; it is tried again");
        }
        Outcome::Dead { reason, .. } => tracing::warn!(mail = %id, topic, attempts, %reason, "mail given up"),
        Outcome::Dropped => tracing::debug!(mail = %id, topic, "nobody to send a mail to"),
    }
}
