//! `keyward`: see [`keyward::commands`].

use std::process::ExitCode;

fn main() -> ExitCode {
    keyward::commands::run()
}
