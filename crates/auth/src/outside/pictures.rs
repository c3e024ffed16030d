//! Pictures, as the flows see them: an upload becomes a painting in every size, and its parts are hung where they can be
//! looked at. Decoding, encoding and the place are others'.

use crate::values::{Format, Invalid, Picture, Timestamp, UserId};
use async_trait::async_trait;
use std::fmt;

/// What somebody sent as a picture, and what it was said to be. Not to be trusted in any way.
pub struct Upload {
    pub bytes: Vec<u8>,
    pub declared: Format,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({} bytes, {})", self.bytes.len(), self.declared.media_type())
    }
}

/// A picture made anew, with nothing in it but pixels: one square for each of [`Picture::SIZES`], in their order.
pub struct Painting {
    pub format: Format,
    pub squares: Vec<Vec<u8>>,
}

/// Why there is no painting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaintError {
    /// It is no picture, none of the declared format, too large, or broken.
    #[error("{0}")]
    Refused(Invalid),
    #[error("too many pictures are waiting to be painted")]
    Busy,
}

#[async_trait]
pub trait Painter: Send + Sync {
    /// Never on the thread that asks, in bounded memory, and only few at a time.
    async fn paint(&self, upload: Upload) -> Result<Painting, PaintError>;

    /// The first letters of these names on a ground whose colour is the user's, as PNG; of no letters, a figure.
    async fn initials(
        &self,
        names: [Option<&str>; 2],
        user: UserId,
        side: u32,
    ) -> Result<Vec<u8>, PaintError>;
}

/// The place failed; what it did is unknown. The text is for the log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the place of pictures failed: {0}")]
pub struct GalleryError(pub String);

/// Where pictures hang: a folder, or a bucket.
#[async_trait]
pub trait Gallery: Send + Sync {
    /// Keeps a square of this side. Once this returns, it is there whatever happens.
    async fn hang(&self, picture: Picture, side: u32, square: Vec<u8>) -> Result<(), GalleryError>;

    /// A square; `None` if there is none.
    async fn look(&self, picture: Picture, side: u32) -> Result<Option<Vec<u8>>, GalleryError>;

    /// Takes away all squares of a picture; also those of one that is not there, or not whole.
    async fn take_down(&self, picture: Picture) -> Result<(), GalleryError>;

    /// One quick question whether the place is there and may be looked into: what is wrong, in words for the log.
    async fn look_around(&self) -> Result<(), GalleryError>;

    /// An URL under which anybody may look at a square between these times, by `GET` alone; `None` where the service
    /// shows its pictures itself. Waits for nothing.
    fn link(&self, picture: Picture, side: u32, from: Timestamp, until: Timestamp) -> Option<String>;
}
