//! Signing in without the hash, one after another: reads e-mail addresses from standard input, a line each, and prints
//! one JSON object with how long a login took. All that a store has part in is in it; HTTP is not.

use crate::{Failure, say, unhashed};
use keyward_auth::flows::{Attempt, Caller, Identifier};
use keyward_auth::values::Password;
use serde_json::json;
use std::io::stdin;
use std::time::Instant;

pub(crate) async fn run(password: &str) -> Result<(), Failure> {
    let password = Password::parse(password).map_err(|invalid| invalid.to_string())?;
    let keyward = unhashed::open(&password).await?;
    let mut took = Vec::new();
    for address in stdin().lines() {
        let attempt = Attempt { identifier: Identifier::parse(&address?), password: password.clone() };
        let start = Instant::now();
        keyward.login(attempt, &Caller::default()).await?;
        took.push(start.elapsed().as_micros());
    }
    took.sort_unstable();
    let middle = took.get(took.len() / 2).ok_or("no e-mail address was given")?;
    say(&json!({"logins": took.len(), "p50_us": u64::try_from(*middle)?}).to_string())
}
