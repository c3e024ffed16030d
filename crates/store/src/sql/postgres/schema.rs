//! Applying migrations to a server. Which are due is `migrate.rs`'s; here is how several nodes that start at once agree:
//! a migration's line in `keyward_migrations` is its first statement, so that whoever comes second waits at the primary
//! key, and then finds it done. No lock but of rows, so it goes through PgBouncer too.

use super::error::is_of_race;
use super::session::Session;
use crate::MigrationStatus;
use crate::sql::SchemaError;
use crate::sql::migrate::{self, Applied, Migration, TABLE};
use crate::sql::row::{Row, Unreadable};
use crate::sql::value::Value;
use keyward_auth::values::Timestamp;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// How often one that lost a race looks again, and the pause before it does.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

const LINES: &str = "SELECT version, name, checksum, applied_at FROM keyward_migrations ORDER BY version";
const LINE: &str =
    "INSERT INTO keyward_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";

/// Why the schema is not as it should be.
pub(super) enum Failure {
    Schema(SchemaError),
    Unreadable,
    Server(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<SchemaError> for Failure {
    fn from(error: SchemaError) -> Self {
        Self::Schema(error)
    }
}

pub(super) async fn status(session: &Session, known: &[Migration]) -> Result<Vec<MigrationStatus>, Failure> {
    let lines = applied(session).await?.unwrap_or_default();
    Ok(migrate::status(known, &lines)?)
}

pub(super) async fn migrate(
    session: &Session,
    known: &[Migration],
    now: Timestamp,
) -> Result<Vec<MigrationStatus>, Failure> {
    let (mut made, mut tries) = (Vec::new(), 0);
    loop {
        let lines = applied(session).await?;
        let due = migrate::pending(known, lines.as_deref().unwrap_or_default())?;
        let Some(next) = due.first() else { return Ok(made) };
        let done = match lines {
            Some(_) => apply(session, next, now).await,
            None => session.command(&worded(TABLE)).await.map(|()| false),
        };
        match done {
            Ok(true) => made.push(MigrationStatus {
                version: next.version,
                name: next.name.to_owned(),
                applied_at: Some(now),
            }),
            Ok(false) => {}
            // Of two who make the same thing at once one is told so, in several ways.
            Err(error) if tries < TRIES && (is_of_race(&error) || is_there(&error)) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_there(error: &Error) -> bool {
    let there = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    error.code().is_some_and(|code| there.contains(code))
}

/// One migration with its line. `false` if somebody else was first.
async fn apply(session: &Session, own: &Migration, now: Timestamp) -> Result<bool, Error> {
    let line: [Value<'_>; 4] = [own.version.into(), own.name.into(), own.checksum().into(), now.into()];
    session.command("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let done = match session.query(LINE, &line).await {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
        Err(error) => Err(error),
        Ok(_) => session.command(&worded(own.text)).await.map(|()| true),
    };
    let end = if matches!(done, Ok(true)) { "COMMIT" } else { "ROLLBACK" };
    let ended = session.command(end).await;
    done.and_then(|done| ended.map(|()| done))
}

/// What has been applied, in order; `None` where there is no such table.
async fn applied(session: &Session) -> Result<Option<Vec<Applied>>, Failure> {
    let answer = match session.query(LINES, &[]).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(None),
        answer => answer?,
    };
    let line = |row: &tokio_postgres::Row| -> Result<Applied, Unreadable> {
        let row = Row::Postgres(row, 0);
        Ok(Applied {
            version: row.int(0)?,
            name: row.text(1)?.to_owned(),
            checksum: row.text(2)?.to_owned(),
            at: row.time(3)?,
        })
    };
    answer.rows.iter().map(line).collect::<Result<_, _>>().map(Some).map_err(|_| Failure::Unreadable)
}

/// The text of a migration in PostgreSQL's words. Texts compare byte by byte: cursors and searches by prefix rest on it,
/// and a database's own order changes with the system's libraries.
fn worded(text: &str) -> String {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let mut worded = String::with_capacity(text.len() * 2);
    for piece in text.split_inclusive(|sign| !is_part(sign)) {
        let word = piece.trim_end_matches(|sign| !is_part(sign));
        worded.push_str(match word {
            "TEXT" => r#"TEXT COLLATE "C""#,
            "BLOB" => "BYTEA",
            other => other,
        });
        worded.push_str(&piece[word.len()..]);
    }
    worded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_replaced() {
        let text = "a TEXT NOT NULL,\nb BLOB, c TEXT);\nTEXTS BLOB_ BIGINT 'text'";
        let expected =
            "a TEXT COLLATE \"C\" NOT NULL,\nb BYTEA, c TEXT COLLATE \"C\");\nTEXTS BLOB_ BIGINT 'text'";
        assert_eq!(worded(text), expected);
    }
}
