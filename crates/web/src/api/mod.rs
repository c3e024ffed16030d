//! The JSON endpoints and the set-up page: one file per flow. A handler reads values, calls one flow, and maps its
//! closed error to a [`Problem`](crate::problem::Problem) by an exhaustive match.

pub(crate) mod change_password;
pub(crate) mod check;
pub(crate) mod create_user;
pub(crate) mod delete_user;
pub(crate) mod edit_user;
pub(crate) mod health;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod sessions;
pub(crate) mod setup;
mod tokens;
pub(crate) mod users;
mod view;

pub use view::user_json;
