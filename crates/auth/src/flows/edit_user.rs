//! Changes to a user, by oneself or by somebody with `users:write`: one flow for every route that edits.
//!
//! What is not sent stays. Rights (`roles`, `status`, `email_verified`) need the permission; a password is changed by
//! its owner alone; a new password or address of one's own needs proof. The change is decided from the user as read and
//! written against that version; if the user changed meanwhile, it is decided again.

mod decide;

use super::pictures::PictureError;
use super::proof::{ProofError, owner};
use super::tries::Account;
use super::{AuthenticateError, By, Caller, Limited, MOST_TRIES, SignedIn, Target};
use crate::Keyward;
use crate::outside::{Busy, GalleryError, Upload, Verdict};
use crate::policy::Verification;
use crate::records::{Along, Change, Event, EventKind, Leftover, Mail, StoreError, Topic, Unique, User};
use crate::values::{Email, Invalid, Locale, Metadata, Name, Password, Permission, Picture, Roles, Username};
use decide::{Decision, Proven, decide, is_same};

/// What is asked for. `Some(None)` clears. Read-only members are accepted with their present value, so that what GET
/// gave can be sent back.
#[derive(Debug, Default)]
pub struct Edit {
    /// The version that the client has seen, if it says so (`If-Match`).
    pub if_version: Option<i64>,
    pub username: Option<Option<Username>>,
    pub email: Option<Option<Email>>,
    pub first_name: Option<Option<Name>>,
    pub last_name: Option<Option<Name>>,
    pub locale: Option<Option<Locale>>,
    pub picture: Option<Option<Upload>>,
    pub metadata: Option<Metadata>,
    pub password: Option<Password>,
    pub current_password: Option<Password>,
    pub roles: Option<Roles>,
    pub active: Option<bool>,
    pub email_verified: Option<bool>,
    pub id: Option<String>,
    pub pending_email: Option<Option<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Absent, or not yours to see.
    #[error("there is no such user")]
    NotFound,
    /// A right without the permission, or another's password.
    #[error("not permitted")]
    Forbidden,
    /// The user is not of the version that the request names.
    #[error("the user has changed")]
    Changed,
    #[error("{0} cannot be changed")]
    ReadOnly(&'static str),
    /// The member of this name breaks a rule.
    #[error("{0}: {1}")]
    Invalid(&'static str, Invalid),
    /// The place of pictures failed.
    #[error(transparent)]
    Gallery(GalleryError),
    #[error("{0}")]
    Taken(Unique),
    /// The session is too old to change password or e-mail without proof.
    #[error("proof is needed")]
    ReauthenticationRequired,
    #[error("the current password is wrong")]
    Wrong,
    #[error("the last administrator stays")]
    LastAdministrator,
    /// The session ended while this ran.
    #[error("the session is over")]
    SignedOut,
    /// The password was tried too often.
    #[error(transparent)]
    Limited(#[from] Limited),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(what) => Self::Taken(what),
            StoreError::Guarded => Self::LastAdministrator,
            other => Self::Store(other),
        }
    }
}

impl From<AuthenticateError> for EditError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused => Self::SignedOut,
            AuthenticateError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PictureError> for EditError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::Refused(invalid) => Self::Invalid("picture", invalid),
            PictureError::Busy => Self::Busy(Busy),
            PictureError::Gallery(error) => Self::Gallery(error),
            PictureError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ProofError> for EditError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Wrong => Self::Wrong,
            ProofError::Limited(limited) => Self::Limited(limited),
            ProofError::Busy(busy) => Self::Busy(busy),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl Keyward {
    /// The user as it is after the change; as it was, if nothing changes.
    pub async fn edit_user(
        &self,
        by: By<'_>,
        target: &Target,
        mut edit: Edit,
        caller: &Caller,
    ) -> Result<User, EditError> {
        let user = self.self_or(by, Permission::UsersWrite, target).await?.ok_or(EditError::NotFound)?;
        // What can be refused without a hash is.
        decide(by, &user, &edit, None, &Proven::default(), self)?;
        let proven = match by {
            By::Person(person) if by.is(user.id) => self.prove_secrets(person, &user, &edit, caller).await?,
            _ => Proven::default(),
        };

        let mut counted = Vec::new();
        if proven.password.is_some() {
            counted.push(self.count_ending(user.id).await?);
        }
        let edited = match self.prepare(by, &user, &proven, edit.picture.take()).await {
            Ok(picture) => {
                let edited = self.write(by, target, &edit, picture, proven, caller).await;
                // Where the store failed, the row may have it after all.
                if let (Some(Some(picture)), Err(error)) = (picture, &edited)
                    && !matches!(error, EditError::Store(_))
                {
                    self.abandon(picture, user.id).await;
                }
                edited
            }
            Err(error) => Err(error),
        };
        if edited.is_err() {
            self.put_back(&counted).await;
        }
        edited
    }

    /// What is counted, and what must be there, before it is written: a new picture hangs.
    async fn prepare(
        &self,
        by: By<'_>,
        user: &User,
        proven: &Proven,
        picture: Option<Option<Upload>>,
    ) -> Result<Option<Option<Picture>>, EditError> {
        self.count_address(user, proven).await?;
        let Some(Some(upload)) = picture else { return Ok(picture.map(|_| None)) };
        let counted = match by {
            By::Person(person) => {
                Some(self.count_of(person.user.id, "pictures", self.policy.limits.pictures).await?)
            }
            By::Operator => None,
        };
        let hung = self.hang(upload, user.id).await;
        // What was refused was work all the same.
        if hung.as_ref().is_err_and(|error| !matches!(error, PictureError::Refused(_))) {
            self.put_back(counted.as_slice()).await;
        }
        Ok(Some(Some(hung?)))
    }

    /// A new address of one's own: strangers can be written to by it.
    async fn count_address(&self, user: &User, proven: &Proven) -> Result<(), Limited> {
        let Some(email) = &proven.email else { return Ok(()) };
        self.count_of(user.id, "addresses", self.policy.limits.addresses).await?;
        if self.policy.verification != Verification::Off {
            self.count_mail(Topic::Change, email).await?;
        }
        Ok(())
    }

    /// Decides the change and writes it, again and again while somebody else gets through.
    async fn write(
        &self,
        by: By<'_>,
        target: &Target,
        edit: &Edit,
        picture: Option<Option<Picture>>,
        mut proven: Proven,
        caller: &Caller,
    ) -> Result<User, EditError> {
        let mut by = by;
        let mut again;
        // Hashing and painting take long enough to be signed out or demoted in.
        let mut is_stale = edit.password.is_some() || edit.current_password.is_some() || picture.is_some();
        for _ in 0..MOST_TRIES {
            if is_stale {
                again = self.again(by).await?;
                by = again.as_ref().map_or(By::Operator, By::Person);
            }
            let user = self.self_or(by, Permission::UsersWrite, target).await?.ok_or(EditError::NotFound)?;
            let decision = decide(by, &user, edit, picture, &proven, self)?;
            self.check_free(by, &user, &decision.change).await?;
            let mails = self.mails_of(&decision, &user, by, caller).await;
            // The address of before is held from the change on, not from when the mail goes out that can undo it.
            if let Some(mail) = mails.iter().find(|mail| mail.topic == Topic::Changed) {
                self.hold(mail, &user).await?;
            }
            let leftovers: Vec<Leftover> =
                decision.leftover.into_iter().map(|picture| self.leftover(picture, user.id)).collect();
            let Some(change) = decision.change.unless_empty() else { return Ok(user) };
            let events: Vec<Event> = decision
                .events
                .iter()
                .map(|kind| self.event(*kind, by.actor(), Some(user.id), caller))
                .collect();
            let along = Along { events: &events, mails: &mails, leftovers: &leftovers };
            match self.change(user.id, &change, along).await {
                Err(StoreError::Stale) => is_stale = true,
                other => {
                    let changed = other?;
                    if let Some(tried) = proven.tried.take() {
                        self.was_right(tried).await;
                    }
                    return Ok(changed);
                }
            }
        }
        Err(EditError::Busy(Busy))
    }

    /// A new address that is somebody's already is refused while one can still choose another; where that is to be
    /// hidden, its owner is told by mail instead.
    async fn check_free(&self, by: By<'_>, user: &User, change: &Change) -> Result<(), EditError> {
        let pending = change.pending_email.as_ref().filter(|_| !self.policy.conceal);
        let Some(Some(email)) = change.email.as_ref().or(pending) else { return Ok(()) };
        let other = self.store.users.by_email(email).await?.filter(|other| other.id != user.id);
        // An administrator may give away what somebody else may still take back.
        if other.is_some() || by.is(user.id) && self.is_held(email, Some(user.id)).await? {
            return Err(EditError::Taken(Unique::Email));
        }
        Ok(())
    }

    /// The mails that a change causes: to the new address, which proves it, and to the one of before.
    async fn mails_of(&self, decision: &Decision, user: &User, by: By<'_>, caller: &Caller) -> Vec<Mail> {
        let mut mails = Vec::new();
        for kind in decision.events.iter().filter(|_| self.policy.has_mail) {
            match (kind, &decision.change.email, &decision.change.pending_email) {
                (EventKind::EmailChangeAsked, _, Some(Some(new))) => {
                    mails.push(self.mail(Topic::Change, new.clone(), Some(user.id), caller));
                    mails.extend(self.notice(Topic::ChangeAsked, user, caller).await);
                }
                (EventKind::EmailChanged, Some(Some(new)), _) => {
                    let is_own = by.is(user.id);
                    let topic = if is_own { Topic::Changed } else { Topic::Replaced };
                    mails.extend(self.notice(topic, user, caller).await);
                    let is_proven = matches!(decision.change.email_verified_at, Some(Some(_)));
                    if !is_proven && self.policy.verification != Verification::Off {
                        mails.push(self.wanted(Topic::Verify, new, user.id, caller).await);
                    }
                }
                (EventKind::PasswordChanged, ..) => {
                    mails.extend(self.notice(Topic::PasswordChanged, user, caller).await);
                }
                _ => {}
            }
        }
        mails
    }

    /// One's own password and address. The right password is proof, a session that has just signed in is, and
    /// `current_password` is. One password is compared, and counts as a try; a wrong one stays counted.
    async fn prove_secrets(
        &self,
        person: &SignedIn,
        user: &User,
        edit: &Edit,
        caller: &Caller,
    ) -> Result<Proven, EditError> {
        let is_fresh = self.now().since(person.session.created_at) <= self.policy.fresh_for;
        let is_new = |email: &&Email| {
            !is_same(user.email.as_ref(), email) && !is_same(user.pending_email.as_ref(), email)
        };
        let email = edit.email.as_ref().and_then(Option::as_ref).filter(is_new).cloned();
        let mut proven = Proven { epoch: user.epoch, password: None, email, tried: None };
        let new_password = match (&edit.password, &edit.current_password) {
            (None, _) if proven.email.is_none() => return Ok(proven),
            (None, None) if is_fresh => None,
            (None, None) => return Err(EditError::ReauthenticationRequired),
            (password, Some(current)) => {
                self.prove(user, current, caller).await?;
                password.as_ref().filter(|password| password.expose() != current.expose())
            }
            (Some(password), None) => {
                let (verdict, tried) =
                    self.try_password(Account::Of(user), password, caller).await.map_err(ProofError::from)?;
                if verdict == Verdict::Wrong {
                    proven.tried = Some(tried);
                    Some(password)
                } else {
                    self.was_right(tried).await;
                    None
                }
            }
        };
        if let Some(password) = new_password {
            // Asking whether a password is the present one is a guess, too.
            if proven.tried.is_some() && !is_fresh {
                self.note_wrong_proof(user, caller).await?;
                return Err(EditError::ReauthenticationRequired);
            }
            // Here as well: what the policy refuses is not to be set, and was perhaps never meant to be.
            self.check_password(password, &owner(user))
                .map_err(|invalid| EditError::Invalid("password", invalid))?;
            proven.password = Some(self.hasher.hash(password).await?);
        }
        Ok(proven)
    }
}
