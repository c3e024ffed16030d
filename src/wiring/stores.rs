//! The stores that a configuration asks for: the only file that names a concrete one.

use super::StartError;
use crate::config::{Config, PicturePlace, Secret, StoreUrl};
use keyward_auth::outside::Gallery;
use keyward_auth::records::Store;
use keyward_auth::values::Timestamp;
use keyward_store::MigrationStatus;
#[cfg(feature = "mongodb")]
use keyward_store::mongo::{Mongo, MongoSettings};
use keyward_store::objects::{Bucket, BucketSettings, Folder};
use keyward_store::redis::{Redis, RedisSettings};
use keyward_store::sql::{Postgres, PostgresSettings, Sqlite};
use std::sync::Arc;

/// The database of users, opened; its schema may still be missing or old.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
    #[cfg(feature = "mongodb")]
    Mongo(Mongo),
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
            #[cfg(feature = "mongodb")]
            StoreUrl::Mongo(url) => {
                let settings = MongoSettings {
                    url: url.as_ref().clone(),
                    connections: config.store.connections,
                    timeout: config.store.timeout,
                };
                Self::Mongo(Mongo::open(&settings).await?)
            }
        })
    }

    /// Brings the schema up to date, and says what that took.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<MigrationStatus>, StartError> {
        Ok(match self {
            Self::Sqlite(sqlite) => sqlite.migrate(now)?,
            Self::Postgres(postgres) => postgres.migrate(now).await?,
            #[cfg(feature = "mongodb")]
            Self::Mongo(mongo) => mongo.migrate(now).await?,
        })
    }

    pub(super) fn store(&self) -> Store {
        match self {
            Self::Sqlite(sqlite) => sqlite.store(),
            Self::Postgres(postgres) => postgres.store(),
            #[cfg(feature = "mongodb")]
            Self::Mongo(mongo) => mongo.store(),
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

/// The place of pictures; nobody is asked whether it is there.
pub(super) async fn gallery(config: &Config) -> Result<Arc<dyn Gallery>, StartError> {
    Ok(match config.picture_place() {
        PicturePlace::Folder(path) => Arc::new(Folder::open(&path)?),
        PicturePlace::Bucket(bucket, endpoint) => {
            Arc::new(Bucket::open(bucket_settings(config, bucket, endpoint)).await?)
        }
    })
}

fn bucket_settings(config: &Config, bucket: String, endpoint: Option<String>) -> BucketSettings {
    let pictures = &config.pictures;
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    BucketSettings {
        bucket,
        endpoint,
        region: pictures.region.clone(),
        path_style: pictures.path_style,
        prefix: pictures.prefix.clone(),
        access_key_id: pictures.access_key_id.clone(),
        secret_access_key: pictures.secret_access_key.as_ref().map(text),
        session_token: pictures.session_token.as_ref().map(text),
        timeout: pictures.timeout,
    }
}
