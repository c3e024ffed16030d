//! One connection: its prepared statements, and sending several statements before the first answer. Owns whether it may
//! be used again; knows no record, and retries nothing.

use super::wire::Bound;
use crate::sql::statement::Step;
use crate::sql::value::Value;
use futures_util::TryStreamExt;
use futures_util::future::{MaybeDone, maybe_done};
use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Error, Row, Statement};

/// How many statements a connection keeps prepared. The texts of the record files are some sixty; changes of users and
/// lists of them add one for each set of columns that occurs.
const PREPARED: usize = 256;

pub(super) struct Session {
    pub(super) client: Client,
    /// `None` where nothing may be prepared: behind PgBouncer the next statement may run on another connection.
    prepared: Option<Mutex<HashMap<String, Statement>>>,
    /// Of which time this is, see `Link`.
    pub(super) generation: u64,
    /// Up to which doubt it has proven itself, see `Link`.
    pub(super) trusted: AtomicU64,
    /// In a transaction, or in a state that nobody knows.
    busy: AtomicBool,
    task: AbortHandle,
}

/// What a statement brought.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Row>,
    /// How many rows it met.
    pub(super) met: u64,
}

/// What is sent.
pub(super) enum Sent<'s> {
    /// Without values: `BEGIN`, `COMMIT`.
    Command(&'s str),
    Prepared(Statement, &'s [Value<'s>]),
    Text(&'s str, &'s [Value<'s>]),
}

impl Session {
    pub(super) fn new(client: Client, task: AbortHandle, generation: u64, prepares: bool) -> Self {
        Self {
            client,
            prepared: prepares.then(Mutex::default),
            generation,
            trusted: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            task,
        }
    }

    /// From here to [`rest`](Self::rest) nobody else may have it.
    pub(super) fn begin(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    pub(super) fn rest(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.busy.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Runs one statement.
    pub(super) async fn query(&self, text: &str, values: &[Value<'_>]) -> Result<Answer, Error> {
        self.send(self.ready(text, values).await?).await
    }

    /// A statement that can be sent without a further question to the server.
    pub(super) async fn ready<'s>(&self, text: &'s str, values: &'s [Value<'s>]) -> Result<Sent<'s>, Error> {
        let Some(prepared) = &self.prepared else { return Ok(Sent::Text(text, values)) };
        let lock = || prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock().get(text).cloned();
        if let Some(statement) = found {
            return Ok(Sent::Prepared(statement, values));
        }
        let statement = self.client.prepare(text).await?;
        let full = {
            let mut prepared = lock();
            let full =
                if prepared.len() >= PREPARED { std::mem::take(&mut *prepared) } else { HashMap::new() };
            prepared.insert(text.to_owned(), statement.clone());
            full
        };
        drop(full);
        Ok(Sent::Prepared(statement, values))
    }

    /// All steps, ready to be sent. What is not prepared yet is so in one go.
    pub(super) async fn all_ready<'s>(&self, steps: &'s [Step]) -> Result<Vec<Sent<'s>>, Error> {
        let each = steps.iter().map(|step| self.ready(step.text.for_postgres(), &step.values));
        in_one_go(each).await.into_iter().collect()
    }

    /// Sends all in order before it waits for the first answer.
    pub(super) async fn pipeline(&self, all: Vec<Sent<'_>>) -> Vec<Result<Answer, Error>> {
        in_one_go(all.into_iter().map(|one| self.send(one))).await
    }

    pub(super) async fn command(&self, text: &str) -> Result<(), Error> {
        self.client.batch_execute(text).await
    }

    /// Sends at the first poll.
    async fn send(&self, one: Sent<'_>) -> Result<Answer, Error> {
        let rows = match one {
            Sent::Command(text) => {
                self.command(text).await?;
                return Ok(Answer::default());
            }
            Sent::Prepared(statement, values) => {
                self.client.query_raw(&statement, values.iter().map(Bound)).await?
            }
            Sent::Text(text, values) => {
                let values = values.iter().map(|value| (Bound(value), Bound(value).kind()));
                self.client.query_typed_raw(text, values).await?
            }
        };
        let mut rows = pin!(rows);
        let mut answer = Answer::default();
        while let Some(row) = rows.try_next().await? {
            answer.rows.push(row);
        }
        answer.met = rows.rows_affected().unwrap_or_default();
        Ok(answer)
    }
}

impl Drop for Session {
    /// An idle connection says goodbye; any other is cut off, so that nothing waits for an answer that may not come.
    fn drop(&mut self) {
        if !self.is_idle() {
            self.task.abort();
        }
    }
}

/// Polls each once, in order, and then waits for them in order.
async fn in_one_go<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<Pin<Box<MaybeDone<F>>>> = all.map(|one| Box::pin(maybe_done(one))).collect();
    for one in &mut all {
        let sent = std::future::poll_fn(|context| Poll::Ready(one.as_mut().poll(context)));
        let _: Poll<()> = sent.await;
    }
    let mut outputs = Vec::with_capacity(all.len());
    for mut one in all {
        one.as_mut().await;
        outputs.extend(one.as_mut().take_output());
    }
    outputs
}
