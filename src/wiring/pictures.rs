//! Pictures, from a configuration to a painter; and a look at the place where they are kept, which `stores` opens.

use super::StartError;
use crate::config::Config;
use keyward_auth::outside::{Gallery, Painter};
use keyward_pictures::{Studio, StudioSettings};
use std::sync::Arc;

pub(super) fn painter(config: &Config) -> Result<Arc<dyn Painter>, StartError> {
    let settings = StudioSettings { threads: config.pictures.threads, queue: config.pictures.queue };
    Ok(Arc::new(Studio::start(&settings).map_err(StartError::Painting)?))
}

/// Says in the log if the place of pictures cannot be used: everything else can, so that is no reason not to start.
pub(super) async fn look_around(gallery: Arc<dyn Gallery>) {
    if let Err(error) = gallery.look_around().await {
        tracing::warn!(%error, "the place of pictures does not answer as it should; until it does, nobody can upload one");
    }
}
