//! Fills a database through Keyward's own flows: users who registered and signed in, each with one session. Only the
//! hashing is left out. Prints a line for each user: e-mail address, access token, refresh token; then, with `-` in place of both
//! others, further access tokens of the same sessions.

use crate::{Failure, unhashed};
use keyward_auth::Keyward;
use keyward_auth::flows::{Attempt, Caller, Identifier, NewUser};
use keyward_auth::values::{Email, Password};
use std::io::{BufWriter, Write, stdout};
use tokio::task::JoinSet;

/// How many users are made at a time: a commit takes many with it.
const AT_A_TIME: usize = 256;

/// E-mail address, access token, refresh token.
type Made = (String, String, String);

pub(crate) async fn run(users: usize, cold: usize, password: &str) -> Result<(), Failure> {
    let password = Password::parse(password).map_err(|invalid| invalid.to_string())?;
    let keyward = unhashed::open(&password).await?;
    let mut out = BufWriter::new(stdout());
    let mut running = JoinSet::new();
    let mut sessions = Vec::new();
    for number in 0..users {
        if running.len() == AT_A_TIME
            && let Some(made) = running.join_next().await
        {
            sessions.push(written(&mut out, made??)?);
        }
        let (keyward, password) = (keyward.clone(), password.clone());
        // A String, since what may travel between threads must say so.
        running.spawn(async move {
            make(&keyward, number, password).await.map_err(|failure| failure.to_string())
        });
    }
    while let Some(made) = running.join_next().await {
        sessions.push(written(&mut out, made??)?);
    }
    for token in sessions.iter().cycle().take(cold) {
        writeln!(out, "-\t{}\t-", another(&keyward, token)?)?;
    }
    Ok(out.flush()?)
}

async fn make(keyward: &Keyward, number: usize, password: Password) -> Result<Made, Failure> {
    let address = format!("bench{number}@example.com");
    let email = Email::parse(&address).map_err(|invalid| invalid.to_string())?;
    let caller = Caller::default();
    keyward.register(NewUser::with(Some(email), password.clone()), &caller).await?;
    let attempt = Attempt { identifier: Identifier::parse(&address), password };
    let tokens = keyward.login(attempt, &caller).await?;
    Ok((address, tokens.access_token, tokens.refresh_token))
}

/// Writes the line; the access token is needed once more.
fn written(out: &mut impl Write, (address, access, refresh): Made) -> Result<String, Failure> {
    writeln!(out, "{address}\t{access}\t{refresh}")?;
    Ok(access)
}

/// Another access token of the session that this one names, as a refresh would give.
fn another(keyward: &Keyward, token: &str) -> Result<String, Failure> {
    let known =
        keyward.tokens.access.verify(token, keyward.clock.now()).ok_or("a token of ours is not good")?;
    unhashed::mint(keyward, known.user, known.session)
}
