//! The binary's own library: configuration, hashing, logging, commands, and the wiring of them all. Rules are in
//! `keyward_auth`, databases in `keyward_store`, HTTP in `keyward_web`.

pub mod commands;
pub mod config;
pub mod hashing;
pub mod logging;
pub mod system;
pub mod wiring;
