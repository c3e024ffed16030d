//! Pictures of users: how one is hung before it is anybody's, taken down when it is nobody's any more, and shown. Whose it is
//! stands in the user's row, which [`edit_user`](super::edit_user) and registration write.
//!
//! The order is: a leftover, which says that there may be objects; the objects; the user's row. A crash leaves a leftover
//! of which the collector knows, and never a row that points to nothing. A name is given once, so what the collector takes
//! down is nobody's picture, and will not be.

use super::{By, Target};
use crate::Keyward;
use crate::outside::{GalleryError, PaintError, Upload};
use crate::records::{Leftover, StoreError};
use crate::values::{Invalid, Permission, Picture, Timestamp, UserId};
use futures_util::future::{join_all, try_join_all};
use std::time::Duration;

/// When the collector looks at what was hung: long after it has become somebody's picture, or never will.
const LATER: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long a collector has a leftover for itself; what fails is tried again after that. Should it take longer, a second
/// one does the same once more.
const CLAIM: Duration = Duration::from_secs(30);
/// How many leftovers are claimed and looked at at a time.
const AT_ONCE: usize = 8;

/// Why an upload did not become a picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is not what it should be.
    #[error("{0}")]
    Refused(Invalid),
    /// Too many are being painted.
    #[error("too many pictures are waiting to be painted")]
    Busy,
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PaintError> for PictureError {
    fn from(error: PaintError) -> Self {
        match error {
            PaintError::Refused(invalid) => Self::Refused(invalid),
            PaintError::Busy => Self::Busy,
        }
    }
}

/// Where a picture can be looked at for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureLinks {
    /// The side and the link of each square; a link that begins with `/` is one of this service.
    pub squares: Vec<(u32, String)>,
    pub expires_at: Timestamp,
}

impl PictureLinks {
    /// The link to the largest square.
    pub fn largest(&self) -> &str {
        self.of(Picture::LARGEST)
    }

    pub fn of(&self, side: u32) -> &str {
        self.squares.iter().find(|(of, _)| *of == side).map(|(_, link)| link.as_str()).unwrap_or_default()
    }
}

impl Keyward {
    /// Paints an upload and hangs it, for a user who may not be there yet. Should it not become that user's picture, the
    /// collector takes it down.
    pub(super) async fn hang(&self, upload: Upload, user: UserId) -> Result<Picture, PictureError> {
        let painting = self.painter.paint(upload).await?;
        let mut once = [0; 16];
        self.random.fill(&mut once);
        let largest = painting.squares.last().map(Vec::as_slice).unwrap_or_default();
        let picture = self.tokens.pictures.name(&once, painting.format, largest);
        let leftover = Leftover { picture, user, due_at: self.now() + LATER };
        self.store.leftovers.put(&leftover).await?;
        let squares = Picture::SIZES.into_iter().zip(painting.squares);
        try_join_all(squares.map(|(side, square)| self.gallery.hang(picture, side, square))).await?;
        Ok(picture)
    }

    /// A picture that is this user's no more, to be kept along with the change that says so.
    pub(super) fn leftover(&self, picture: Picture, user: UserId) -> Leftover {
        Leftover { picture, user, due_at: self.now() }
    }

    /// A picture that hangs and will be nobody's. Should this fail, it is looked at later.
    pub(super) async fn abandon(&self, picture: Picture, user: UserId) {
        if let Err(error) = self.store.leftovers.put(&self.leftover(picture, user)).await {
            tracing::debug!(%error, "a picture that is nobody's stays for a day");
        }
    }

    /// Takes down some of what is due and nobody's. Returns how many were looked at: none, if nothing is due. What fails waits
    /// until its claim ends, and holds up no other.
    pub async fn collect(&self) -> Result<usize, PictureError> {
        let now = self.now();
        let claimed = self.store.leftovers.claim(now, now + CLAIM, AT_ONCE).await?;
        let looked = join_all(claimed.iter().map(|leftover| self.look_at(leftover))).await;
        looked.into_iter().collect::<Result<(), _>>()?;
        Ok(claimed.len())
    }

    async fn look_at(&self, leftover: &Leftover) -> Result<(), PictureError> {
        let user = self.store.users.by_id(leftover.user).await?;
        if user.is_none_or(|user| user.picture != Some(leftover.picture)) {
            self.gallery.take_down(leftover.picture).await?;
            tracing::debug!(picture = %leftover.picture, "a picture that was nobody's is gone");
        }
        self.store.leftovers.remove(leftover).await?;
        Ok(())
    }

    /// Links to a picture, the same for some minutes, so that browsers may keep what they lead to. Asks nobody.
    pub fn picture_links(&self, picture: Picture) -> PictureLinks {
        let (from, until) = self.policy.picture_window(self.now());
        let link = |side: u32| {
            self.gallery.link(picture, side, from, until).unwrap_or_else(|| {
                let signature = self.tokens.pictures.signature(picture, side, until);
                let (object, expires) = (picture.object(side), until.as_micros() / 1_000_000);
                format!("/pictures/{object}?expires={expires}&signature={signature}")
            })
        };
        PictureLinks { squares: Picture::SIZES.map(|side| (side, link(side))).into(), expires_at: until }
    }

    /// Whether such a link of this service was signed here and is still good.
    pub fn opens(&self, picture: Picture, side: u32, until: Timestamp, signature: &str) -> bool {
        self.tokens.pictures.is_signed(picture, side, until, signature) && self.now() < until
    }

    /// A square, for whoever has a link to it.
    pub async fn look_at_picture(
        &self,
        picture: Picture,
        side: u32,
    ) -> Result<Option<Vec<u8>>, GalleryError> {
        self.gallery.look(picture, side).await
    }

    /// What stands for a user without a picture: the initials, as PNG.
    pub async fn initials(
        &self,
        by: By<'_>,
        target: &Target,
        side: u32,
    ) -> Result<Option<Vec<u8>>, PictureError> {
        let Some(user) = self.self_or(by, Permission::UsersRead, target).await? else { return Ok(None) };
        let first = user.first_name.as_ref().map(|name| name.as_str());
        let first = first.or(user.username.as_ref().map(|name| name.as_str()));
        let names = [first, user.last_name.as_ref().map(|name| name.as_str())];
        Ok(Some(self.painter.initials(names, user.id, side).await?))
    }
}
