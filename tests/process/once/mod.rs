//! What is about SQLite's file, the command line or the machine, and the same whatever the store: these tests run on
//! SQLite always, and `./test` runs them once.

mod commands;
mod first_start;
mod flood;
mod misconfiguration;
mod sqlite_file;
