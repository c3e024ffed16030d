//! What is about SQLite's file, the command line or the machine, and the same whatever the store: these tests bring their
//! store, mostly SQLite, and `./test` runs them once.

#[cfg(feature = "mongodb")]
mod bad_mongo;
mod bad_stores;
mod commands;
mod compose;
mod container;
mod first_start;
mod flood;
mod mail_config;
mod misconfiguration;
mod pictures_folder;
mod readme;
mod replace;
mod shells;
mod shown;
mod sqlite_file;
