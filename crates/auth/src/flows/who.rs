//! Who acts, from where, on whom.

use super::{AuthenticateError, SignedIn};
use crate::Keyward;
use crate::records::{Actor, StoreError, User};
use crate::values::{AcceptLanguage, Permission, UserId, Username};
use std::net::IpAddr;

/// Where a request comes from; for sessions and the audit log.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub address: Option<IpAddr>,
    pub agent: Option<String>,
    /// For mails that this causes.
    pub languages: Option<AcceptLanguage>,
    pub request_id: Option<String>,
}

/// On whose behalf a flow runs.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// A person, with what that person's roles permit at this moment.
    Person(&'a SignedIn),
    /// Whoever runs the command line beside the database, and may do everything.
    Operator,
}

/// The person lacks a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not permitted")]
pub struct Forbidden;

impl By<'_> {
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Person(person) => person.user.may(permission),
            Self::Operator => true,
        }
    }

    pub(super) fn must(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.may(permission) { Ok(()) } else { Err(Forbidden) }
    }

    pub(super) fn must_be_operator(&self) -> Result<(), Forbidden> {
        if matches!(self, Self::Operator) { Ok(()) } else { Err(Forbidden) }
    }

    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Person(person) => Actor::User(person.user.id),
            Self::Operator => Actor::Operator,
        }
    }

    /// The person, if it is this user.
    pub(super) fn is(&self, user: UserId) -> bool {
        matches!(self, Self::Person(person) if person.user.id == user)
    }
}

/// The user that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Id(UserId),
    Username(Username),
    /// A name that nobody can have.
    Nobody,
}

impl Target {
    /// An id or a username; anything else names nobody.
    pub fn parse(text: &str) -> Self {
        match (text.parse(), Username::parse(text)) {
            (Ok(id), _) => Self::Id(id),
            (_, Ok(username)) => Self::Username(username),
            _ => Self::Nobody,
        }
    }

    fn names(&self, user: &User) -> bool {
        match self {
            Self::Id(id) => *id == user.id,
            Self::Username(username) => user.username.as_ref() == Some(username),
            Self::Nobody => false,
        }
    }
}

impl Keyward {
    /// Whoever acts, as one is now: what the roles permit may have changed since the request began. `None` for the
    /// operator, who does not change.
    pub(super) async fn again(&self, by: By<'_>) -> Result<Option<SignedIn>, AuthenticateError> {
        match by {
            By::Person(person) => self.still(person).await.map(Some),
            By::Operator => Ok(None),
        }
    }

    /// The user, if it is oneself or the permission is there. `None` alike for the absent and for what is not yours:
    /// who lacks the permission learns nothing about others.
    pub(super) async fn self_or(
        &self,
        by: By<'_>,
        permission: Permission,
        target: &Target,
    ) -> Result<Option<User>, StoreError> {
        match by {
            By::Person(person) if target.names(&person.user) => Ok(Some(person.user.clone())),
            _ if by.may(permission) => self.find(target).await,
            _ => Ok(None),
        }
    }

    pub(super) async fn find(&self, target: &Target) -> Result<Option<User>, StoreError> {
        match target {
            Target::Id(id) => self.store.users.by_id(*id).await,
            Target::Username(username) => self.store.users.by_username(username).await,
            Target::Nobody => Ok(None),
        }
    }
}
