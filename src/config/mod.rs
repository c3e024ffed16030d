//! The whole configuration of the binary. `settings` is the one table of what can be set; the other files say where
//! values come from and how they are read. Nothing inside the crates sees this: it is translated to their own small
//! settings, and only `wiring` does that.

mod dotenv;
mod layers;
mod mail;
mod master;
mod origin;
mod pictures;
mod problem;
mod readers;
mod report;
mod rules;
mod secret;
mod settings;
mod sources;
mod store_url;
mod toml_file;
mod values;

#[cfg(test)]
mod tests;

pub use layers::{Effective, Place};
pub use master::{Master, MasterFrom, lacks_key_file, make_folder, master};
pub use origin::Origin;
pub use pictures::PicturePlace;
pub use problem::{Problem, Problems};
pub use report::{check, sample};
pub use secret::Secret;
pub use settings::{
    Accounts, Audit, Config, Hashing, Http, Introspection, Log, Mail, Passwords, Pictures, Policy, Product,
    RedisStore, Secrets, Server, Sessions, Store, Tokens,
};
pub use sources::Sources;
pub use store_url::StoreUrl;
pub use values::{Caller, InboxChoice, LogFormat, PasswordAlgorithm, Registration, UnknownFields};
