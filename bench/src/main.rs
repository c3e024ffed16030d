//! `keyward-bench`: the yardsticks of `bench/run`, and the data that it measures on. Each subcommand is one file and
//! says what it prints; the configuration is read as `keyward` reads it.

mod bare;
#[cfg(feature = "mongodb")]
mod documents;
mod hash;
mod login;
mod mint;
mod picture;
mod seed;
mod unhashed;

use keyward::config::{Config, Sources};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

/// Whatever went wrong ends the program, as its text.
type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "usage: keyward-bench bare | hash SECONDS TASKS | seed USERS COLD-TOKENS PASSWORD | \
                     login PASSWORD < ADDRESSES | mint PASSWORD < USERS-AND-SESSIONS | picture FILE | \
                     paint FILE SECONDS | documents read|write SECONDS TASKS | copies COUNT | halves (built with --features mongodb)";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(stderr(), "keyward-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // As in `keyward serve`.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments[..] {
        ["bare"] => runtime.block_on(bare::run()),
        ["hash", seconds, tasks] => runtime.block_on(hash::run(seconds.parse()?, tasks.parse()?)),
        ["seed", users, cold, password] => {
            runtime.block_on(seed::run(users.parse()?, cold.parse()?, password))
        }
        ["login", password] => runtime.block_on(login::run(password)),
        ["picture", path] => picture::make(path),
        ["paint", path, seconds] => picture::paint(path, seconds.parse()?),
        ["mint", password] => runtime.block_on(mint::run(password)),
        #[cfg(feature = "mongodb")]
        ["documents", kind, seconds, tasks] => {
            runtime.block_on(documents::run(kind, seconds.parse()?, tasks.parse()?))
        }
        #[cfg(feature = "mongodb")]
        ["halves"] => runtime.block_on(documents::halves()),
        #[cfg(feature = "mongodb")]
        ["copies", count] => runtime.block_on(documents::copies(count.parse()?)),
        _ => Err(USAGE.into()),
    }
}

fn config() -> Result<Config, Failure> {
    let sources = Sources::of_process(None, Vec::new()).map_err(|problem| problem.to_string())?;
    Config::load(&sources).map_err(|problems| problems.to_string().into())
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
