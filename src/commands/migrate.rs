//! `keyward migrate`: brings the schema up to date and says what it did.

use super::out::Out;
use super::{Common, Failure};
use crate::system::SystemClock;
use crate::wiring::{self, StartError};
use keyward_auth::outside::Clock;
use serde_json::json;

pub(super) fn run(common: &Common, out: Out) -> Result<(), Failure> {
    let config = common.load()?;
    let database = wiring::database(&config)?;
    let applied = database.migrate(SystemClock.now()).map_err(StartError::from)?;
    let names: Vec<String> =
        applied.iter().map(|done| format!("{:04} {}", done.version, done.name)).collect();
    let text = match names.as_slice() {
        [] => "the schema is up to date".to_owned(),
        names => format!("applied {}", names.join(", ")),
    };
    out.answer(&text, &json!({ "applied": names }));
    Ok(())
}
