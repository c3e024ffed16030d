//! The audit log in SQL. Other records put their events into the list of their change, with the mails, by `along.rs`.

use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use super::{Sql, mails};
use async_trait::async_trait;
use keyward_auth::records::{self, Actor, Along, Event, EventKind, StoreError};
use keyward_auth::values::{SessionId, Timestamp, UserId};
use std::net::IpAddr;

macro_rules! columns {
    () => {
        "id, happened_at, kind, actor, user_id, session_id, address, agent, request_id, intended_at"
    };
}

/// `None` is an event of a kind that only a newer Keyward knows.
static EVENT: Record<Option<Event>> = Record { table: "keyward_events", columns: columns!(), read };

static INSERT: Statement = Statement::new(concat!(
    "INSERT INTO keyward_events (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
));
static OF_USER: Statement = Statement::new(concat!(
    "SELECT ",
    columns!(),
    " FROM keyward_events WHERE user_id = $1 ORDER BY happened_at DESC, id DESC LIMIT $2"
));
static HAPPENED: Statement = Statement::new("UPDATE keyward_events SET intended_at = NULL WHERE id = $1");
static NOT_HAPPENED: Statement =
    Statement::new("DELETE FROM keyward_events WHERE id = $1 AND intended_at IS NOT NULL");
static SWEEP: Statement = Statement::new(
    "DELETE FROM keyward_events WHERE id IN \
     (SELECT id FROM keyward_events WHERE happened_at < $1 ORDER BY happened_at LIMIT $2)",
);

const ANONYMOUS: &str = "anonymous";
const OPERATOR: &str = "operator";

/// Adds events to a list of steps.
pub(crate) fn insert(steps: &mut Steps, events: &[Event]) {
    for event in events {
        let actor = match event.actor {
            Actor::Anonymous => ANONYMOUS.into(),
            Actor::Operator => OPERATOR.into(),
            Actor::User(id) => id.into(),
        };
        steps.run(
            &INSERT,
            vec![
                event.id.into(),
                event.at.into(),
                event.kind.as_str().into(),
                actor,
                event.user.into(),
                event.session.into(),
                event.address.map(|address| address.to_string()).into(),
                event.agent.clone().into(),
                event.request_id.clone().into(),
                event.is_intent.then_some(event.at).into(),
            ],
        );
    }
}

fn read(row: &Row<'_>) -> Result<Option<Event>, Unreadable> {
    let Some(kind) = EventKind::stored(row.text(2)?) else { return Ok(None) };
    let actor = match row.text(3)? {
        ANONYMOUS => Actor::Anonymous,
        OPERATOR => Actor::Operator,
        _ => Actor::User(row.id(3)?),
    };
    Ok(Some(Event {
        id: row.id(0)?,
        at: row.time(1)?,
        kind,
        actor,
        user: row.word(4, str::parse::<UserId>)?,
        session: row.word(5, str::parse::<SessionId>)?,
        address: row.word(6, str::parse::<IpAddr>)?,
        agent: row.text_or_none(7)?.map(str::to_owned),
        request_id: row.text_or_none(8)?.map(str::to_owned),
        is_intent: row.time_or_none(9)?.is_some(),
    }))
}

pub(crate) struct Audit(pub(crate) Sql);

#[async_trait]
impl records::Audit for Audit {
    async fn record(&self, events: &[Event]) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        insert(&mut steps, events);
        self.0.atomically(steps).await.map(drop)
    }

    async fn intend(&self, along: Along<'_>) -> Result<(), StoreError> {
        let intents: Vec<Event> =
            along.events.iter().map(|event| Event { is_intent: true, ..event.clone() }).collect();
        let mut steps = Steps::default();
        insert(&mut steps, &intents);
        mails::insert(&mut steps, along.mails);
        self.0.atomically(steps).await.map(drop)
    }

    async fn settle(&self, along: Along<'_>, happened: bool) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        for event in along.events {
            steps.run(if happened { &HAPPENED } else { &NOT_HAPPENED }, vec![event.id.into()]);
        }
        mails::settle(&mut steps, along.mails, happened);
        self.0.atomically(steps).await.map(drop)
    }

    async fn of_user(&self, user: UserId, limit: usize) -> Result<Vec<Event>, StoreError> {
        let events = self.0.scan(&OF_USER, vec![user.into(), limit.into()], &EVENT).await?;
        Ok(events.into_iter().flatten().collect())
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(&SWEEP, before, most).await
    }
}
