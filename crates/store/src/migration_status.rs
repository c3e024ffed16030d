//! A step of a schema, whatever database it is of, as an operator sees it.

use keyward_auth::values::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    pub version: i64,
    pub name: String,
    /// When it was applied; `None` if it is still to be.
    pub applied_at: Option<Timestamp>,
}
