//! Leftovers in SQL: one row for each name. A change of a user puts its own into its list of steps by [`insert`].

use super::Sql;
use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use async_trait::async_trait;
use keyward_auth::records::{self, Leftover, StoreError};
use keyward_auth::values::{Picture, Timestamp};

macro_rules! columns {
    () => {
        // The user first, since that is what an error names: a name that cannot be read is not shown.
        "user_id, picture, due_at"
    };
}

/// With the time at which it was due before.
static CLAIMED: Record<(Timestamp, Leftover)> =
    Record { table: "keyward_leftovers", columns: concat!(columns!(), ", was_due_at"), read };

static PUT: Statement = Statement::new(concat!(
    "INSERT INTO keyward_leftovers (",
    columns!(),
    ") VALUES ($1, $2, $3) ON CONFLICT (picture) DO UPDATE SET due_at = excluded.due_at"
));
/// The time again outside, and a join, as for mails: whoever waited for a row that another has claimed finds that it is no
/// longer due.
static CLAIM: Statement = Statement::new(concat!(
    "UPDATE keyward_leftovers SET was_due_at = due_at, due_at = $2 \
     FROM (SELECT picture AS first FROM keyward_leftovers WHERE due_at <= $1 ORDER BY due_at, picture LIMIT $3) AS due \
     WHERE picture = first AND due_at <= $1 RETURNING ",
    columns!(),
    ", was_due_at"
));
static REMOVE: Statement = Statement::new("DELETE FROM keyward_leftovers WHERE picture = $1 AND due_at = $2");

/// Adds leftovers to a list of steps.
pub(crate) fn insert(steps: &mut Steps, leftovers: &[Leftover]) {
    for leftover in leftovers {
        let picture = leftover.picture.to_string();
        steps.run(&PUT, vec![leftover.user.into(), picture.into(), leftover.due_at.into()]);
    }
}

fn read(row: &Row<'_>) -> Result<(Timestamp, Leftover), Unreadable> {
    let leftover =
        Leftover { user: row.id(0)?, picture: row.known(1, Picture::parse)?, due_at: row.time(2)? };
    Ok((row.time(3)?, leftover))
}

pub(crate) struct Leftovers(pub(crate) Sql);

#[async_trait]
impl records::Leftovers for Leftovers {
    async fn put(&self, leftover: &Leftover) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        insert(&mut steps, std::slice::from_ref(leftover));
        self.0.atomically(steps).await.map(drop)
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Leftover>, StoreError> {
        let mut steps = Steps::default();
        steps.returning(&CLAIM, vec![now.into(), until.into(), most.into()], None);
        let done = self.0.atomically(steps).await?;
        let mut claimed = Vec::with_capacity(done.rows.len());
        for row in &done.rows {
            match CLAIMED.read(&Row::Kept(row)) {
                Ok(leftover) => claimed.push(leftover),
                // It holds up no other.
                Err(error) => tracing::error!(%error, "a leftover cannot be taken away"),
            }
        }
        // A database returns rows in the order that it pleases.
        claimed.sort_by_key(|(was_due_at, _)| *was_due_at);
        Ok(claimed.into_iter().map(|(_, leftover)| leftover).collect())
    }

    async fn remove(&self, leftover: &Leftover) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.run(&REMOVE, vec![leftover.picture.to_string().into(), leftover.due_at.into()]);
        Ok(self.0.atomically(steps).await?.met == 1)
    }
}
