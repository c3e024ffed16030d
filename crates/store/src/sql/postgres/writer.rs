//! Writes: a list of statements in one transaction, sent in as few round trips as its promises allow. Owns what is tried
//! again, and what must not be since it may have been done.

use super::error::{failed, is_of_connection, is_of_race, late, refused};
use super::pool::Pool;
use super::session::{Answer, Sent, Session};
use crate::sql::row::Cell;
use crate::sql::statement::{Done, Step, Steps};
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

/// Whatever the database's own default is: a lock that is waited for must show what the other one did.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// How often a list is tried that a race keeps from being applied.
const TRIES: u32 = 8;
/// The pause after the first of those, and so much more after each.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) struct Writers(Arc<Pool>);

/// Why a list was not applied.
enum Failure {
    /// Nothing of it is there, and nothing will be: a step missed.
    Missed(StoreError),
    /// Nothing of it is there, and nothing will be: the server says so, or was never told to commit.
    Undone(Error),
    /// The commit was sent, and its answer is not known.
    Unknown(Error),
}

impl Writers {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self(pool)
    }

    /// Applies all steps or none. A task of its own: it goes on when the caller no longer waits.
    pub(crate) async fn apply(&self, steps: Steps) -> Result<Done, StoreError> {
        if steps.0.is_empty() {
            return Ok(Done::default());
        }
        let pool = Arc::clone(&self.0);
        let write = tokio::spawn(async move { write(&pool, &steps.0).await });
        write.await.unwrap_or_else(|_| Err(StoreError::Backend("the write was cut short".into())))
    }
}

async fn write(pool: &Pool, steps: &[Step]) -> Result<Done, StoreError> {
    let deadline = Instant::now() + pool.link.timeout;
    let (mut tries, mut moved) = (1, false);
    loop {
        let session = pool.get(deadline).await?;
        let Ok(outcome) = timeout_at(deadline, apply(&session, steps)).await else {
            pool.give_up(session);
            return Err(late(pool.link.timeout));
        };
        if let Err(Failure::Undone(error) | Failure::Unknown(error)) = &outcome {
            pool.link.learn(&session, error);
        }
        pool.put_back(session);
        match outcome {
            Ok(done) => return Ok(done),
            Err(Failure::Missed(miss)) => return Err(miss),
            Err(Failure::Unknown(error)) => return Err(failed(&error)),
            Err(Failure::Undone(error)) if is_of_race(&error) && tries < TRIES => {
                tokio::time::sleep(PAUSE * tries).await;
                tries += 1;
            }
            Err(Failure::Undone(error)) if is_of_connection(&error) && !moved => moved = true,
            Err(Failure::Undone(error)) => return Err(refused(&error)),
        }
    }
}

async fn apply(session: &Session, steps: &[Step]) -> Result<Done, Failure> {
    let ready = session.all_ready(steps).await.map_err(Failure::Undone)?;
    // From here the connection is good for nothing else, until its end was answered.
    session.begin();
    if steps.len() == 1 {
        return alone(session, steps, ready).await;
    }
    // Waited for: should it fail, what was sent behind it would be done, each step on its own.
    session.command(BEGIN).await.map_err(Failure::Undone)?;
    if steps.iter().all(|step| step.miss.is_none()) {
        commit_at_once(session, steps, ready).await
    } else {
        look_and_commit(session, steps, ready).await
    }
}

/// One statement is whole by itself. It names its row by key where it must meet one, so a miss has changed nothing.
async fn alone(session: &Session, steps: &[Step], only: Vec<Sent<'_>>) -> Result<Done, Failure> {
    let answers = session.pipeline(only).await;
    if answers.iter().all(|answer| answer.as_ref().err().is_none_or(|error| error.as_db_error().is_some())) {
        session.rest();
    }
    read(steps, answers).map_err(|failure| match failure {
        Failure::Undone(error) if may_be_done(&error) => Failure::Unknown(error),
        failure => failure,
    })
}

/// Whether a statement that was answered so may have been done all the same: a server that crashes or a pooler that loses
/// its server speaks in the middle of whatever it is at.
fn may_be_done(error: &Error) -> bool {
    error.code().is_none_or(|code| *code == SqlState::CRASH_SHUTDOWN || code.code().starts_with("08"))
}

/// Where no count decides: all in one go.
async fn commit_at_once(session: &Session, steps: &[Step], mut sent: Vec<Sent<'_>>) -> Result<Done, Failure> {
    sent.push(Sent::Command("COMMIT"));
    let mut answers = session.pipeline(sent).await;
    let committed = answers.pop().unwrap_or_else(|| Ok(Answer::default()));
    if committed.is_ok() {
        session.rest();
    }
    let done = read(steps, answers).map_err(|failure| match failure {
        // COMMIT was sent as well: a broken line, or a pooler that lost its server, tells nothing of what was done.
        Failure::Undone(error) if may_be_done(&error) => Failure::Unknown(error),
        failure => failure,
    })?;
    committed.map_err(unless_refused)?;
    Ok(done)
}

async fn look_and_commit(session: &Session, steps: &[Step], sent: Vec<Sent<'_>>) -> Result<Done, Failure> {
    let done = read(steps, session.pipeline(sent).await);
    let end = session.command(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    if end.is_ok() {
        session.rest();
    }
    // Without an answer to ROLLBACK the connection is closed, which comes to the same.
    let done = done?;
    end.map_err(unless_refused)?;
    Ok(done)
}

/// A failed COMMIT of which the server says that it lost a race was none.
fn unless_refused(error: Error) -> Failure {
    if is_of_race(&error) { Failure::Undone(error) } else { Failure::Unknown(error) }
}

/// The first failure or miss, as if nothing had been sent after it.
fn read(steps: &[Step], answers: Vec<Result<Answer, Error>>) -> Result<Done, Failure> {
    let mut done = Done::default();
    for (step, answer) in steps.iter().zip(answers) {
        let answer = answer.map_err(Failure::Undone)?;
        match &step.miss {
            Some(miss) if answer.met != 1 => return Err(Failure::Missed(miss.clone())),
            _ => done.met += usize::try_from(answer.met).unwrap_or(usize::MAX),
        }
        if step.returns {
            done.rows = answer.rows.iter().map(kept).collect::<Result<_, _>>().map_err(Failure::Missed)?;
        }
    }
    Ok(done)
}

fn kept(row: &Row) -> Result<Vec<Value<'static>>, StoreError> {
    let cell = |column| {
        let value = row.try_get::<_, Cell<'_>>(column).ok().and_then(|cell| cell.owned());
        value.ok_or_else(|| {
            StoreError::Backend(format!("column {column} of a written row is of an unknown kind"))
        })
    };
    (0..row.len()).map(cell).collect()
}
