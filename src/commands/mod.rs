//! The command line: what can be asked for, with examples, and how an answer and a failure look. One file per command;
//! `keyward` alone is `keyward serve`.

mod config;
mod keys;
mod mail;
mod migrate;
mod out;
mod serve;
mod user;

use crate::config::{Config, Problems, Sources};
use crate::wiring::{self, StartError, World};
use clap::{Args, Parser, Subcommand};
use keyward_auth::Keyward;
use keyward_auth::values::Invalid;
use out::Out;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Parser)]
#[command(
    name = "keyward",
    version,
    about = "User accounts for people who build applications",
    after_help = "Examples:\n  keyward                                   start on 127.0.0.1:8000 with ./keyward-data\n  keyward config sample > keyward.toml      a configuration file to edit\n  echo \"$PASSWORD\" | keyward user create --email ada@example.com --role admin --password-stdin\n\nExit codes: 0 done, 1 refused or failed, 2 wrong usage."
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args, Clone)]
struct Common {
    /// The configuration file [default: keyward.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set a key of the configuration, over file and environment; may be given several times
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Start the service (the same as no command)
    #[command(
        after_help = "Examples:\n  keyward serve\n  PORT=8080 keyward serve --config /etc/keyward.toml"
    )]
    Serve,
    /// Bring the database's schema up to date (serve does it, too)
    #[command(after_help = "Example:\n  keyward migrate --json")]
    Migrate,
    /// Create, see and change users
    #[command(subcommand, after_help = "Example:\n  keyward user show ada@example.com")]
    User(user::User),
    /// See and retry mails, and send a test mail
    #[command(subcommand, after_help = "Example:\n  keyward mail list --state dead")]
    Mail(mail::Mail),
    /// See and rotate the keys that sign access tokens
    #[command(subcommand, after_help = "Example:\n  keyward keys list")]
    Keys(keys::Keys),
    /// Check, show and make configurations
    #[command(subcommand, after_help = "Example:\n  keyward config check")]
    Config(config::Config),
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Config(#[from] Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    /// Refused by a rule, or failed; the sentence says what to do.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    fn refused(reason: impl std::fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

/// Runs what the arguments ask for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let out = Out { json: cli.common.json };
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&cli.common, out),
        Command::Migrate => migrate::run(&cli.common, out),
        Command::User(command) => user::run(&cli.common, out, command),
        Command::Mail(command) => mail::run(&cli.common, out, command),
        Command::Keys(command) => keys::run(&cli.common, out, command),
        Command::Config(command) => config::run(&cli.common, out, command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

impl Common {
    fn sources(&self) -> Result<Sources, Failure> {
        Ok(Sources::of_process(self.config.as_deref(), self.set.clone()).map_err(Problems::from)?)
    }

    fn load(&self) -> Result<Config, Failure> {
        Ok(Config::load(&self.sources()?)?)
    }
}

/// What somebody gave under this name, as the value that it must be.
fn value<T>(name: &str, parsed: Result<T, Invalid>) -> Result<T, Failure> {
    parsed.map_err(|invalid| Failure::Refused(format!("{name}: {invalid}")))
}

/// The same of a flag that may be left out.
fn parsed<T>(
    flag: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, Failure> {
    text.map(|text| value(flag, parse(text))).transpose()
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').ok_or("write it as KEY=VALUE, such as server.listen=127.0.0.1:9000")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The rules over the configured store. A command in another folder than the service would else work on a database of
/// its own unnoticed.
async fn open(config: &Config, out: Out) -> Result<Arc<Keyward>, Failure> {
    let made = config.store.url.file().filter(|file| !file.exists());
    let keyward = wiring::open(config, config.server.listen, World::real(config)?).await?.keyward;
    if let Some(file) = made {
        out.note(&format!("made a new database, {}", file.display()));
    }
    Ok(keyward)
}

/// Runs one short command's work to its end.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    runtime.block_on(work)
}
