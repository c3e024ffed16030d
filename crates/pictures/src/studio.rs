//! The painter of the service: what paints and draws, on threads of its own. Uploads have one lane and initials another, so
//! that a letter does not wait for 50 megapixels.

use crate::drawn::{Drawn, Wanted};
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
    /// How many uploads may wait for that; the next is told to come back later.
    pub queue: usize,
}

/// How many initials may wait to be drawn, which is a matter of milliseconds each.
const LETTERS: usize = 256;

/// Paints on a few threads of lowered priority. What they hold is given back to the system after each picture.
pub struct Studio {
    uploads: Lane,
    initials: Lane,
    drawn: Drawn,
}

impl Studio {
    /// Starts the threads. Fails where the system gives none.
    pub fn start(settings: &StudioSettings) -> io::Result<Self> {
        Ok(Self {
            uploads: Lane::start("paint", settings.threads.max(1), settings.queue)?,
            initials: Lane::start("initials", 1, LETTERS)?,
            drawn: Drawn::default(),
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
        let wanted = Wanted { user, names: names.map(|name| name.map(str::to_owned)), side };
        if let Some(file) = self.drawn.find(&wanted) {
            return Ok(file);
        }
        let names = wanted.names.clone();
        let draw = move || initials(names.each_ref().map(Option::as_deref), user, side);
        match self.initials.run(draw).await {
            Ok(Some(file)) => {
                self.drawn.keep(wanted, file.clone());
                Ok(file)
            }
            Ok(None) | Err(NoAnswer::Full) => Err(PaintError::Busy),
            Err(NoAnswer::Panicked) => {
                tracing::warn!("drawing initials panicked");
                Err(PaintError::Busy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use keyward_auth::values::Format;
    use std::sync::mpsc;

    fn studio() -> Studio {
        Studio::start(&StudioSettings { threads: 1, queue: 1 }).unwrap()
    }

    /// Takes the one thread of a lane until the sender is dropped.
    async fn occupy(lane: &Lane) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let work = move || {
            begun.send(()).unwrap();
            held.recv()
        };
        // What runs already goes on when nobody waits for it.
        tokio::select! {
            _ = lane.run(work) => unreachable!("it is held"),
            begun = has_begun => begun.unwrap(),
        }
        release
    }

    fn letters(studio: &Studio, side: u32) -> impl Future<Output = Result<Vec<u8>, PaintError>> {
        studio.initials([Some("Ada"), None], UserId::from_bytes([1; 16]), side)
    }

    #[tokio::test]
    async fn letters_and_refusals_do_not_wait_for_pictures() {
        let studio = studio();
        let _held = occupy(&studio.uploads).await;
        assert!(letters(&studio, 64).await.unwrap().starts_with(b"\x89PNG"));
        for _ in 0..3 {
            let upload = Upload { bytes: b"GIF89a".to_vec(), declared: Format::Png };
            assert!(matches!(studio.paint(upload).await, Err(PaintError::Refused(_))));
        }
    }

    #[tokio::test]
    async fn the_same_letters_are_drawn_once_and_need_no_turn_again() {
        let studio = studio();
        let first = letters(&studio, 64).await.unwrap();
        let held = occupy(&studio.initials).await;
        assert_eq!(letters(&studio, 64).await.unwrap(), first);
        // Another size waits.
        let mut other = Box::pin(letters(&studio, 128));
        assert_eq!((&mut other).now_or_never(), None);
        drop(held);
        assert_ne!(other.await.unwrap(), first);
    }
}
