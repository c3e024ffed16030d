//! What an edit changes in a user, and whether it may: quick, without a hash and without a store, so that it can be
//! decided again whenever the user has changed meanwhile.

use super::{Edit, EditError};
use crate::Keyward;
use crate::flows::tries::Try;
use crate::flows::{By, SignedIn};
use crate::policy::Verification;
use crate::records::{Change, Direction, EventKind, Undone, User};
use crate::values::{Email, Invalid, PasswordHash, Permission, Picture, Timestamp};

/// A change with the events that tell of it.
#[derive(Default)]
pub(super) struct Decision {
    pub(super) change: Change,
    pub(super) events: Vec<EventKind>,
    /// The picture that is nobody's afterwards.
    pub(super) leftover: Option<Picture>,
}

/// One's own new password and address, proven to be one's own wish. Proven for an epoch: a password that was changed
/// meanwhile voids the proof.
#[derive(Default)]
pub(super) struct Proven {
    pub(super) epoch: i64,
    pub(super) password: Option<PasswordHash>,
    pub(super) email: Option<Email>,
    /// The comparison of a password that is to be the new one, and so was not the present one: a failed try unless the
    /// change is made.
    pub(super) tried: Option<Try>,
}

/// What is to change, decided from the user as read. Refuses what is not permitted or not right.
pub(super) fn decide(
    by: By<'_>,
    user: &User,
    edit: &Edit,
    picture: Option<Option<Picture>>,
    proven: &Proven,
    keyward: &Keyward,
) -> Result<Decision, EditError> {
    if edit.if_version.is_some_and(|version| version != user.version) {
        return Err(EditError::Changed);
    }
    let mut decision = Decision::default();
    check_read_only(user, edit)?;
    decide_rights(by, user, edit, keyward.now(), &mut decision)?;
    decide_profile(user, edit, &mut decision)?;
    decide_picture(user, picture, &mut decision);
    match by {
        By::Person(person) if by.is(user.id) => {
            decide_secrets(person, user, proven, keyward.policy.verification, &mut decision)?;
        }
        _ => decide_address(user, edit, keyward.now(), &mut decision)?,
    }
    // What was decided from the user as read is written only to that user. Plain members need no such care: two who
    // edit different ones both get their way.
    if edit.if_version.is_some() || !decision.events.is_empty() {
        decision.change.if_version = Some(user.version);
    }
    Ok(decision)
}

/// Another picture, which hangs already, or none.
fn decide_picture(user: &User, picture: Option<Option<Picture>>, decision: &mut Decision) {
    let Some(picture) = picture.filter(|picture| *picture != user.picture) else { return };
    decision.change.picture = Some(picture);
    decision.leftover = user.picture;
    decision.events.push(if picture.is_some() {
        EventKind::PictureChanged
    } else {
        EventKind::PictureRemoved
    });
}

fn decide_secrets(
    person: &SignedIn,
    user: &User,
    proven: &Proven,
    verification: Verification,
    decision: &mut Decision,
) -> Result<(), EditError> {
    if proven.password.is_none() && proven.email.is_none() {
        return Ok(());
    }
    if user.epoch != proven.epoch {
        return Err(EditError::Wrong);
    }
    if let Some(hash) = &proven.password {
        decision.change.password = Some(Some(hash.clone()));
        decision.change.end_sessions.get_or_insert(Some(person.session.id));
        decision.events.push(EventKind::PasswordChanged);
    }
    match &proven.email {
        Some(email) if verification == Verification::Off => set_address(email, decision),
        Some(email) => {
            decision.change.pending_email = Some(Some(email.clone()));
            decision.events.push(EventKind::EmailChangeAsked);
        }
        None => {}
    }
    Ok(())
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
            // Whoever had the account by any address of before gets it back by asking, and not by a link.
            decision.change.undone = Some(Undone::all(now));
            if edit.email_verified == Some(true) {
                decision.change.email_verified_at = Some(Some(now));
                decision.events.push(EventKind::EmailVerified);
            }
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
    if edit.email == Some(None) && user.email.is_some() {
        return Err(EditError::Invalid("email", required("an e-mail address")));
    }
    change.username = edit.username.clone().filter(|username| *username != user.username);
    if change.username == Some(None) && user.email.is_none() {
        return Err(EditError::Invalid("username", required("a username, where there is no e-mail address")));
    }
    if change.username.is_some() {
        decision.events.push(EventKind::UsernameChanged);
    }
    Ok(())
}

pub(super) fn is_same(known: Option<&Email>, email: &Email) -> bool {
    known.is_some_and(|known| known.same(email))
}

fn required(what: &str) -> Invalid {
    Invalid::new("required", format!("{what} is needed to sign in"))
}

impl Change {
    pub(super) fn unless_empty(self) -> Option<Self> {
        let is_empty = self.username.is_none()
            && self.email.is_none()
            && self.email_verified_at.is_none()
            && self.pending_email.is_none()
            && self.first_name.is_none()
            && self.last_name.is_none()
            && self.locale.is_none()
            && self.picture.is_none()
            && self.metadata.is_none()
            && self.roles.is_none()
            && self.disabled_at.is_none()
            && self.password.is_none()
            && self.end_sessions.is_none()
            && self.undone.is_none();
        (!is_empty).then_some(self)
    }
}
