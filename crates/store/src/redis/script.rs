//! Lua that Redis runs as one step on one key: named by its digest, and sent whole only where Redis does not know it
//! yet, as after a restart.

use super::connection::Connection;
use super::trouble::Failure;
use redis::{Cmd, Pipeline, ToRedisArgs, Value};

pub(super) struct Script {
    text: &'static str,
    digest: String,
}

impl Script {
    pub(super) fn new(text: &'static str) -> Self {
        Self { text, digest: redis::Script::new(text).get_hash().to_owned() }
    }

    /// What the script returns, run on `key` with `arguments` as its `ARGV`.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        key: &str,
        arguments: impl ToRedisArgs,
    ) -> Result<Value, Failure> {
        match connection.ask(&command("EVALSHA", &self.digest, key, &arguments)).await {
            Err(Failure::NoScript) => connection.ask(&command("EVAL", self.text, key, &arguments)).await,
            done => done,
        }
    }

    /// The same for many, each with its own key and arguments, sent together.
    pub(super) async fn run_each(
        &self,
        connection: &Connection,
        runs: &[(String, impl ToRedisArgs)],
    ) -> Result<Vec<Value>, Failure> {
        let all = |name, script: &str| {
            let mut commands = Pipeline::with_capacity(runs.len());
            for (key, arguments) in runs {
                commands.add_command(command(name, script, key, arguments));
            }
            commands
        };
        match connection.ask_all(&all("EVALSHA", &self.digest)).await {
            // What is not known is not known to any of them: nothing was run.
            Err(Failure::NoScript) => connection.ask_all(&all("EVAL", self.text)).await,
            done => done,
        }
    }
}

fn command(name: &'static str, script: &str, key: &str, arguments: &impl ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(1).arg(key).arg(arguments);
    command
}
