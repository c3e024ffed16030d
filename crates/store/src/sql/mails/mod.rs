//! The outbox in SQL: one row for each mail. Other records put their mails into the list of their change by [`insert`].
//! What an operator lists is in `list.rs`.

mod list;

use super::Sql;
use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use super::value::Value;
use async_trait::async_trait;
use keyward_auth::records::{self, Mail, MailSearch, MailState, Outcome, StoreError, Topic};
use keyward_auth::values::{AcceptLanguage, Email, MailId, Timestamp, UserId};
use std::net::IpAddr;

macro_rules! columns {
    () => {
        "id, topic, email, user_id, languages, asked_from, created_at, state, due_at, attempts, reason"
    };
}
use columns;

/// `None` is a mail about what only a newer Keyward knows.
static MAIL: Record<Option<Mail>> = Record { table: "keyward_mails", columns: columns!(), read };

/// With the time at which it was due before.
static CLAIMED: Record<(Timestamp, Option<Mail>)> = Record {
    table: "keyward_mails",
    columns: concat!(columns!(), ", was_due_at"),
    read: |row| Ok((row.time(COLUMNS)?, read(row)?)),
};
/// How many columns a mail has.
const COLUMNS: usize = 11;

static INSERT: Statement = Statement::new(concat!(
    "INSERT INTO keyward_mails (",
    columns!(),
    ", email_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
));
static BY_ID: Statement = Statement::new(concat!("SELECT ", columns!(), " FROM keyward_mails WHERE id = $1"));
/// The conditions again outside: whoever waited for a row that another has claimed finds that it is no longer due. A join,
/// since with IN a planner may well go through all that is due instead.
static CLAIM: Statement = Statement::new(concat!(
    "UPDATE keyward_mails SET was_due_at = due_at, due_at = $2, attempts = attempts + 1 \
     FROM (SELECT id AS first FROM keyward_mails WHERE state = 'waiting' AND due_at <= $1 \
     ORDER BY due_at, id LIMIT $3) AS due WHERE id = first AND state = 'waiting' AND due_at <= $1 RETURNING ",
    columns!(),
    ", was_due_at"
));
static SETTLE: Statement = Statement::new(
    "UPDATE keyward_mails SET user_id = $3, state = $4, due_at = $5, reason = $6 \
     WHERE id = $1 AND state = 'waiting' AND due_at = $2",
);
static DROP: Statement =
    Statement::new("DELETE FROM keyward_mails WHERE id = $1 AND state = 'waiting' AND due_at = $2");
static RETRY: Statement = Statement::new(
    "UPDATE keyward_mails SET state = 'waiting', due_at = $2, attempts = 0, reason = NULL \
     WHERE id = $1 AND state <> 'sent'",
);
/// Of an intent, unless somebody has begun to send it.
static HAPPENED: Statement = Statement::new(
    "UPDATE keyward_mails SET due_at = created_at WHERE id = $1 AND state = 'waiting' AND attempts = 0",
);
static NOT_HAPPENED: Statement =
    Statement::new("DELETE FROM keyward_mails WHERE id = $1 AND state = 'waiting' AND attempts = 0");
static FORGET_ALL: Statement = Statement::new("DELETE FROM keyward_mails WHERE user_id = $1");
static SWEEP: Statement = Statement::new(
    "DELETE FROM keyward_mails WHERE state <> 'waiting' AND id IN \
     (SELECT id FROM keyward_mails WHERE state IN ('sent', 'dead') AND due_at < $1 LIMIT $2)",
);

/// Adds mails to a list of steps.
pub(crate) fn insert(steps: &mut Steps, mails: &[Mail]) {
    for mail in mails {
        steps.run(&INSERT, values(mail));
    }
}

/// Adds to a list of steps what became of the change that caused these mails.
pub(crate) fn settle(steps: &mut Steps, mails: &[Mail], happened: bool) {
    for mail in mails {
        steps.run(if happened { &HAPPENED } else { &NOT_HAPPENED }, vec![mail.id.into()]);
    }
}

/// Adds to a list of steps that a user's mails go.
pub(crate) fn forget_all(steps: &mut Steps, user: UserId) {
    steps.run(&FORGET_ALL, vec![user.into()]);
}

