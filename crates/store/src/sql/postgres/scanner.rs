//! Long reads, a few at a time, each on a connection of its own, so that no indexed read waits behind them.

use super::error::{failed, late};
use super::pool::Pool;
use super::session::{Answer, Sent, Session};
use crate::sql::row::{Record, Row};
use crate::sql::statement::Text;
use crate::sql::value::Value;
use keyward_auth::records::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Error;

/// How long one may take, with the wait for its turn.
const LIMIT: Duration = Duration::from_secs(15);
/// The same for the server, in place of the limit of all other statements.
const SERVER_LIMIT: &str = "SET LOCAL statement_timeout = 15000";

pub(crate) struct Scanners {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
}

impl Scanners {
    pub(super) fn new(pool: Arc<Pool>, places: usize) -> Self {
        Self { pool, places: Arc::new(Semaphore::new(places)) }
    }

    /// Goes on when the caller no longer waits, so that the connection is left as it was found.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        text: Text,
        values: Vec<Value<'static>>,
        record: &'static Record<T>,
    ) -> Result<Vec<T>, StoreError> {
        let deadline = Instant::now() + LIMIT;
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(late(LIMIT)) };
        let pool = Arc::clone(&self.pool);
        let scan = tokio::spawn(async move {
            let _place = place;
            let answer = scan(&pool, text.for_postgres(), &values, deadline).await?;
            answer.rows.iter().map(|row| record.read(&Row::Postgres(row, 0))).collect()
        });
        scan.await.unwrap_or_else(|_| Err(StoreError::Backend("the read was cut short".into())))
    }
}

async fn scan(
    pool: &Pool,
    text: &str,
    values: &[Value<'_>],
    deadline: Instant,
) -> Result<Answer, StoreError> {
    let mut again = true;
    loop {
        let session = pool.get(deadline).await?;
        let Ok(outcome) = timeout_at(deadline, read(&session, text, values)).await else {
            pool.give_up(session);
            return Err(late(LIMIT));
        };
        if let Err(error) = &outcome {
            pool.link.learn(&session, error);
        }
        pool.put_back(session);
        match outcome {
            Ok(answer) => return Ok(answer),
            Err(error) if again && super::error::is_of_connection(&error) => again = false,
            Err(error) => return Err(failed(&error)),
        }
    }
}

async fn read(session: &Session, text: &str, values: &[Value<'_>]) -> Result<Answer, Error> {
    session.begin();
    // Planned anew for these very values: a plan for any prefix may walk all users to find a few.
    let read = Sent::Text(text, values);
    let sent = vec![Sent::Command("BEGIN"), Sent::Command(SERVER_LIMIT), read, Sent::Command("COMMIT")];
    let mut answers = session.pipeline(sent).await;
    if answers.pop().is_some_and(|end| end.is_ok()) {
        session.rest();
    }
    let mut last = Answer::default();
    for answer in answers {
        last = answer?;
    }
    Ok(last)
}
