//! What people do: one file per thing, each a method of [`Keyward`](crate::Keyward) with a closed error of its own.
//! A flow decides, authorization included; it knows neither HTTP nor SQL.

mod ask;
mod authenticate;
mod change;
mod change_password;
mod codes;
mod create_user;
mod delete_user;
mod deliver;
mod edit_user;
mod events;
mod health;
mod introspect;
mod keys;
mod limit;
mod list_mails;
mod list_users;
mod login;
mod logout;
mod mails;
mod new_user;
mod pictures;
mod proof;
mod refresh;
mod register;
mod reset_password;
mod send_reset;
mod sessions;
mod setup;
mod sweep;
mod tries;
mod undo_change;
mod verify;
mod view_user;
mod who;

/// How often a change is decided again because the user changed meanwhile. Each time somebody else got through.
const MOST_TRIES: usize = 20;

pub use ask::AskError;
pub use authenticate::{AuthenticateError, SignedIn};
pub use change_password::{ChangePasswordError, PasswordChange};
pub use codes::{CodeError, LinkView};
pub use create_user::CreateError;
pub use delete_user::DeleteError;
pub use deliver::Reached;
pub use edit_user::{Edit, EditError};
pub use health::PartError;
pub use keys::{KeyState, KeysError, KnownKey};
pub use limit::{Class, Limited, Standing};
pub use list_mails::MailsError;
pub use list_users::ListError;
pub use login::{Attempt, Identifier, LoggedIn, LoginError};
pub use logout::LogoutError;
pub use new_user::{NewUser, NewUserError};
pub use pictures::{PictureError, PictureLinks};
pub use refresh::RefreshError;
pub use register::{RegisterError, Registered};
pub use reset_password::ResetError;
pub use send_reset::SendResetError;
pub use sessions::EndSessionsError;
pub use setup::{SetupError, SetupLink};
pub use who::{By, Caller, Forbidden, Target};
