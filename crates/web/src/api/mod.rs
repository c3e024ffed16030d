//! The JSON endpoints: one file per flow; what people see is in [`pages`](crate::pages). A handler reads values, calls one
//! flow, and maps its closed error to a [`Problem`](crate::problem::Problem) by an exhaustive match.

pub(crate) mod ask;
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
pub(crate) mod pictures;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod reset_password;
pub(crate) mod send_reset;
pub(crate) mod sessions;
mod tokens;
pub(crate) mod users;
pub(crate) mod verify;
mod view;

pub use view::user_json;
pub(crate) use view::{json, shown};
