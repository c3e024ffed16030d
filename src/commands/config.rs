//! `keyward config`: whether the configuration is right, what is in force and where from, and a sample of all of it.

use super::out::Out;
use super::{Common, Failure};
use crate::config::{self, sample};
use crate::wiring::check_templates;
use clap::Subcommand;
use serde_json::json;

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Config {
    /// Say everything that is wrong with the configuration; exit code 1 if anything is
    #[command(after_help = "Example:\n  keyward config check --config /etc/keyward.toml")]
    Check,
    /// What is in force, and where each value comes from; secrets stay hidden
    #[command(after_help = "Example:\n  KEYWARD_TOKENS_ACCESS_TTL=5m keyward config show")]
    Show,
    /// A configuration file with every key, its meaning, default and environment name
    #[command(after_help = "Example:\n  keyward config sample > keyward.toml")]
    Sample,
}

pub(super) fn run(common: &Common, out: Out, command: Config) -> Result<(), Failure> {
    match command {
        Config::Check => {
            let config = common.load()?;
            check_templates(&config)?;
            let warnings = config.warnings();
            let mut text = vec!["the configuration is right".to_owned()];
            text.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
            out.answer(&text.join("\n"), &json!({ "ok": true, "warnings": warnings }));
        }
        Config::Show => {
            let config = common.load()?;
            let values: Vec<_> = config.effective.iter().map(effective).collect();
            out.answer(config.show().trim_end(), &json!({ "settings": values }));
        }
        Config::Sample => {
            let text = sample();
            out.answer(text.trim_end(), &json!({ "sample": text }));
        }
    }
    Ok(())
}

fn effective(setting: &config::Effective) -> serde_json::Value {
    json!({ "key": setting.path, "value": setting.value, "from": setting.place.to_string() })
}
