//! Roles and what they permit. A role is a name; what it permits is looked up when it matters, so that a change acts
//! on the next request.

use super::Invalid;
use std::fmt;

/// One thing that somebody may be allowed to do, as `noun:verb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    UsersRead,
    UsersWrite,
    UsersDelete,
    TokensIntrospect,
}

impl Permission {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::UsersDelete => "users:delete",
            Self::TokensIntrospect => "tokens:introspect",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a role. Built in are `user`, which permits nothing beyond oneself, and `admin`, which permits all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(String);

impl Role {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "user" | "admin" => Ok(Self(text.to_owned())),
            _ => Err(Invalid::new("unknown_role", "the roles are user and admin")),
        }
    }

    pub fn user() -> Self {
        Self("user".into())
    }

    pub fn admin() -> Self {
        Self("admin".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn permits(&self, _permission: Permission) -> bool {
        self.0 == "admin"
    }
}

/// A set of roles, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Vec<Role>);

impl Roles {
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut roles: Vec<Role> = roles.into_iter().collect();
        roles.sort();
        roles.dedup();
        Self(roles)
    }

    /// Takes back what a store kept. A name that is known no more stays, and permits nothing.
    pub fn stored<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(names.into_iter().map(|name| Role(name.to_owned())))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.iter()
    }

    pub fn contains(&self, role: &str) -> bool {
        self.0.iter().any(|r| r.as_str() == role)
    }

    pub fn permit(&self, permission: Permission) -> bool {
        self.0.iter().any(|role| role.permits(permission))
    }
}
