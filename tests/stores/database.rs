//! The database of a place, as a test sees it behind Keyward's back. What is said in SQL here is so in every database that
//! speaks it.

use async_trait::async_trait;

#[async_trait]
pub(super) trait Database: Send + Sync {
    /// How readiness calls it.
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// The URL with more patience in it, where there is such a thing.
    fn patient_url(&self) -> String {
        self.url()
    }

    /// One row a line of each statement, its values divided by `|`; nothing is `-`.
    async fn rows(&self, sql: &str) -> Vec<Vec<String>>;

    async fn execute(&self, sql: &str);

    /// An expression in whose order events were kept.
    fn order(&self) -> &'static str {
        "rowid"
    }

    async fn stolen(&self) -> Vec<u8>;

    async fn remember_sessions(&self) {
        self.execute("CREATE TABLE remembered AS SELECT * FROM keyward_sessions").await;
    }

    async fn bring_back_sessions(&self) {
        let back = "INSERT INTO keyward_sessions SELECT * FROM remembered \
                    WHERE id NOT IN (SELECT id FROM keyward_sessions); DROP TABLE remembered";
        self.execute(back).await;
    }

    /// Whether reading fails as well where a table is hidden.
    fn has_tables(&self) -> bool {
        true
    }

    async fn hide(&self, table: &str) {
        self.execute(&format!("ALTER TABLE {table} RENAME TO elsewhere")).await;
    }

    async fn show(&self, table: &str) {
        self.execute(&format!("ALTER TABLE elsewhere RENAME TO {table}")).await;
    }

    /// What is made in an empty database.
    fn first_migrations(&self) -> &'static [&'static str] {
        &["0001 accounts", "0002 servers", "0003 mail", "0004 pictures"]
    }

    /// Their numbers, in order.
    async fn migrations(&self) -> Vec<String> {
        self.rows("SELECT version FROM keyward_migrations ORDER BY version").await.remove(0)
    }

    async fn make_newer(&self) {
        let newer = "INSERT INTO keyward_migrations (version, name, checksum, applied_at) \
                     VALUES (99, 'later', 'x', 1)";
        self.execute(newer).await;
    }
}
