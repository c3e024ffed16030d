//! The painter of the service: what paints and draws, on threads of its own. Uploads have one lane and initials another, so
//! that a letter does not wait for 50 megapixels.

use crate::lane::{Lane, NoAnswer};
use crate::refusal::broken;
use crate::{glance, initials, paint};
use async_trait::async_trait;
use keyward_auth::outside::{PaintError, Painter, Painting, Upload};
use keyward_auth::values::UserId;
use std::io;

/// The configuration's `pictures`.
#[derive(Debug, Clone)]
pub struct StudioSettings {
    /// How many uploads are painted at a time, at least one. Each takes up to 300 MiB of memory while it is painted.
    pub threads: usize,
    /// How many uploads may wait for that, and how many initials for theirs; the next is told to come back later.
    pub queue: usize,
}

/// Paints on a few threads of lowered priority. What they hold is given back to the system after each picture.
pub struct Studio {
    uploads: Lane,
    initials: Lane,
}

impl Studio {
    /// Starts the threads. Fails where the system gives none.
    pub fn start(settings: &StudioSettings) -> io::Result<Self> {
        Ok(Self {
            uploads: Lane::start("paint", settings.threads.max(1), settings.queue)?,
            initials: Lane::start("initials", 1, settings.queue)?,
        })
    }
}

#[async_trait]
impl Painter for Studio {
    async fn paint(&self, upload: Upload) -> Result<Painting, PaintError> {
        // What is refused at first sight takes no place.
        glance::glance(&upload.bytes, upload.declared).map_err(PaintError::Refused)?;
        let (bytes, format) = (upload.bytes.len(), upload.declared.media_type());
        match self.uploads.run(move || paint(&upload.bytes, upload.declared)).await {
            Ok(painted) => painted.map_err(PaintError::Refused),
            Err(NoAnswer::Full) => Err(PaintError::Busy),
            Err(NoAnswer::Panicked) => {
                tracing::warn!(bytes, format, "an upload made the painter panic, and was refused");
                Err(PaintError::Refused(broken()))
            }
        }
    }

    async fn initials(
        &self,
        names: [Option<&str>; 2],
        user: UserId,
        side: u32,
    ) -> Result<Vec<u8>, PaintError> {
        let names = names.map(|name| name.map(str::to_owned));
        let draw = move || initials(names.each_ref().map(Option::as_deref), user, side);
        match self.initials.run(draw).await {
            Ok(Some(drawn)) => Ok(drawn),
            Ok(None) | Err(NoAnswer::Full) => Err(PaintError::Busy),
            Err(NoAnswer::Panicked) => {
                tracing::warn!("drawing initials panicked");
                Err(PaintError::Busy)
            }
        }
    }
}
