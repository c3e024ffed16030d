//! The one writer: a thread that takes what waits, runs each job in a savepoint of one transaction, commits once, and
//! then answers all. So a write is durable when it is answered, and many writers share the price of a commit.
//!
//! A job that was taken runs to its end whether or not its caller still waits. A refused or panicking job takes no other
//! with it; a failure that rolls back the transaction fails every job in it, refusals too, since those may rest on what
//! was rolled back.

use super::error::{failed, refused};
use super::identity::{Identity, identity};
use super::open::command;
use super::reader::Readers;
use crate::sql::statement::{Done, Steps};
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// How many jobs may wait. More means that the disk does not keep up, and a prompt error is better than a long wait.
pub(super) const QUEUE: usize = 4096;
/// How many jobs share a commit, so that the first of them need not wait for ever.
const BATCH: usize = 256;

pub(crate) type Work = Box<dyn FnOnce(&Connection) -> Result<Done, StoreError> + Send>;
type Answer = oneshot::Sender<Result<Done, StoreError>>;

struct Job {
    work: Work,
    answer: Answer,
}

pub(crate) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, readers: Arc<Readers>, path: PathBuf) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let file = identity(&path)?;
        let thread = thread::Builder::new().name("keyward-writer".into()).spawn(move || {
            write(&connection, &readers, &Home { path, file }, &jobs);
            // The connection that can write goes last: it brings what is in the WAL into the file.
            drop(readers);
            drop(connection);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(crate) async fn run(&self, work: Work) -> Result<Done, StoreError> {
        let ended = || StoreError::Backend("the writer has ended".into());
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.try_send(Job { work, answer }).map_err(|refusal| match refusal {
            TrySendError::Full(_) => StoreError::Backend("too many writes are waiting".into()),
            TrySendError::Disconnected(_) => ended(),
        })?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Writer {
    /// Waits until what was asked for is written and the file is closed.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It has no panic of its own to tell of.
            let _ = thread.join();
        }
    }
}

/// Where the database was when it was opened.
struct Home {
    path: PathBuf,
    file: Identity,
}

impl Home {
    /// A file that was removed or replaced could be written on and on, and nobody would ever find that again.
    fn check(&self) -> Result<(), StoreError> {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            return Ok(());
        }
        let path = self.path.display();
        Err(StoreError::Backend(format!(
            "{path} is no longer the file that was opened; put it back, or restart"
        )))
    }
}

fn write(connection: &Connection, readers: &Readers, home: &Home, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        for (answer, done) in readers.while_writing(|| run_batch(connection, home, batch, jobs)) {
            // Whoever no longer waits misses nothing but the answer.
            let _ = answer.send(done);
        }
    }
}

/// Runs the jobs and commits; what each is to be told.
fn run_batch(
    connection: &Connection,
    home: &Home,
    mut batch: Vec<Job>,
    later: &Receiver<Job>,
) -> Vec<(Answer, Result<Done, StoreError>)> {
    let begin = || command(connection, "BEGIN IMMEDIATE").map_err(|error| failed(&error));
    let mut outcome = home.check().and_then(|()| begin());
    if outcome.is_err() {
        // Who came while this waited for the lock would wait as long again.
        batch.extend(later.try_iter());
    }
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        let done = match &outcome {
            Ok(()) => run_job(connection, job.work),
            Err(error) => Err(error.clone()),
        };
        if outcome.is_ok() && connection.is_autocommit() {
            // After a full disk or an I/O error there may be no transaction any more, nor what was done in it.
            let cause = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
            outcome =
                Err(StoreError::Backend(format!("rolled back together with a write that failed: {cause}")));
        }
        answers.push((job.answer, done));
    }
    if outcome.is_ok() {
        outcome = command(connection, "COMMIT").map_err(|error| failed(&error));
    }
    if outcome.is_err() && !connection.is_autocommit() {
        let _ = command(connection, "ROLLBACK");
    }
    answers.into_iter().map(|(answer, done)| (answer, outcome.clone().and(done))).collect()
}

/// Runs a job in a savepoint of its own. If not even that can be undone, the transaction is given up, which the caller
/// sees by `is_autocommit`.
fn run_job(connection: &Connection, work: Work) -> Result<Done, StoreError> {
    command(connection, "SAVEPOINT job").map_err(|error| refused(&error))?;
    let done = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| {
        tracing::error!("a write panicked");
        Err(StoreError::Backend("the write panicked".into()))
    });
    let done = done.and_then(|done| {
        command(connection, "RELEASE job").map_err(|error| refused(&error))?;
        Ok(done)
    });
    if done.is_err() && !connection.is_autocommit() {
        let undone = command(connection, "ROLLBACK TO job").and_then(|()| command(connection, "RELEASE job"));
        if undone.is_err() {
            let _ = command(connection, "ROLLBACK");
        }
    }
    done
}

/// Runs the steps in order; the first that misses or fails ends it, and the savepoint around undoes the rest.
pub(crate) fn apply(connection: &Connection, steps: &Steps) -> Result<Done, StoreError> {
    let mut done = Done::default();
    for step in &steps.0 {
        let mut statement =
            connection.prepare_cached(&step.text.for_sqlite()).map_err(|error| refused(&error))?;
        let values = params_from_iter(&step.values);
        let met = if statement.column_count() == 0 {
            statement.execute(values).map_err(|error| refused(&error))?
        } else {
            let columns = statement.column_count();
            let mut found = Vec::new();
            let mut rows = statement.query(values).map_err(|error| refused(&error))?;
            while let Some(row) = rows.next().map_err(|error| refused(&error))? {
                found.push((0..columns).map(|column| owned(row, column)).collect::<Result<Vec<_>, _>>()?);
            }
            let met = found.len();
            if step.returns {
                done.rows = found;
            }
            met
        };
        match &step.miss {
            Some(miss) if met != 1 => return Err(miss.clone()),
            _ => done.met += met,
        }
    }
    Ok(done)
}

fn owned(row: &rusqlite::Row<'_>, column: usize) -> Result<Value<'static>, StoreError> {
    let unknown = || StoreError::Backend(format!("column {column} of a written row is of an unknown kind"));
    Ok(match row.get_ref(column).map_err(|error| refused(&error))? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8(text.to_owned()).map_err(|_| unknown())?.into(),
        ValueRef::Blob(bytes) => bytes.to_owned().into(),
        ValueRef::Real(_) => return Err(unknown()),
    })
}
