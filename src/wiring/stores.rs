//! The stores that a configuration asks for: the only file that names a concrete one.

use super::StartError;
use crate::config::{Config, StoreUrl};
use keyward_auth::records::Store;
use keyward_auth::values::Timestamp;
use keyward_store::redis::{Redis, RedisSettings};
use keyward_store::sql::{MigrationStatus, Postgres, PostgresSettings, Sqlite};

/// The database of users, opened; its schema may still be missing or old.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Database {
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        Ok(match &config.store.url {
            StoreUrl::Sqlite(path) => Self::Sqlite(Sqlite::open_within(path, config.store.timeout)?),
            StoreUrl::Postgres(url) => {
                let settings = PostgresSettings {
                    url: url.as_ref().clone(),
                    connections: config.store.connections,
                    timeout: config.store.timeout,
                    pgbouncer: config.store.pgbouncer,
                };
                Self::Postgres(Box::new(Postgres::open(&settings).await?))
            }
        })
    }

    /// Brings the schema up to date, and says what that took.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<MigrationStatus>, StartError> {
        Ok(match self {
            Self::Sqlite(sqlite) => sqlite.migrate(now)?,
            Self::Postgres(postgres) => postgres.migrate(now).await?,
        })
    }

    pub(super) fn store(&self) -> Store {
        match self {
            Self::Sqlite(sqlite) => sqlite.store(),
            Self::Postgres(postgres) => postgres.store(),
        }
    }
}

/// The database with what expires beside it in Redis, where that is configured.
pub(super) async fn store(config: &Config, database: &Database) -> Result<Store, StartError> {
    let store = database.store();
    let Some(url) = &config.redis.url else { return Ok(store) };
    let settings = RedisSettings {
        url: url.clone(),
        prefix: config.redis.prefix.clone(),
        timeout: config.redis.timeout,
    };
    Ok(Redis::open(&settings).await?.beside(store))
}
