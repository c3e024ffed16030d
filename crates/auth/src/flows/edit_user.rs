//! Changes to a user, by oneself or by somebody with `users:write`: one flow for every route that edits.
//!
//! What is not sent stays. Rights (`roles`, `status`, `email_verified`) need the permission; a password is changed by
//! its owner alone; a new password or address of one's own needs proof. The change is decided from the user as read and
//! written against that version; if the user changed meanwhile, it is decided again.

use super::proof::{ProofError, owner};
use super::{AuthenticateError, By, Caller, SignedIn, Target};
use crate::Keyward;
use crate::outside::{Busy, Verdict};
use crate::policy::Verification;
use crate::records::{Change, Direction, Event, EventKind, StoreError, Unique, User};
use crate::values::{
    Email, Invalid, Locale, Metadata, Name, Password, Permission, Roles, Timestamp, Username,
};

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
    #[error("taken: {0:?}")]
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

impl From<ProofError> for EditError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Wrong => Self::Wrong,
            ProofError::Busy(busy) => Self::Busy(busy),
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

/// How often a change is decided again because the user changed meanwhile. Each time somebody else got through.
const MOST_TRIES: usize = 20;

/// A change with the events that tell of it.
#[derive(Default)]
struct Decision {
    change: Change,
    events: Vec<EventKind>,
}

impl Keyward {
    /// The user as it is after the change; as it was, if nothing changes.
    pub async fn edit_user(
        &self,
        by: By<'_>,
        target: &Target,
        edit: &Edit,
        caller: &Caller,
    ) -> Result<User, EditError> {
        let mut by = by;
        let mut again: Option<SignedIn>;
        for _ in 0..MOST_TRIES {
            let user = self.self_or(by, Permission::UsersWrite, target).await?.ok_or(EditError::NotFound)?;
            if edit.if_version.is_some_and(|version| version != user.version) {
                return Err(EditError::Changed);
            }
            let decision = self.decide(by, &user, edit, caller).await?;
            let Some(change) = decision.change.unless_empty() else { return Ok(user) };
            let events: Vec<Event> = decision
                .events
                .iter()
                .map(|kind| self.event(*kind, by.actor(), Some(user.id), caller))
                .collect();
            match self.store.users.change(user.id, &change, self.now(), &events).await {
                // Somebody else was quicker. Whoever acts may be permitted less by now, or be signed out.
                Err(StoreError::Stale) => {
                    again = self.again(by).await?;
                    by = again.as_ref().map_or(By::Operator, By::Person);
                }
                other => {
                    let changed = other?;
                    events.iter().for_each(Event::log);
                    if change.end_sessions.is_some() {
                        self.forget_ended(&changed).await;
                    }
                    return Ok(changed);
                }
            }
        }
        Err(EditError::Busy(Busy))
    }

    async fn decide(
        &self,
        by: By<'_>,
        user: &User,
        edit: &Edit,
        caller: &Caller,
    ) -> Result<Decision, EditError> {
        let mut decision = Decision::default();
        check_read_only(user, edit)?;
        decide_rights(by, user, edit, self.now(), &mut decision)?;
        decide_profile(user, edit, &mut decision)?;
        match by {
            By::Person(person) if by.is(user.id) => {
                self.decide_secrets(person, user, edit, caller, &mut decision).await?;
            }
            _ => decide_address(user, edit, self.now(), &mut decision)?,
        }
        if let Some(Some(email)) = decision.change.email.as_ref().or(decision.change.pending_email.as_ref())
            && self.store.users.by_email(email).await?.is_some_and(|other| other.id != user.id)
        {
            return Err(EditError::Taken(Unique::Email));
        }
        // What was decided from the user as read is written only to that user. Plain members need no such care: two
        // who edit different ones both get their way.
        if edit.if_version.is_some() || !decision.events.is_empty() {
            decision.change.if_version = Some(user.version);
        }
        Ok(decision)
    }

    /// One's own password and address. The right password is proof, a session that has just signed in is, and
    /// `current_password` is; a wrong one is counted.
    async fn decide_secrets(
        &self,
        person: &SignedIn,
        user: &User,
        edit: &Edit,
        caller: &Caller,
        decision: &mut Decision,
    ) -> Result<(), EditError> {
        let is_fresh = self.now().since(person.session.created_at) <= self.policy.fresh_for;
        let mut is_proven = false;
        let mut new_password = None;
        if let Some(password) = &edit.password {
            match self.hasher.verify(password, user.password.as_ref()).await? {
                Verdict::Right | Verdict::RightButOutdated => is_proven = true,
                Verdict::Wrong => new_password = Some(password),
            }
        }
        let new_email = match &edit.email {
            Some(Some(email)) if !is_same(user.email.as_ref(), email) => Some(email),
            Some(None) if user.email.is_some() => {
                return Err(EditError::Invalid("email", required("an e-mail address")));
            }
            _ => None,
        };
        let new_email = new_email.filter(|email| !is_same(user.pending_email.as_ref(), email));
        if new_password.is_none() && new_email.is_none() {
            return Ok(());
        }
        if let Some(password) = new_password {
            self.check_password(password, &owner(user))
                .map_err(|invalid| EditError::Invalid("password", invalid))?;
        }
        match &edit.current_password {
            _ if is_proven => {}
            Some(current) => self.prove(user, current, caller).await?,
            None if is_fresh => {}
            None => {
                // Asking whether a password is the present one is a guess, too.
                if new_password.is_some() {
                    self.note_wrong_proof(user, caller).await?;
                }
                return Err(EditError::ReauthenticationRequired);
            }
        }
        if let Some(password) = new_password {
            decision.change.password = Some(self.hasher.hash(password).await?);
            decision.change.end_sessions.get_or_insert(Some(person.session.id));
            decision.events.push(EventKind::PasswordChanged);
        }
        if let Some(email) = new_email {
            match self.policy.verification {
                Verification::Off => set_address(email, decision),
                Verification::Optional => {
                    decision.change.pending_email = Some(Some(email.clone()));
                    decision.events.push(EventKind::EmailChangeAsked);
                }
            }
        }
        Ok(())
    }
}

