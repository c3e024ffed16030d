//! Pictures in a folder of this machine: each in a folder of its own, for the owner alone. Owns rights and removal; that a
//! file is written beside its place, forced to the disk and renamed is `object_store`'s part.

use super::OpenError;
use async_trait::async_trait;
use keyward_auth::outside::{Gallery, GalleryError};
use keyward_auth::values::{Picture, Timestamp};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::{Error, ObjectStoreExt};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FOR_THE_OWNER: u32 = 0o700;
const FILE_FOR_THE_OWNER: u32 = 0o600;

/// A folder with pictures, and nothing else, in it.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: LocalFileSystem,
}

impl Folder {
    /// Makes the folder if it is missing, keeps others out of it, and tries to write into it. Blocks.
    ///
    /// # Errors
    /// What the system says, and of which folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: &dyn std::fmt::Display| {
            OpenError(format!("{} cannot be the folder of pictures: {error}", path.display()))
        };
        let root = make(path).map_err(|error| failed(&error))?;
        let files = LocalFileSystem::new_with_prefix(&root).map_err(|error| failed(&error))?;
        Ok(Self { root, files: files.with_fsync(true) })
    }

    /// The folder of a picture.
    fn room(&self, picture: Picture) -> PathBuf {
        let mut room = self.root.join(picture.object(Picture::LARGEST));
        room.pop();
        room
    }
}

#[async_trait]
impl Gallery for Folder {
    async fn hang(&self, picture: Picture, side: u32, square: Vec<u8>) -> Result<(), GalleryError> {
        let (root, room) = (self.root.clone(), self.room(picture));
        blocking(room.clone(), move |room| make_room(&root, room)).await?;
        let object = picture.object(side);
        let file = self.root.join(&object);
        self.files.put(&Name::from(object), square.into()).await.map_err(|error| failed(&room, error))?;
        blocking(file, |file| fs::set_permissions(file, Permissions::from_mode(FILE_FOR_THE_OWNER))).await
    }

    async fn look(&self, picture: Picture, side: u32) -> Result<Option<Vec<u8>>, GalleryError> {
        match self.files.get(&Name::from(picture.object(side))).await {
            Ok(found) => match found.bytes().await {
                Ok(square) => Ok(Some(square.into())),
                Err(error) => Err(failed(&self.room(picture), error)),
            },
            Err(Error::NotFound { .. }) => self.look_around().await.map(|()| None),
            Err(error) => Err(failed(&self.room(picture), error)),
        }
    }

    /// With whatever a crash left beside the squares.
    async fn take_down(&self, picture: Picture) -> Result<(), GalleryError> {
        let root = self.root.clone();
        blocking(self.room(picture), move |room| match fs::remove_dir_all(room) {
            // Where the whole folder is away, what was in it is not gone.
            Err(error) if error.kind() == ErrorKind::NotFound => fs::metadata(root).map(drop),
            // What a loss of power brought back would be known to nobody.
            taken => taken.and_then(|()| forced(&root)),
        })
        .await
    }

    async fn look_around(&self) -> Result<(), GalleryError> {
        blocking(self.root.clone(), |root| fs::read_dir(root).map(drop)).await
    }

    fn link(&self, _: Picture, _: u32, _: Timestamp, _: Timestamp) -> Option<String> {
        None
    }
}

/// The folder by its full name, for the owner alone if it is the owner's.
fn make(path: &Path) -> io::Result<PathBuf> {
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(FOR_THE_OWNER).create(path)?;
        // At the first start. At a later one it may be a disk that is not there.
        tracing::info!(folder = %path.display(), "the folder of pictures was not there, and has been made");
    }
    let root = fs::canonicalize(path)?;
    if fs::metadata(&root)?.permissions().mode() & 0o077 != 0 {
        match fs::set_permissions(&root, Permissions::from_mode(FOR_THE_OWNER)) {
            // Somebody else's, as volumes are in containers. What is made in it is the owner's alone all the same.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    let trial = root.join(".keyward-trial");
    File::create(&trial)?.sync_all()?;
    match fs::remove_file(trial) {
        // Another process tried at the same time.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(root),
        removed => removed.map(|()| root),
    }
}

/// Before the file is begun: what is in it was never open to others.
fn make_room(root: &Path, room: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOR_THE_OWNER).create(room) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| forced(root)),
    }
}

/// The names in a folder, on the disk.
fn forced(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Does something with a file or folder.
async fn blocking(
    path: PathBuf,
    act: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
) -> Result<(), GalleryError> {
    let name = path.clone();
    let done = tokio::task::spawn_blocking(move || act(&path)).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| failed(&name, error))
}

fn failed(path: &Path, error: impl std::fmt::Display) -> GalleryError {
    GalleryError(format!("{}: {error}", path.display()))
}
