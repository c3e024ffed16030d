//! Sessions in SQL: one row each. What ends them all is on the user's row and not here; what is here refuses a session
//! of a user who is gone.

use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use super::value::Value;
use super::{Sql, along, audit, users};
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Event, Session, StoreError, User};
use keyward_auth::values::{SessionId, Timestamp, UserId};
use std::net::IpAddr;

macro_rules! columns {
    () => {
        columns!("")
    };
    ($of:literal) => {
        $crate::sql::row::names!(
            $of: id, user_id, epoch, generation, rotated_at, created_at, last_used_at, idle_at, ends_at, address, agent
        )
    };
}

static SESSION: Record<Session> = Record { table: "keyward_sessions", columns: columns!(), read };

static SESSION_AND_USER: Record<(Session, User)> = Record {
    table: "keyward_sessions",
    columns: concat!(columns!(), ", ", users::columns!()),
    read: |row| Ok((read(row)?, users::read(&row.behind(COLUMNS))?)),
};
/// How many columns a session has.
const COLUMNS: usize = 11;

static BY_ID: Statement =
    Statement::new(concat!("SELECT ", columns!(), " FROM keyward_sessions WHERE id = $1"));
/// One statement, so one look at the file's locks, or one round trip: this is what every request with a token costs.
static WITH_USER: Statement = Statement::new(concat!(
    "SELECT ",
    columns!("s."),
    ", ",
    users::columns!("u."),
    " FROM keyward_sessions AS s, keyward_users AS u WHERE s.id = $1 AND u.id = $2"
));
static OF_USER: Statement = Statement::new(concat!(
    "SELECT ",
    columns!(),
    " FROM keyward_sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id DESC"
));
/// One after the other: of two that insert at once, neither would see the other's session to count it.
static OWNER: Statement = Statement::new("SELECT id FROM keyward_users WHERE id = $1 FOR UPDATE");
static INSERT: Statement = Statement::new(concat!(
    "INSERT INTO keyward_sessions (",
    columns!(),
    ", expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
));
/// An OFFSET needs a LIMIT in SQLite, and PostgreSQL knows no negative one: hence the largest.
static TRIM: Statement = Statement::new(
    "DELETE FROM keyward_sessions WHERE id IN (SELECT id FROM keyward_sessions WHERE user_id = $1 \
     ORDER BY created_at DESC, id DESC LIMIT 9223372036854775807 OFFSET $2)",
);
static ROTATE: Statement = Statement::new(concat!(
    "UPDATE keyward_sessions SET generation = generation + 1, rotated_at = $3, last_used_at = $3, idle_at = $4, \
     expires_at = CASE WHEN $4 < ends_at THEN $4 ELSE ends_at END \
     WHERE id = $1 AND generation = $2 AND expires_at > $3 RETURNING ",
    columns!()
));
static END: Statement = Statement::new("DELETE FROM keyward_sessions WHERE id = $1 AND user_id = $2");
static FORGET: Statement =
    Statement::new("DELETE FROM keyward_sessions WHERE user_id = $1 AND epoch < $2 AND id <> $3");
static SWEEP: Statement = Statement::new(
    "DELETE FROM keyward_sessions WHERE id IN \
     (SELECT id FROM keyward_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
);

fn read(row: &Row<'_>) -> Result<Session, Unreadable> {
    Ok(Session {
        id: row.id(0)?,
        user: row.id(1)?,
        epoch: row.int(2)?,
        generation: row.int(3)?,
        rotated_at: row.time(4)?,
        created_at: row.time(5)?,
        last_used_at: row.time(6)?,
        idle_at: row.time(7)?,
        ends_at: row.time(8)?,
        address: row.word(9, str::parse::<IpAddr>)?,
        agent: row.text_or_none(10)?.map(str::to_owned),
    })
}

fn values(session: &Session) -> Vec<Value<'static>> {
    vec![
        session.id.into(),
        session.user.into(),
        session.epoch.into(),
        session.generation.into(),
        session.rotated_at.into(),
        session.created_at.into(),
        session.last_used_at.into(),
        session.idle_at.into(),
        session.ends_at.into(),
        session.address.map(|address| address.to_string()).into(),
        session.agent.clone().into(),
        session.expires_at().into(),
    ]
}

pub(crate) struct Sessions(pub(crate) Sql);

#[async_trait]
impl records::Sessions for Sessions {
    async fn insert(&self, session: &Session, most: usize, events: &[Event]) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        steps.hit(&OWNER, vec![session.user.into()], StoreError::Stale);
        steps.run(&INSERT, values(session));
        steps.run(&TRIM, vec![session.user.into(), most.into()]);
        audit::insert(&mut steps, events);
        self.0.atomically(steps).await.map(drop)
    }

    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.0.one(&BY_ID, &[id.into()], &SESSION).await
    }

    async fn with_user(&self, id: SessionId, user: UserId) -> Result<Option<(Session, User)>, StoreError> {
        self.0.one(&WITH_USER, &[id.into(), user.into()], &SESSION_AND_USER).await
    }

    async fn rotate(
        &self,
        id: SessionId,
        generation: i64,
        now: Timestamp,
        idle_at: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let mut steps = Steps::default();
        steps.returning(&ROTATE, vec![id.into(), generation.into(), now.into(), idle_at.into()], None);
        let done = self.0.atomically(steps).await?;
        done.rows.first().map(|row| SESSION.read(&Row::Kept(row))).transpose()
    }

    async fn end(&self, id: SessionId, user: UserId, along: Along<'_>) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.hit(&END, vec![id.into(), user.into()], StoreError::Stale);
        along::insert(&mut steps, along);
        match self.0.atomically(steps).await {
            Ok(_) => Ok(true),
            Err(StoreError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        self.0.all(&OF_USER, &[user.into(), now.into()], &SESSION).await
    }

    async fn forget(&self, user: UserId, epoch: i64, kept: Option<SessionId>) -> Result<(), StoreError> {
        let kept = kept.map_or_else(|| "".into(), Value::from);
        let mut steps = Steps::default();
        steps.run(&FORGET, vec![user.into(), epoch.into(), kept]);
        self.0.atomically(steps).await.map(drop)
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(&SWEEP, now, most).await
    }
}
