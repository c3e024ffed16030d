//! Access tokens for sessions that were put into the database by other means: reads a user's id and a session's id from
//! each line of standard input and prints a token for each.

use crate::{Failure, unhashed};
use keyward_auth::values::Password;
use std::io::{BufWriter, Write, stdin, stdout};

pub(crate) async fn run(password: &str) -> Result<(), Failure> {
    let password = Password::parse(password).map_err(|invalid| invalid.to_string())?;
    let keyward = unhashed::open(&password).await?;
    let mut out = BufWriter::new(stdout());
    for line in stdin().lines() {
        let line = line?;
        let (user, session) = line.split_once(' ').ok_or("a line is: USER SESSION")?;
        writeln!(out, "{}", unhashed::mint(&keyward, user.parse()?, session.parse()?)?)?;
    }
    Ok(out.flush()?)
}
