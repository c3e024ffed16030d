//! One-time codes in SQL: one row for each place and user, and every rule of theirs a condition of the one statement that
//! writes it.

use super::Sql;
use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use super::value::Value;
use crate::hex;
use async_trait::async_trait;
use keyward_auth::records::{self, Code, CodePlace, Purpose, StoreError};
use keyward_auth::values::{Email, Timestamp, UserId};

macro_rules! columns {
    () => {
        "id, place, user_id, asked_at, purpose, email, epoch, tries, digits_until, expires_at"
    };
}

static CODE: Record<Code> = Record { table: "keyward_codes", columns: columns!(), read };

static ISSUE: Statement = Statement::new(concat!(
    "INSERT INTO keyward_codes (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (place, user_id) DO UPDATE SET \
     tries = CASE WHEN keyward_codes.id = excluded.id THEN keyward_codes.tries ELSE excluded.tries END, \
     id = excluded.id, asked_at = excluded.asked_at, purpose = excluded.purpose, email = excluded.email, \
     epoch = excluded.epoch, digits_until = excluded.digits_until, expires_at = excluded.expires_at \
     WHERE keyward_codes.asked_at <= excluded.asked_at"
));
static TRY: Statement = Statement::new(concat!(
    "UPDATE keyward_codes SET tries = tries + 1 WHERE place = $1 AND tries < $2 AND digits_until > $3 RETURNING ",
    columns!()
));
static AT: Statement = Statement::new(concat!("SELECT ", columns!(), " FROM keyward_codes WHERE place = $1"));
static READ: Statement =
    Statement::new(concat!("SELECT ", columns!(), " FROM keyward_codes WHERE place = $1 AND user_id = $2"));
static CONSUME: Statement = Statement::new(
    "DELETE FROM keyward_codes WHERE place = $1 AND user_id = $2 AND id = $3 AND expires_at > $4",
);
static FORGET: Statement = Statement::new("DELETE FROM keyward_codes WHERE place = $1 AND user_id = $2");
static FORGET_ALL: Statement = Statement::new("DELETE FROM keyward_codes WHERE user_id = $1");
/// The time again outside: one that was issued anew meanwhile stays.
static SWEEP: Statement = Statement::new(
    "DELETE FROM keyward_codes WHERE expires_at <= $1 AND (place, user_id) IN \
     (SELECT place, user_id FROM keyward_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
);

fn read(row: &Row<'_>) -> Result<Code, Unreadable> {
    Ok(Code {
        id: row.id(0)?,
        place: row.known(1, |text| hex::read(text).map(CodePlace))?,
        user: if row.text(2)?.is_empty() { None } else { Some(row.id(2)?) },
        asked_at: row.time(3)?,
        purpose: row.known(4, Purpose::stored)?,
        email: row.text_or_none(5)?.map(|text| Email::stored(text.to_owned())),
        epoch: row.int(6)?,
        tries: row.count(7)?,
        digits_until: row.time_or_none(8)?,
        expires_at: row.time(9)?,
    })
}

fn place(place: CodePlace) -> Value<'static> {
    hex::written(place.0).into()
}

fn owner(user: Option<UserId>) -> Value<'static> {
    user.map_or_else(|| "".into(), Value::from)
}

/// Adds to a list of steps that a user's codes go.
pub(crate) fn forget_all(steps: &mut Steps, user: UserId) {
    steps.run(&FORGET_ALL, vec![user.into()]);
}

pub(crate) struct Codes(pub(crate) Sql);

#[async_trait]
impl records::Codes for Codes {
    async fn issue(&self, code: &Code) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.run(
            &ISSUE,
            vec![
                code.id.into(),
                place(code.place),
                owner(code.user),
                code.asked_at.into(),
                code.purpose.as_str().into(),
                code.email.as_ref().map(|email| email.as_str().to_owned()).into(),
                code.epoch.into(),
                i64::from(code.tries).into(),
                code.digits_until.into(),
                code.expires_at.into(),
            ],
        );
        Ok(self.0.atomically(steps).await?.met == 1)
    }

    async fn try_at(&self, at: CodePlace, most: u32, now: Timestamp) -> Result<Vec<Code>, StoreError> {
        let mut steps = Steps::default();
        steps.returning(&TRY, vec![place(at), i64::from(most).into(), now.into()], None);
        let done = self.0.atomically(steps).await?;
        done.rows.iter().map(|row| CODE.read(&Row::Kept(row))).collect()
    }

    async fn at(&self, at: CodePlace) -> Result<Vec<Code>, StoreError> {
        self.0.all(&AT, &[place(at)], &CODE).await
    }

    async fn read(&self, at: CodePlace, user: UserId) -> Result<Option<Code>, StoreError> {
        self.0.one(&READ, &[place(at), user.into()], &CODE).await
    }

    async fn consume(&self, code: &Code, now: Timestamp) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.run(&CONSUME, vec![place(code.place), owner(code.user), code.id.into(), now.into()]);
        Ok(self.0.atomically(steps).await?.met == 1)
    }

    async fn forget(&self, places: &[CodePlace], user: UserId) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        for at in places {
            steps.run(&FORGET, vec![place(*at), user.into()]);
        }
        self.0.atomically(steps).await.map(drop)
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.0.sweep(&SWEEP, now, most).await
    }
}
