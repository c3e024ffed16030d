//! `keyward migrate`: brings the schema up to date and says what it did.

use super::out::Out;
use super::{Common, Failure, block_on};
use crate::system::SystemClock;
use crate::wiring::Database;
use keyward_auth::outside::Clock;
use serde_json::json;

pub(super) fn run(common: &Common, out: Out) -> Result<(), Failure> {
    let config = common.load()?;
    let applied = block_on(async {
        let database = Database::open(&config).await?;
        Ok(database.migrate(SystemClock.now()).await?)
    })?;
    let names: Vec<String> =
        applied.iter().map(|done| format!("{:04} {}", done.version, done.name)).collect();
    let text = match names.as_slice() {
        [] => "the schema is up to date".to_owned(),
        names => format!("applied {}", names.join(", ")),
    };
    out.answer(&text, &json!({ "applied": names }));
    Ok(())
}