fn values(mail: &Mail) -> Vec<Value<'static>> {
    vec![
        mail.id.into(),
        mail.topic.as_str().into(),
        mail.to.as_str().to_owned().into(),
        mail.user.into(),
        mail.languages.as_ref().map(|languages| languages.as_str().to_owned()).into(),
        mail.asked_from.map(|address| address.to_string()).into(),
        mail.created_at.into(),
        mail.state.as_str().into(),
        mail.due_at.into(),
        i64::from(mail.attempts).into(),
        mail.reason.clone().into(),
        mail.to.key().to_owned().into(),
    ]
}

fn read(row: &Row<'_>) -> Result<Option<Mail>, Unreadable> {
    let Some(topic) = Topic::stored(row.text(1)?) else { return Ok(None) };
    Ok(Some(Mail {
        id: row.id(0)?,
        topic,
        to: Email::stored(row.text(2)?.to_owned()),
        user: row.word(3, str::parse::<UserId>)?,
        languages: row.text_or_none(4)?.map(|text| AcceptLanguage::stored(text.to_owned())),
        asked_from: row.word(5, str::parse::<IpAddr>)?,
        created_at: row.time(6)?,
        state: row.known(7, MailState::stored)?,
        due_at: row.time(8)?,
        attempts: row.count(9)?,
        reason: row.text_or_none(10)?.map(str::to_owned),
    }))
}

pub(crate) struct Mails(pub(crate) Sql);

#[async_trait]
impl records::Mails for Mails {
    async fn put(&self, mails: &[Mail]) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        insert(&mut steps, mails);
        self.0.atomically(steps).await.map(drop)
    }

    async fn claim(&self, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Mail>, StoreError> {
        let mut steps = Steps::default();
        steps.returning(&CLAIM, vec![now.into(), until.into(), most.into()], None);
        let done = self.0.atomically(steps).await?;
        let mut claimed = Vec::with_capacity(done.rows.len());
        for row in &done.rows {
            match CLAIMED.read(&Row::Kept(row)) {
                Ok((was_due_at, Some(mail))) => claimed.push((was_due_at, mail)),
                // Whoever knows it claims it when this claim has ended.
                Ok((_, None)) => {}
                // It holds up no other.
                Err(error) => tracing::error!(%error, "a mail cannot be sent"),
            }
        }
        // A database returns rows in the order that it pleases.
        claimed.sort_by_key(|(was_due_at, mail)| (*was_due_at, mail.id));
        Ok(claimed.into_iter().map(|(_, mail)| mail).collect())
    }

    async fn settle(&self, claimed: &Mail, outcome: &Outcome) -> Result<bool, StoreError> {
        let mut values: Vec<Value<'static>> = vec![claimed.id.into(), claimed.due_at.into()];
        let (state, due_at, reason) = match outcome {
            Outcome::Sent { at } => (MailState::Sent, *at, None),
            Outcome::Again { due_at, reason } => (MailState::Waiting, *due_at, Some(reason)),
            Outcome::Dead { at, reason } => (MailState::Dead, *at, Some(reason)),
            Outcome::Dropped => return self.meets(&DROP, values).await,
        };
        values.extend([claimed.user.into(), state.as_str().into(), due_at.into(), reason.cloned().into()]);
        self.meets(&SETTLE, values).await
    }

    async fn by_id(&self, id: MailId) -> Result<Option<Mail>, StoreError> {
        Ok(self.0.one(&BY_ID, &[id.into()], &MAIL).await?.flatten())
    }

    async fn list(&self, search: &MailSearch) -> Result<Vec<Mail>, StoreError> {
        list::run(&self.0, search).await
    }

    async fn retry(&self, id: MailId, now: Timestamp) -> Result<bool, StoreError> {
        self.meets(&RETRY, vec![id.into(), now.into()]).await
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(&SWEEP, before, most).await
    }
}

impl Mails {
    /// Whether a statement has met its row.
    async fn meets(&self, text: &'static Statement, values: Vec<Value<'static>>) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.run(text, values);
        Ok(self.0.atomically(steps).await?.met == 1)
    }
}
