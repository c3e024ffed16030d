//! Leases in SQL: one row each, taken by one conditional upsert.

use super::Sql;
use super::statement::{Statement, Steps};
use async_trait::async_trait;
use keyward_auth::records::{self, StoreError};
use keyward_auth::values::Timestamp;

static TAKE: Statement = Statement::new(
    "INSERT INTO keyward_leases (name, holder, until) VALUES ($1, $2, $4) \
     ON CONFLICT (name) DO UPDATE SET holder = $2, until = $4 \
     WHERE keyward_leases.holder = $2 OR keyward_leases.until <= $3",
);
/// Another value each time: SQLite does not write a page that stays as it is, so a full disk would not be noticed.
static TOUCH: Statement = Statement::new(
    "INSERT INTO keyward_leases (name, holder, until) VALUES ('readiness', '', 0) \
     ON CONFLICT (name) DO UPDATE SET until = 1 - keyward_leases.until",
);
static GIVE_BACK: Statement = Statement::new("DELETE FROM keyward_leases WHERE name = $1 AND holder = $2");

/// Writes a row of nobody's: whether the store can be written at all.
pub(crate) async fn touch(sql: &Sql) -> Result<(), StoreError> {
    let mut steps = Steps::default();
    steps.run(&TOUCH, Vec::new());
    sql.atomically(steps).await.map(drop)
}

pub(crate) struct Leases(pub(crate) Sql);

#[async_trait]
impl records::Leases for Leases {
    async fn take(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut steps = Steps::default();
        steps.run(&TAKE, vec![name.to_owned().into(), holder.to_owned().into(), now.into(), until.into()]);
        Ok(self.0.atomically(steps).await?.met == 1)
    }

    async fn give_back(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        steps.run(&GIVE_BACK, vec![name.to_owned().into(), holder.to_owned().into()]);
        self.0.atomically(steps).await.map(drop)
    }
}
