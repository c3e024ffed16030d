//! Sign-in with a password. Wrong password, unknown and disabled are one refusal, after one hash and one event, so that
//! neither the reply nor its time tells them apart; each counts as a failed try.

use super::tries::{Account, TryError};
use super::{Caller, Limited};
use crate::Keyward;
use crate::outside::{Busy, Verdict};
use crate::policy::Verification;
use crate::records::{Actor, EventKind, Session, SignIn, StoreError, User};
use crate::tokens::{Claims, KeyError};
use crate::values::{Email, Password, PasswordHash, Role, Username};
use std::time::Duration;

#[derive(Debug)]
pub struct Attempt {
    pub identifier: Identifier,
    pub password: Password,
}

/// What a person calls oneself: with an `@` it is an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    Email(Email),
    Username(Username),
    /// A text that is neither, so nobody's; in lower case and trimmed.
    Nobody(String),
}

impl Identifier {
    pub fn parse(text: &str) -> Self {
        let nobody = |_| Self::Nobody(text.trim().to_lowercase());
        if text.contains('@') {
            Email::parse(text).map_or_else(nobody, Self::Email)
        } else {
            Username::parse(text.trim()).map_or_else(nobody, Self::Username)
        }
    }
}

/// A session and the tokens that stand for it.
#[derive(Debug)]
pub struct LoggedIn {
    pub user: User,
    pub access_token: String,
    pub expires_in: Duration,
    pub refresh_token: String,
    pub refresh_expires_in: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Wrong password, unknown or disabled.
    #[error("the identifier or the password is wrong")]
    Refused,
    /// The password is right, and the address has to be proven first.
    #[error("the e-mail address is not proven yet")]
    EmailNotVerified,
    /// The account, or whatever is tried from this address, was tried too often.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keyward {
    pub async fn login(&self, attempt: Attempt, caller: &Caller) -> Result<LoggedIn, LoginError> {
        let user = match &attempt.identifier {
            Identifier::Email(email) => self.store.users.by_email(email).await?,
            Identifier::Username(username) => self.store.users.by_username(username).await?,
            Identifier::Nobody(_) => None,
        };
        let account = Account::Called(&attempt.identifier, user.as_ref());
        let (verdict, tried) = self.try_password(account, &attempt.password, caller).await?;
        let user = match user {
            Some(user) if verdict != Verdict::Wrong && user.is_active() => user,
            other => return self.refuse(other.as_ref(), LoginError::Refused, caller).await,
        };
        if !self.is_let_in(&user) {
            // Whoever registers an address could else tell by signing in whether it had an account before.
            if self.policy.conceal {
                return self.refuse(Some(&user), LoginError::Refused, caller).await;
            }
            self.was_right(tried).await;
            return self.refuse(Some(&user), LoginError::EmailNotVerified, caller).await;
        }
        self.was_right(tried).await;

        let rehash = self.upgraded(&user, &attempt.password, verdict).await;
        let session = self.new_session(&user, caller);
        let sign_in = SignIn { user: user.id, at: session.created_at, rehash };
        self.store.users.signed_in(&sign_in).await?;
        let event = self
            .event(EventKind::SignedIn, Actor::User(user.id), Some(user.id), caller)
            .of_session(session.id);
        match self
            .store
            .sessions
            .insert(&session, self.policy.sessions_per_user, std::slice::from_ref(&event))
            .await
        {
            // Deleted since it was read.
            Err(StoreError::Stale) => return Err(LoginError::Refused),
            other => other?,
        }
        event.log();
        Ok(self.issue(user, &session)?)
    }

    /// Whether the address is proven, where it has to be. Who has none has nothing to prove.
    fn is_let_in(&self, user: &User) -> bool {
        self.policy.verification != Verification::Required
            || user.email.is_none()
            || user.email_verified_at.is_some()
    }

    async fn refuse(
        &self,
        user: Option<&User>,
        refusal: LoginError,
        caller: &Caller,
    ) -> Result<LoggedIn, LoginError> {
        let event = self.event(EventKind::SignInFailed, Actor::Anonymous, user.map(|user| user.id), caller);
        self.note(&event).await?;
        Err(refusal)
    }

    /// The old hash and a new one, where the old is of other parameters than today's. A full hashing machine only
    /// puts it off.
    async fn upgraded(
        &self,
        user: &User,
        password: &Password,
        verdict: Verdict,
    ) -> Option<(PasswordHash, PasswordHash)> {
        let too_long = password.expose().len() > self.hasher.most_bytes();
        if verdict != Verdict::RightButOutdated || too_long {
            return None;
        }
        Some((user.password.clone()?, self.hasher.hash(password).await.ok()?))
    }

    /// The tokens of a session as it is now. An access token never outlives its session.
    pub(super) fn issue(&self, user: User, session: &Session) -> Result<LoggedIn, KeyError> {
        let now = self.now();
        let expires_at = (now + self.policy.access_ttl).min(session.expires_at());
        let claims = Claims {
            user: user.id,
            session: session.id,
            roles: user.roles.iter().map(Role::as_str).collect(),
            signed_in_at: session.created_at,
            expires_at,
        };
        let access_token = self.tokens.access.mint(&claims, now, self.random.as_ref())?;
        let refresh_token = self.tokens.refresh.write(session.id, session.generation, user.id);
        Ok(LoggedIn {
            user,
            access_token,
            expires_in: expires_at.since(now),
            refresh_token,
            refresh_expires_in: session.expires_at().since(now),
        })
    }
}

impl From<TryError> for LoginError {
    fn from(error: TryError) -> Self {
        match error {
            TryError::Limited(limited) => Self::Limited(limited),
            TryError::Busy(busy) => Self::Busy(busy),
        }
    }
}
