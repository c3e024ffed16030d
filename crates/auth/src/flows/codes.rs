//! One-time codes as the flows use them: finding the one that somebody presents, by its digits or by its link. Spending it
//! is in `spend.rs`; what a code then does is for the flow to know.

mod spend;

pub(super) use spend::Effect;

use super::{Caller, Limited};
use crate::Keyward;
use crate::outside::Busy;
use crate::records::{Actor, Code, CodePlace, EventKind, Mail, Purpose, StoreError, User};
use crate::values::{Email, MailId, UserId};

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    pub purpose: Purpose,
    /// The address that it is about.
    pub email: Email,
}

/// Why a code did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Wrong, used, expired, tried too often, or of nobody: never told apart.
    #[error("the code is not valid")]
    Refused,
    /// Somebody else has the address by now.
    #[error("the address is taken")]
    Taken,
    /// Too many wrong codes came from where this one did.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CodeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(_) => Self::Taken,
            other => Self::Store(other),
        }
    }
}

impl Keyward {
    /// What a link is good for now; `None` if it leads nowhere. Changes nothing.
    pub async fn look_at_link(&self, token: &str) -> Result<Option<LinkView>, StoreError> {
        let found = self.find_by_link(token, &Purpose::ALL).await?;
        Ok(found.map(|(code, _, email)| LinkView { purpose: code.purpose, email }))
    }

    /// The code of these purposes that has these digits, for whoever reads the mail of this address. It counts as a try
    /// before it is compared, at most so often as the policy says, and as a guess of whoever asks.
    pub(super) async fn code_by_digits(
        &self,
        purposes: &[Purpose],
        email: &Email,
        digits: &str,
        caller: &Caller,
    ) -> Result<(Code, User), CodeError> {
        let guess = self.begin_guess(caller).await?;
        let now = self.now();
        let mut tried = Vec::new();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            for purpose in purposes {
                let place = self.tokens.codes.place(*purpose, email);
                self.keep_appearances(*purpose, email).await?;
                tried.extend(self.store.codes.try_at(place, self.policy.codes.tries, now).await?);
            }
        }
        let right = tried.iter().find(|code| self.tokens.codes.is_right(code, digits));
        if let Some(code) = right
            && let Some(user) = self.owner_of(code).await?
            && self.address_of(code, &user).is_some()
        {
            self.was_right(guess).await;
            return Ok((code.clone(), user));
        }
        self.refuse_code(tried.iter().find_map(|code| code.user), caller).await
    }

    /// A code that nobody gets, beside those that somebody may have: so there is always one to be tried, and a try costs the
    /// same writes, whether something waits for this address or not.
    async fn keep_appearances(&self, purpose: Purpose, email: &Email) -> Result<(), StoreError> {
        let now = self.now();
        let code = Code {
            place: self.tokens.codes.place(purpose, email),
            user: None,
            id: MailId::new(now, self.random.as_ref()),
            asked_at: now,
            purpose,
            email: None,
            epoch: 0,
            tries: 0,
            digits_until: Some(now + self.policy.codes.digits),
            expires_at: now + self.policy.codes.digits,
        };
        self.store.codes.issue(&code).await.map(drop)
    }

    /// Holds an address for a user who is about to change it, as long as the link is good that takes it back. It is a code
    /// by itself, which nobody gets: so of changes at once that come to nothing none is newer than the one in the mail.
    pub(super) async fn hold(&self, mail: &Mail, user: &User) -> Result<(), StoreError> {
        let undo = self.code_for(Purpose::Undo, mail, user, self.now());
        let held = Code { place: self.tokens.codes.held(&mail.to), email: None, ..undo };
        self.store.codes.issue(&held).await.map(drop)
    }

    /// Whether somebody may still take this address back: nobody else gets it by oneself before that is over.
    pub(super) async fn is_held(&self, email: &Email, user: Option<UserId>) -> Result<bool, StoreError> {
        let now = self.now();
        let codes = self.store.codes.at(self.tokens.codes.held(email)).await?;
        for code in codes.iter().filter(|code| now < code.expires_at && code.user != user) {
            let is_over = |owner: &User| owner.undone.is_some_and(|undone| undone.covers(code.asked_at));
            if self.owner_of(code).await?.is_some_and(|owner| !is_over(&owner)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The code of these purposes that a link stands for. A false token costs no read.
    pub(super) async fn code_by_link(
        &self,
        purposes: &[Purpose],
        token: &str,
        caller: &Caller,
    ) -> Result<(Code, User), CodeError> {
        let guess = self.begin_guess(caller).await?;
        match self.find_by_link(token, purposes).await? {
            Some((code, user, _)) => {
                self.was_right(guess).await;
                Ok((code, user))
            }
            None => self.refuse_code(None, caller).await,
        }
    }

    /// One event for every code that is refused, whether there is such an address or not: so the reply takes as long.
    async fn refuse_code<T>(&self, user: Option<UserId>, caller: &Caller) -> Result<T, CodeError> {
        let event = self.event(EventKind::CodeRefused, Actor::Anonymous, user, caller);
        self.note(&event).await?;
        Err(CodeError::Refused)
    }

    async fn find_by_link(
        &self,
        token: &str,
        purposes: &[Purpose],
    ) -> Result<Option<(Code, User, Email)>, StoreError> {
        let Some(link) = self.tokens.codes.read_token(token) else { return Ok(None) };
        if !purposes.contains(&link.purpose) {
            return Ok(None);
        }
        let Some(code) = self.store.codes.read(link.place, link.user).await? else { return Ok(None) };
        if !link.is_of(&code) || self.now() >= code.expires_at {
            return Ok(None);
        }
        let Some(user) = self.owner_of(&code).await? else { return Ok(None) };
        let email = self.address_of(&code, &user);
        Ok(email.map(|email| (code, user, email)))
    }

    /// Whose code it is, if that user may use it.
    async fn owner_of(&self, code: &Code) -> Result<Option<User>, StoreError> {
        let Some(id) = code.user else { return Ok(None) };
        Ok(self.store.users.by_id(id).await?.filter(User::is_active))
    }

    /// The address that the code is about, if it still is what the code was made for: the place where a code lies says
    /// for which address that was.
    pub(super) fn address_of(&self, code: &Code, user: &User) -> Option<Email> {
        let email = match code.purpose {
            Purpose::Verify | Purpose::Reset | Purpose::Invite => user.email.as_ref(),
            Purpose::Change => user.pending_email.as_ref(),
            Purpose::Undo => code.email.as_ref(),
        };
        let is_current = match code.purpose {
            Purpose::Verify => user.email_verified_at.is_none(),
            // Whoever raised the epoch has set another password, or ended all sessions, since this was sent.
            Purpose::Reset | Purpose::Invite => code.epoch == user.epoch,
            Purpose::Change => true,
            Purpose::Undo => !user.undone.is_some_and(|undone| undone.covers(code.asked_at)),
        };
        email
            .filter(|email| is_current && self.tokens.codes.place(code.purpose, email) == code.place)
            .cloned()
    }

    /// Removes the codes of a user who is gone. They are dead already, so a failure is only logged.
    pub(super) async fn forget_codes(&self, user: &User) {
        let emails = [user.email.as_ref(), user.pending_email.as_ref()];
        let places: Vec<CodePlace> = emails
            .into_iter()
            .flatten()
            .flat_map(|email| Purpose::ALL.map(|purpose| self.tokens.codes.place(purpose, email)))
            .collect();
        if let Err(error) = self.store.codes.forget(&places, user.id).await {
            tracing::warn!(%error, "one-time codes were not removed; they stay, dead, until they expire");
        }
    }
}
