//! The first administrator, by a link that is printed at the start: it works while there is no administrator, so once.

use super::{Caller, NewUser, NewUserError};
use crate::Keyward;
use crate::outside::Random;
use crate::policy::Verification;
use crate::records::{Actor, Along, EventKind, StoreError, User};
use crate::values::{Email, Password, Role, Roles};
use aws_lc_rs::constant_time;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;

/// The secret of this process's set-up link. Kept nowhere; every start makes another.
pub struct SetupLink(String);

impl SetupLink {
    pub fn new(random: &dyn Random) -> Self {
        let mut secret = [0; 24];
        random.fill(&mut secret);
        Self(BASE64.encode(secret))
    }

    /// The secret itself, to be printed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The link is not this process's, or there is an administrator already.
    #[error("the link is not valid")]
    Gone,
    #[error(transparent)]
    New(#[from] NewUserError),
}

impl Keyward {
    /// Whether this link leads anywhere.
    pub async fn setup_is_open(&self, secret: &str) -> Result<bool, StoreError> {
        let ours = constant_time::verify_slices_are_equal(self.setup.0.as_bytes(), secret.as_bytes()).is_ok();
        Ok(ours && !self.store.users.has_administrator().await?)
    }

    pub async fn set_up(
        &self,
        secret: &str,
        email: Email,
        password: Password,
        caller: &Caller,
    ) -> Result<User, SetupError> {
        if !self.setup_is_open(secret).await.map_err(NewUserError::Store)? {
            return Err(SetupError::Gone);
        }
        let mut new = NewUser::with(Some(email), password);
        new.roles = Roles::new([Role::admin(), Role::user()]);
        // Else nobody could let the first one in.
        new.email_verified = self.policy.verification == Verification::Required;
        let user = self.compose(new, false).await?;
        let event = self.event(EventKind::UserCreated, Actor::Anonymous, Some(user.id), caller);
        let mails = self.welcome(&user, caller).await;
        let along = Along { events: std::slice::from_ref(&event), mails: &mails, ..Along::default() };
        match self.store.users.insert_first_administrator(&user, along).await {
            Err(StoreError::Guarded) => return Err(SetupError::Gone),
            other => other.map_err(NewUserError::from)?,
        }
        event.log();
        self.wake_mailer(&mails);
        Ok(user)
    }
}
