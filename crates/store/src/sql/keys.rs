//! Signing keys in SQL: sealed bytes that are only added and removed. Opens none.

use super::Sql;
use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use async_trait::async_trait;
use keyward_auth::records::{self, StoreError, StoredKey};

macro_rules! columns {
    () => {
        "id, algorithm, sequence, sealed, created_at, signs_from"
    };
}

static KEY: Record<StoredKey> = Record { table: "keyward_keys", columns: columns!(), read };

static ALL: Statement =
    Statement::new(concat!("SELECT ", columns!(), " FROM keyward_keys ORDER BY algorithm, sequence"));
static INSERT: Statement =
    Statement::new(concat!("INSERT INTO keyward_keys (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)"));
static REMOVE: Statement = Statement::new("DELETE FROM keyward_keys WHERE id = $1");

fn read(row: &Row<'_>) -> Result<StoredKey, Unreadable> {
    Ok(StoredKey {
        id: row.text(0)?.to_owned(),
        algorithm: row.text(1)?.to_owned(),
        sequence: row.int(2)?,
        sealed: row.bytes(3)?.to_owned(),
        created_at: row.time(4)?,
        signs_from: row.time(5)?,
    })
}

pub(crate) struct Keys(pub(crate) Sql);

#[async_trait]
impl records::Keys for Keys {
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.0.all(&ALL, &[], &KEY).await
    }

    async fn insert(&self, key: &StoredKey) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        steps.run(
            &INSERT,
            vec![
                key.id.clone().into(),
                key.algorithm.clone().into(),
                key.sequence.into(),
                key.sealed.clone().into(),
                key.created_at.into(),
                key.signs_from.into(),
            ],
        );
        self.0.atomically(steps).await.map(drop)
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        steps.run(&REMOVE, vec![id.to_owned().into()]);
        self.0.atomically(steps).await.map(drop)
    }
}
