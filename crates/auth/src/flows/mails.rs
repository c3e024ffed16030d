//! Mails that flows cause: who is written to, and how often. Sending them is [`deliver`](super::deliver)'s.

use super::{Caller, Limited};
use crate::Keyward;
use crate::records::{Bucket, Mail, MailState, Rate, StoreError, Taken, Topic, User};
use crate::values::{Email, MailId, UserId};
use std::time::Duration;

/// Mails that set a password are counted by themselves.
const RESETS: &str = "resets";
/// Beyond so many places a limit is one bucket like others.
const MOST_PLACES: u32 = 64;

impl Keyward {
    /// A mail to an address, due at once. Kept by whoever makes it, with the change that causes it.
    pub(super) fn mail(&self, topic: Topic, to: Email, user: Option<UserId>, caller: &Caller) -> Mail {
        let now = self.now();
        Mail {
            id: MailId::new(now, self.random.as_ref()),
            topic,
            to,
            user,
            languages: caller.languages.clone(),
            asked_from: caller.address,
            created_at: now,
            state: MailState::Waiting,
            due_at: now,
            attempts: 0,
            reason: None,
        }
    }

    /// A mail that tells a user of something. One that nobody has proven is counted as one that strangers can cause, and
    /// left out where there were too many: else an account with somebody's address would be a way to flood them.
    pub(super) async fn notice(&self, topic: Topic, user: &User, caller: &Caller) -> Option<Mail> {
        let email = user.email.as_ref().filter(|_| self.policy.has_mail)?;
        if user.email_verified_at.is_none() && self.count_mail(topic, email).await.is_err() {
            return None;
        }
        Some(self.mail(topic, email.clone(), Some(user.id), caller))
    }

    /// A mail that proves an address or lets a person in for the first time. It is never left out, but put off where the
    /// address has been sent enough.
    pub(super) async fn wanted(&self, topic: Topic, to: &Email, user: UserId, caller: &Caller) -> Mail {
        let mut mail = self.mail(topic, to.clone(), Some(user), caller);
        if let Err(limited) = self.count_mail(topic, to).await {
            mail.due_at = mail.due_at + limited.wait;
        }
        mail
    }

    /// Counts a mail to an address, whether it is somebody's or not. Those that set a password are counted by themselves:
    /// else whoever asks for others, of which nobody need see one, could keep a person from getting these.
    pub(super) async fn count_mail(&self, topic: Topic, to: &Email) -> Result<Vec<Bucket>, Limited> {
        let kind = if topic == Topic::Reset { RESETS } else { "others" };
        let mut counted = Vec::with_capacity(2);
        for (of, rate) in self.windows() {
            match self.take_place([of, kind], rate, to).await {
                Ok(place) => counted.push(place),
                Err(wait) => {
                    self.put_back(&counted).await;
                    return Err(Limited { wait, standing: None });
                }
            }
        }
        Ok(counted)
    }

    /// Whoever ends all sessions voids the mails that set a password. So that the owner of the address can have one more, also
    /// where somebody has asked for all there may be, a place is free again.
    pub(super) async fn grant_reset(&self, user: &User) {
        // Nobody has others written to by ending the sessions of an account with their address.
        let Some(email) = user.email.as_ref().filter(|_| user.email_verified_at.is_some()) else { return };
        let first = |(of, rate)| self.places([of, RESETS], rate, email).next();
        let freed: Vec<Bucket> = self.windows().into_iter().filter_map(first).collect();
        self.put_back(&freed).await;
    }

    /// How many mails there may be to one address. The day first: whoever has to wait for that need not come back in an
    /// hour.
    fn windows(&self) -> [(&'static str, Rate); 2] {
        let limits = &self.policy.limits;
        [("mails of the day", limits.mails_per_day), ("mails", limits.mails)]
    }

    /// The places of an address in a window.
    fn places<'a>(
        &'a self,
        [of, kind]: [&'a str; 2],
        rate: Rate,
        to: &'a Email,
    ) -> impl Iterator<Item = Bucket> + 'a {
        let key =
            move |place: &[u8]| self.tokens.counters.key(of, &[kind.as_bytes(), to.key().as_bytes(), place]);
        // Whoever allows so many does not mean to count them one by one.
        let places = if rate.most <= MOST_PLACES { rate.most.max(1) } else { 1 };
        let each = Rate { most: (rate.most / places).max(1), ..rate };
        (0..places).map(move |place| Bucket { key: key(&place.to_be_bytes()), rate: each })
    }

    /// One of as many places as there may be mails in the window; each is free again when the window has passed since it
    /// was taken. So no window sees more, whenever it begins. Otherwise how long until one is free.
    async fn take_place(&self, [of, kind]: [&str; 2], rate: Rate, to: &Email) -> Result<Bucket, Duration> {
        let mut soonest = rate.window;
        for bucket in self.places([of, kind], rate, to) {
            match self.take(&[bucket]).await.first() {
                Some(Taken::No { wait }) => soonest = soonest.min(*wait),
                _ => return Ok(bucket),
            }
        }
        Err(soonest)
    }

    /// Keeps a mail that no change has caused, and says that it waits.
    pub(super) async fn put_mail(&self, mail: &Mail) -> Result<(), StoreError> {
        self.store.mails.put(std::slice::from_ref(mail)).await?;
        self.mailer.wake();
        Ok(())
    }

    /// Says that mails wait, once they are kept.
    pub(super) fn wake_mailer(&self, mails: &[Mail]) {
        if !mails.is_empty() {
            self.mailer.wake();
        }
    }
}
