//! What a mail comes to when it is sent: whom it is for by now, what it is still about, the code that it carries, and the
//! letter of all that.
//!
//! Who is gone, or has done meanwhile what the mail asks for, gets none. The code is made here, so that its time runs from
//! the sending.

use crate::Keyward;
use crate::flows::Caller;
use crate::outside::Letter;
use crate::records::{Actor, Code, EventKind, Mail, Purpose, StoreError, Topic, User};
use crate::values::{Email, Timestamp};

/// How many who wait for one address are written to when it is asked for by the address alone.
const MOST_WAITING: usize = 3;

impl Keyward {
    /// What there is to be sent now, with its code issued.
    ///
    /// `None` where there is nothing to be said, to nobody, or any more. The mail learns whose it is.
    pub(super) async fn letter_of(&self, mail: &mut Mail) -> Result<Option<Letter>, StoreError> {
        let user = match mail.user {
            Some(id) => self.store.users.by_id(id).await?,
            None => self.recipient(mail).await?,
        };
        let Some(user) = user.filter(User::is_active) else { return Ok(None) };
        mail.user = Some(user.id);
        let Some((topic, user)) = self.still_meant(mail, user).await? else { return Ok(None) };
        mail.topic = topic;

        let now = self.now();
        let code = topic.purpose().map(|purpose| self.code_for(purpose, mail, &user, now));
        if let Some(code) = &code
            // An undoing that is settled meanwhile is none; or a newer code is out.
            && (self.address_of(code, &user).is_none() || !self.store.codes.issue(code).await?)
        {
            return Ok(None);
        }
        if topic == Topic::Changed {
            // As long as the link that goes out now.
            self.hold(mail, &user).await?;
        }
        Ok(Some(self.letter(mail, &user, code.as_ref(), now)))
    }

    /// Whose address it is that a mail was asked for by.
    async fn recipient(&self, mail: &Mail) -> Result<Option<User>, StoreError> {
        let owner = self.store.users.by_email(&mail.to).await?.filter(User::is_active);
        if mail.topic == Topic::Verify && owner.is_none() && self.pass_on(mail).await? {
            return Ok(None);
        }
        let is_proven = |owner: &User| owner.email_verified_at.is_some();
        let recipient = owner.filter(|owner| mail.topic != Topic::Verify || !is_proven(owner));
        // While it was asked nobody had looked whose password it is. Once, whatever becomes of the sending.
        if let Some(user) = &recipient
            && mail.topic == Topic::Reset
            && mail.attempts == 1
        {
            let kind = EventKind::PasswordResetAsked;
            self.note(&self.event(kind, Actor::Anonymous, Some(user.id), &asker(mail))).await?;
        }
        Ok(recipient)
    }

    /// Mails for those who wait to change to this address: one each, in place of the one that was asked for.
    async fn pass_on(&self, mail: &Mail) -> Result<bool, StoreError> {
        let waiting = self.store.users.waiting_for(&mail.to, MOST_WAITING).await?;
        let mut mails = Vec::new();
        for user in waiting.iter().filter(|user| user.is_active()) {
            // One was counted when it was asked for.
            if !mails.is_empty() && self.count_mail(Topic::Change, &mail.to).await.is_err() {
                break;
            }
            // As old as what it stands for, so that of two who ask the later one's code counts.
            mails.push(Mail {
                created_at: mail.created_at,
                ..self.mail(Topic::Change, mail.to.clone(), Some(user.id), &asker(mail))
            });
        }
        if mails.is_empty() {
            return Ok(false);
        }
        self.store.mails.put(&mails).await?;
        self.wake_mailer(&mails);
        Ok(true)
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
            Topic::Changed | Topic::Replaced | Topic::Undone => !has,
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

    /// The code that a mail carries, as good from `now` on as the policy says.
    pub(in crate::flows) fn code_for(
        &self,
        purpose: Purpose,
        mail: &Mail,
        user: &User,
        now: Timestamp,
    ) -> Code {
        let codes = &self.policy.codes;
        let (digits, link) = match purpose {
            Purpose::Verify | Purpose::Change => (Some(codes.digits), codes.verify_link),
            Purpose::Reset => (Some(codes.digits), codes.reset_link),
            Purpose::Invite => (None, codes.invite_link),
            Purpose::Undo => (None, codes.undo_link),
        };
        Code {
            place: self.tokens.codes.place(purpose, &mail.to),
            user: Some(user.id),
            id: mail.id,
            asked_at: mail.created_at,
            purpose,
            email: (purpose == Purpose::Undo).then(|| mail.to.clone()),
            epoch: user.epoch,
            tries: 0,
            digits_until: digits.map(|life| now + life),
            expires_at: now + link,
        }
    }

    fn letter(&self, mail: &Mail, user: &User, code: Option<&Code>, now: Timestamp) -> Letter {
        let left = |until: Timestamp| until.since(now);
        let other = match mail.topic {
            Topic::ChangeAsked => user.pending_email.as_ref().or(user.email.as_ref()),
            Topic::Changed | Topic::Replaced | Topic::Undone => user.email.as_ref(),
            _ => None,
        };
        // A name is somebody's text: it goes to an address that is proven to be the same person's, or that was invited.
        let is_known =
            user.email_verified_at.is_some() && user.email.as_ref().is_some_and(|own| own.same(&mail.to));
        let has_name = is_known || mail.topic == Topic::Invite;
        let first_name = user.first_name.as_ref().map(|name| name.as_str().to_owned());
        let name = first_name.or_else(|| user.username.as_ref().map(|name| name.as_str().to_owned()));
        Letter {
            id: mail.id,
            topic: mail.topic,
            to: written_by_owner(&mail.to, user).clone(),
            name: name.filter(|_| has_name),
            locale: user.locale.clone(),
            languages: mail.languages.clone(),
            digits: code.and_then(|code| Some((self.tokens.codes.digits(code), left(code.digits_until?)))),
            token: code.map(|code| (self.tokens.codes.token(code), left(code.expires_at))),
            other: other.map(hidden),
            asked_at: mail.created_at,
            asked_from: mail.asked_from,
            at: now,
        }
    }
}

/// Who asked for the mail, as far as it says.
fn asker(mail: &Mail) -> Caller {
    Caller { address: mail.asked_from, languages: mail.languages.clone(), ..Caller::default() }
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
