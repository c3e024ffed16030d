//! What `keyward config` prints: the sample file, the values in effect, and what is wrong.

use super::layers::written;
use super::problem::Problem;
use super::settings::{Config, Key, keys};
use super::sources::Sources;
use std::fmt::Write as _;

/// A `keyward.toml` in which every key is explained and none is set.
pub fn sample() -> String {
    let mut text = String::from(
        "# The configuration of Keyward. Every key stands here with its default; take away the `#` to set one.\n\
         # What overrules what: defaults < this file < .env < environment < flags.\n\
         # Durations are 250ms, 10s, 15m, 24h, 30d, or a number of seconds. A list in the environment has commas.\n",
    );
    let mut section = "";
    for key in keys() {
        if key.section != section {
            section = key.section;
            let about = comment(key.section_meaning);
            let _ = write!(text, "\n{about}[{section}]\n");
        }
        let name = key.path.split_once('.').map_or(key.path, |(_, name)| name);
        let about = comment(key.meaning);
        let _ = write!(text, "\n{about}# {}\n# {name} = {}\n", facts(&key), written(key.shape, key.default));
    }
    text
}

/// `Accepts: a duration from 10s to 1d. Environment: KEYWARD_TOKENS_ACCESS_TTL.`
fn facts(key: &Key) -> String {
    let plain = key.plain.iter().map(|plain| format!(" or {plain}")).collect::<String>();
    let unset = if key.default.is_empty() { " Not set by default." } else { "" };
    format!("Accepts: {}.{unset} Environment: {}{plain}.", key.accepts, key.variable())
}

fn comment(lines: &[&str]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "#{line}");
        text
    })
}

/// Everything that is wrong; empty where the service would start.
pub fn check(sources: &Sources) -> Vec<Problem> {
    Config::load(sources).err().map_or_else(Vec::new, |problems| problems.0)
}

impl Config {
    /// The values in effect and where each came from, a line each; secrets only as being set.
    pub fn show(&self) -> String {
        self.effective.iter().fold(String::new(), |mut text, key| {
            let _ = writeln!(text, "{:<58} # {}", format!("{} = {}", key.path, key.value), key.place);
            text
        })
    }
}