/// An address that counts at once, unproven.
fn set_address(email: &Email, decision: &mut Decision) {
    decision.change.email = Some(Some(email.clone()));
    decision.change.email_verified_at = Some(None);
    decision.change.pending_email = Some(None);
    decision.events.push(EventKind::EmailChanged);
}

/// Another's address, by somebody who may: it counts at once. Another's password is nobody's to set.
fn decide_address(
    user: &User,
    edit: &Edit,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), EditError> {
    if edit.password.is_some() || edit.current_password.is_some() {
        return Err(EditError::Forbidden);
    }
    match &edit.email {
        Some(Some(email)) if !is_same(user.email.as_ref(), email) => {
            set_address(email, decision);
            if edit.email_verified == Some(true) {
                decision.change.email_verified_at = Some(Some(now));
                decision.events.push(EventKind::EmailVerified);
            }
        }
        Some(None) if user.email.is_some() => {
            return Err(EditError::Invalid("email", required("an e-mail address")));
        }
        _ => {}
    }
    Ok(())
}

fn check_read_only(user: &User, edit: &Edit) -> Result<(), EditError> {
    if edit.id.as_ref().is_some_and(|id| *id != user.id.to_string()) {
        return Err(EditError::ReadOnly("id"));
    }
    let pending = user.pending_email.as_ref().map(Email::as_str);
    if edit.pending_email.as_ref().is_some_and(|given| given.as_deref() != pending) {
        return Err(EditError::ReadOnly("pending_email"));
    }
    Ok(())
}

fn decide_rights(
    by: By<'_>,
    user: &User,
    edit: &Edit,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), EditError> {
    let roles = edit.roles.as_ref().filter(|roles| **roles != user.roles);
    let active = edit.active.filter(|active| *active != user.is_active());
    // Of another's new address, what is said is about that one: `decide_address`.
    let is_about_new =
        !by.is(user.id) && matches!(&edit.email, Some(Some(new)) if !is_same(user.email.as_ref(), new));
    let verified =
        edit.email_verified.filter(|verified| *verified != user.email_verified_at.is_some() && !is_about_new);
    if roles.is_none() && active.is_none() && verified.is_none() {
        return Ok(());
    }
    if !by.may(Permission::UsersWrite) {
        return Err(EditError::Forbidden);
    }
    let mut after = user.clone();
    if let Some(roles) = roles {
        after.roles = roles.clone();
        decision.change.roles = Some(roles.clone());
        decision.events.push(EventKind::RolesChanged);
    }
    if let Some(active) = active {
        after.disabled_at = (!active).then_some(now);
        decision.events.push(if active { EventKind::UserEnabled } else { EventKind::UserDisabled });
        decision.change.disabled_at = Some(after.disabled_at);
        if !active {
            decision.change.end_sessions = Some(None);
        }
    }
    if let Some(verified) = verified {
        if verified && user.email.is_none() {
            let detail = "there is no e-mail address to be verified";
            return Err(EditError::Invalid("email_verified", Invalid::new("no_email", detail)));
        }
        decision.change.email_verified_at = Some(verified.then_some(now));
        decision.events.push(if verified { EventKind::EmailVerified } else { EventKind::EmailUnverified });
    }
    decision.change.administrators = match (user.is_administrator(), after.is_administrator()) {
        (false, true) => Some(Direction::Joins),
        (true, false) => Some(Direction::Leaves),
        _ => None,
    };
    Ok(())
}

fn decide_profile(user: &User, edit: &Edit, decision: &mut Decision) -> Result<(), EditError> {
    let change = &mut decision.change;
    change.first_name = edit.first_name.clone().filter(|name| *name != user.first_name);
    change.last_name = edit.last_name.clone().filter(|name| *name != user.last_name);
    change.locale = edit.locale.clone().filter(|locale| *locale != user.locale);
    change.metadata = edit.metadata.clone().filter(|metadata| *metadata != user.metadata);
    change.username = edit.username.clone().filter(|username| *username != user.username);
    if change.username == Some(None) && user.email.is_none() {
        return Err(EditError::Invalid("username", required("a username, where there is no e-mail address")));
    }
    if change.username.is_some() {
        decision.events.push(EventKind::UsernameChanged);
    }
    Ok(())
}

fn is_same(known: Option<&Email>, email: &Email) -> bool {
    known.is_some_and(|known| known.same(email))
}

fn required(what: &str) -> Invalid {
    Invalid::new("required", format!("{what} is needed to sign in"))
}

impl Change {
    fn unless_empty(self) -> Option<Self> {
        let is_empty = self.username.is_none()
            && self.email.is_none()
            && self.email_verified_at.is_none()
            && self.pending_email.is_none()
            && self.first_name.is_none()
            && self.last_name.is_none()
            && self.locale.is_none()
            && self.metadata.is_none()
            && self.roles.is_none()
            && self.disabled_at.is_none()
            && self.password.is_none()
            && self.end_sessions.is_none();
        (!is_empty).then_some(self)
    }
}
