//! The service over a real socket, one file per flow or question. `app` is the harness; tests are named by the cases of
//! the security catalogue where there is one: `t_09_...` is case T-09.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this crate is nothing but tests")]

mod access_tokens;
mod administrators;
mod app;
mod audit;
mod authorization;
mod bodies;
mod browsers;
mod change_email;
mod change_password;
mod claims;
mod clocks;
mod codes;
mod conceal;
mod deadlines;
mod delete_user;
mod documents;
mod edit_user;
mod faults;
mod identities;
mod in_between;
mod inbox;
mod injection;
mod invite;
mod keys;
mod limits;
mod list_users;
mod login;
mod mail_links;
mod mails;
mod notices;
mod outages;
mod outbox;
mod passwords;
mod pictures;
mod post;
#[cfg(target_os = "linux")]
mod process;
mod protocol;
mod refresh;
mod register;
mod reset;
mod services;
mod sessions;
mod smtp;
mod stores;
mod tidy;
mod tries;
mod two_nodes;
mod undo_change;
mod verification;
mod verify;
