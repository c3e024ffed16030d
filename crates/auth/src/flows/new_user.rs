//! From what somebody typed to a user that can be kept: shared by registration, creation and set-up, so that one set
//! of rules makes every user.

use super::pictures::PictureError;
use crate::Keyward;
use crate::outside::{Busy, GalleryError, Upload};
use crate::passwords::{self, Owner};
use crate::records::{StoreError, Unique, User};
use crate::values::{
    Email, Invalid, Locale, Metadata, Name, Password, Role, Roles, Timestamp, UserId, Username,
};

#[derive(Debug)]
pub struct NewUser {
    pub username: Option<Username>,
    pub email: Option<Email>,
    /// Without one the user is invited by mail to set it.
    pub password: Option<Password>,
    pub first_name: Option<Name>,
    pub last_name: Option<Name>,
    pub locale: Option<Locale>,
    pub picture: Option<Upload>,
    pub metadata: Metadata,
    pub roles: Roles,
    pub active: bool,
    pub email_verified: bool,
}

impl NewUser {
    /// An ordinary user with nothing but an address and a password.
    pub fn with(email: Option<Email>, password: Password) -> Self {
        Self {
            username: None,
            email,
            password: Some(password),
            first_name: None,
            last_name: None,
            locale: None,
            picture: None,
            metadata: Metadata::default(),
            roles: Roles::new([Role::user()]),
            active: true,
            email_verified: false,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NewUserError {
    /// The password is refused by the policy.
    #[error("the password is refused: {0}")]
    Password(Invalid),
    /// Neither an e-mail address nor a username to sign in with.
    #[error("a user needs an e-mail address or a username")]
    Nameless,
    /// Neither a password nor an address to send an invitation to.
    #[error("a user without a password needs an e-mail address, for the invitation")]
    Unreachable,
    /// An invitation, and no way to send it.
    #[error("no mail can be sent: set mail.url (SMTP_URL), or give a password")]
    NotConfigured,
    /// `email_verified` without an address.
    #[error("there is no address to be verified")]
    NothingToVerify,
    /// The picture is none.
    #[error("{0}")]
    Picture(Invalid),
    /// The place of pictures failed.
    #[error(transparent)]
    Gallery(GalleryError),
    #[error("{0}")]
    Taken(Unique),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for NewUserError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(what) => Self::Taken(what),
            other => Self::Store(other),
        }
    }
}

impl From<PictureError> for NewUserError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Refused(invalid) => Self::Picture(invalid),
            PictureError::Busy => Self::Busy(Busy),
            PictureError::Gallery(error) => Self::Gallery(error),
            PictureError::Store(error) => Self::Store(error),
        }
    }
}

impl Keyward {
    /// The password's policy, a quick look at what is taken, then the hash. That the names are free is decided by the
    /// insert; looking first only saves a hash. Where it is to be hidden whether the address is, nobody looks at that.
    /// The picture hangs before its user is kept.
    pub(super) async fn compose(&self, new: NewUser, conceal: bool) -> Result<User, NewUserError> {
        if new.email.is_none() && new.username.is_none() {
            return Err(NewUserError::Nameless);
        }
        if new.email_verified && new.email.is_none() {
            return Err(NewUserError::NothingToVerify);
        }
        if new.password.is_none() && new.email.is_none() {
            return Err(NewUserError::Unreachable);
        }
        if new.password.is_none() && !self.policy.has_mail {
            return Err(NewUserError::NotConfigured);
        }
        let owner = Owner {
            email: new.email.as_ref(),
            username: new.username.as_ref(),
            names: [new.first_name.as_ref(), new.last_name.as_ref()],
        };
        if let Some(password) = &new.password {
            self.check_password(password, &owner).map_err(NewUserError::Password)?;
        }
        if let Some(email) = new.email.as_ref().filter(|_| !conceal)
            && self.store.users.by_email(email).await?.is_some()
        {
            return Err(NewUserError::Taken(Unique::Email));
        }
        if let Some(username) = &new.username
            && self.store.users.by_username(username).await?.is_some()
        {
            return Err(NewUserError::Taken(Unique::Username));
        }
        let hash = match &new.password {
            Some(password) => Some(self.hasher.hash(password).await?),
            None => None,
        };
        let now = self.now();
        let id = UserId::new(now, self.random.as_ref());
        let picture = match new.picture {
            Some(upload) => Some(self.hang(upload, id).await?),
            None => None,
        };
        let when = |flag: bool| -> Option<Timestamp> { flag.then_some(now) };
        Ok(User {
            id,
            version: 1,
            email_verified_at: when(new.email_verified),
            username: new.username,
            email: new.email,
            pending_email: None,
            first_name: new.first_name,
            last_name: new.last_name,
            locale: new.locale,
            picture,
            metadata: new.metadata,
            roles: new.roles,
            disabled_at: when(!new.active),
            password: hash,
            epoch: 1,
            kept_session: None,
            undone: None,
            created_at: now,
            updated_at: now,
            last_login_at: None,
        })
    }

    pub(super) fn check_password(&self, password: &Password, owner: &Owner<'_>) -> Result<(), Invalid> {
        passwords::check(password, self.policy.password_min_length, self.hasher.most_bytes(), owner)
    }
}
