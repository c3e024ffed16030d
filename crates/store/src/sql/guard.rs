//! The guard of administrators: one row that knows how many there are. Counting users instead would let two
//! administrators who demote each other at once both pass, where a database lets writers see past each other.
//!
//! Its step comes first in every list, so that all writers lock it in one order.

use super::Sql;
use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use keyward_auth::records::{Direction, StoreError};

static FIRST: Statement =
    Statement::new("UPDATE keyward_guards SET members = 1 WHERE name = 'administrators' AND members = 0");
static JOIN: Statement =
    Statement::new("UPDATE keyward_guards SET members = members + 1 WHERE name = 'administrators'");
static LEAVE: Statement = Statement::new(
    "UPDATE keyward_guards SET members = members - 1 WHERE name = 'administrators' AND members > 1",
);

static LOCK: Statement =
    Statement::new("SELECT name FROM keyward_guards WHERE name = 'administrators' FOR UPDATE");

static GUARD: Record<i64> = Record { table: "keyward_guards", columns: "name, members", read };
static MEMBERS: Statement =
    Statement::new("SELECT name, members FROM keyward_guards WHERE name = 'administrators'");

fn read(row: &Row<'_>) -> Result<i64, Unreadable> {
    row.int(1)
}

fn lost() -> StoreError {
    StoreError::Backend("keyward_guards: the row administrators is missing".into())
}

/// How many administrators there are.
pub(crate) async fn members(sql: &Sql) -> Result<i64, StoreError> {
    sql.one(&MEMBERS, &[], &GUARD).await?.ok_or_else(lost)
}

/// The first administrator comes: `Guarded` if there is one.
pub(crate) fn first(steps: &mut Steps) {
    steps.hit(&FIRST, Vec::new(), StoreError::Guarded);
}

/// One more, or one less: `Guarded` if that were the last.
pub(crate) fn pass(steps: &mut Steps, direction: Direction) {
    match direction {
        Direction::Joins => steps.hit(&JOIN, Vec::new(), lost()),
        Direction::Leaves => steps.hit(&LEAVE, Vec::new(), StoreError::Guarded),
    }
}

/// Nobody else passes until the list is through: what comes next sees all who passed before.
pub(crate) fn lock(steps: &mut Steps) {
    steps.hit(&LOCK, Vec::new(), lost());
}
