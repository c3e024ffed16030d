//! `keyward keys`: the keys that sign access tokens. A running service learns of a new one within a second.

use super::out::Out;
use super::{Common, Failure, block_on, open};
use clap::Subcommand;
use keyward_auth::flows::{KeyState, KeysError};
use serde_json::json;

#[derive(Clone, Copy, Subcommand)]
pub(super) enum Keys {
    /// Every key of the algorithm in use
    #[command(after_help = "Example:\n  keyward keys list")]
    List,
    /// Add a key that signs 5 seconds from now; tokens of the old one stay good until they expire
    #[command(after_help = "Example:\n  keyward keys rotate")]
    Rotate,
}

pub(super) fn run(common: &Common, out: Out, command: Keys) -> Result<(), Failure> {
    let config = common.load()?;
    block_on(async {
        let keyward = open(&config, out).await?;
        if let Keys::Rotate = command {
            keyward.rotate_keys().await.map_err(Failure::refused)?;
        }
        let keys = match keyward.list_keys().await {
            Err(KeysError::Shared) => Vec::new(),
            keys => keys.map_err(Failure::refused)?,
        };
        let mut text = Vec::new();
        let mut values = Vec::new();
        for key in keys {
            let state = match key.state {
                KeyState::Coming => "coming",
                KeyState::Signing => "signing",
                KeyState::Verifying => "verifying",
                KeyState::Retired => "retired",
            };
            let until = key.verifies_until.map(|end| end.to_string());
            let end = until.as_ref().map(|end| format!(", verifies until {end}")).unwrap_or_default();
            text.push(format!(
                "{}  {}  {state:9}  signs from {}{end}",
                key.id, key.algorithm, key.signs_from
            ));
            values.push(json!({
                "kid": key.id, "algorithm": key.algorithm, "state": state, "created_at": key.created_at.to_string(),
                "signs_from": key.signs_from.to_string(), "verifies_until": until,
            }));
        }
        if text.is_empty() {
            text.push("HS256 signs with SECRET_KEY; there are no keys of our own".into());
        }
        out.answer(&text.join("\n"), &json!({ "keys": values }));
        Ok(())
    })
}
