//! Pictures, from a configuration to a painter and to the place where they are kept: the only file that names a concrete one
//! of either.

use super::StartError;
use crate::config::{Config, PicturePlace};
use keyward_auth::outside::{Gallery, Painter};
use keyward_pictures::{Studio, StudioSettings};
pub(super) use keyward_store::objects::Bucket;
use keyward_store::objects::{BucketSettings, Folder};
use std::sync::Arc;

pub(super) fn painter(config: &Config) -> Result<Arc<dyn Painter>, StartError> {
    let settings = StudioSettings { threads: config.pictures.threads, queue: config.pictures.queue };
    Ok(Arc::new(Studio::start(&settings).map_err(StartError::Painting)?))
}

/// The place of pictures, and the bucket if it is one. Asks nobody whether it is there.
pub(super) async fn gallery(config: &Config) -> Result<(Arc<dyn Gallery>, Option<Arc<Bucket>>), StartError> {
    Ok(match config.picture_place() {
        PicturePlace::Folder(path) => (Arc::new(Folder::open(&path)?), None),
        PicturePlace::Bucket(name, endpoint) => {
            let bucket = Arc::new(Bucket::open(settings(config, name, endpoint)).await?);
            (bucket.clone(), Some(bucket))
        }
    })
}

/// Says in the log if the bucket cannot be used: everything else can, so that is no reason not to start.
pub(super) async fn look_around(bucket: Arc<Bucket>) {
    if let Err(error) = bucket.look_around().await {
        tracing::warn!(%error, "the bucket of pictures does not answer as it should; until it does, nobody can upload one");
    }
}

fn settings(config: &Config, bucket: String, endpoint: Option<String>) -> BucketSettings {
    let pictures = &config.pictures;
    let text = |secret: &crate::config::Secret| String::from_utf8_lossy(secret.expose()).into_owned();
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
