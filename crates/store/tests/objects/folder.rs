//! What a folder has that a bucket has not: rights, leftovers of a crash, and a disk that is full.

use crate::{picture, square};
use keyward_auth::outside::Gallery;
use keyward_auth::values::{Format, Picture, Timestamp};
use keyward_store::objects::Folder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub(crate) async fn open() -> (Folder, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Folder::open(&folder.path().join("data/pictures")).unwrap(), folder)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// All files and folders below, sorted.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[tokio::test]
async fn folders_and_files_are_for_the_owner_alone() {
    let (gallery, folder) = open().await;
    let picture = picture(Format::Jpeg);
    gallery.hang(picture, 64, square(picture, 64)).await.unwrap();
    let root = folder.path().join("data/pictures");
    let file = root.join(picture.object(64));
    let room = file.parent().unwrap();
    assert_eq!(
        [mode(&folder.path().join("data")), mode(&root), mode(room), mode(&file)],
        [0o700, 0o700, 0o700, 0o600]
    );
    gallery.hang(picture, 64, b"again".to_vec()).await.unwrap();
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn an_open_folder_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let gallery = Folder::open(folder.path()).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(below(folder.path()), [""; 0].map(PathBuf::from), "nothing is left of the trial");
    assert_eq!(
        gallery.link(picture(Format::Png), 64, Timestamp::from_micros(0), Timestamp::from_micros(1)),
        None
    );
}

#[tokio::test]
async fn nothing_is_written_outside_and_nothing_stays() {
    let (gallery, folder) = open().await;
    let before = below(folder.path());
    let picture = picture(Format::Png);
    for side in Picture::SIZES {
        gallery.hang(picture, side, square(picture, side)).await.unwrap();
    }
    let root = folder.path().join("data/pictures");
    let mut expected = before.clone();
    expected.extend(Picture::SIZES.map(|side| root.join(picture.object(side))));
    expected.push(root.join(picture.object(64)).parent().unwrap().to_owned());
    expected.sort();
    assert_eq!(below(folder.path()), expected);
    gallery.take_down(picture).await.unwrap();
    assert_eq!(below(folder.path()), before);
}

/// As it looks when the process dies while a file is written: `object_store` writes `64.jpg#1` and renames it.
#[tokio::test]
async fn what_a_crash_left_is_not_seen_is_no_hindrance_and_goes_along() {
    let (gallery, folder) = open().await;
    let picture = picture(Format::Jpeg);
    let file = folder.path().join("data/pictures").join(picture.object(64));
    let room = file.parent().unwrap();
    fs::create_dir(room).unwrap();
    let half = PathBuf::from(format!("{}#1", file.display()));
    fs::write(&half, b"half").unwrap();
    assert_eq!(gallery.look(picture, 64).await.unwrap(), None);
    gallery.hang(picture, 64, square(picture, 64)).await.unwrap();
    assert_eq!(gallery.look(picture, 64).await.unwrap(), Some(square(picture, 64)));
    assert!(half.exists());
    gallery.take_down(picture).await.unwrap();
    assert!(!room.exists());
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    for path in [file.clone(), file.join("below"), PathBuf::from("/proc/keyward")] {
        let error = Folder::open(&path).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{} cannot be the folder of pictures: ", path.display())),
            "{error}"
        );
    }
}

/// In a process that may write no file beyond 32 KiB, where a write ends in the middle as it does on a full disk.
#[tokio::test]
async fn of_a_full_disk_nothing_half_written_is_seen() {
    const INNER: &str = "KEYWARD_TEST_FULL_DISK";
    if std::env::var_os(INNER).is_none() {
        let own = std::env::current_exe().unwrap();
        let mut inner = Command::new("bash");
        inner.args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\""]).arg(own);
        inner.args(["--exact", "folder::of_a_full_disk_nothing_half_written_is_seen", "--nocapture"]);
        let done = inner.env(INNER, "1").output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}{done:?}");
        return;
    }
    let (gallery, folder) = open().await;
    let picture = picture(Format::Jpeg);
    gallery.hang(picture, 64, vec![1; 30_000]).await.unwrap();
    let before = below(folder.path());
    for side in [64, 512] {
        let error = gallery.hang(picture, side, vec![2; 60_000]).await.unwrap_err();
        assert!(error.to_string().contains("File too large"), "{error}");
    }
    assert_eq!(gallery.look(picture, 64).await.unwrap(), Some(vec![1; 30_000]));
    assert_eq!(gallery.look(picture, 512).await.unwrap(), None);
    assert_eq!(below(folder.path()), before, "nothing is left of the attempts");
}

/// As where its disk is not there: the collector must not believe that anything is gone.
#[tokio::test]
async fn where_the_folder_is_away_nothing_is_gone() {
    let (gallery, folder) = open().await;
    let picture = picture(Format::Png);
    gallery.hang(picture, 64, square(picture, 64)).await.unwrap();
    let (root, away) = (folder.path().join("data/pictures"), folder.path().join("away"));
    fs::rename(&root, &away).unwrap();
    assert!(gallery.hang(picture, 128, square(picture, 128)).await.is_err());
    assert!(gallery.look(picture, 64).await.is_err());
    assert!(gallery.take_down(picture).await.is_err());
    fs::rename(&away, &root).unwrap();
    gallery.take_down(picture).await.unwrap();
    gallery.take_down(picture).await.unwrap();
    assert_eq!((gallery.look(picture, 64).await.unwrap(), below(&root)), (None, Vec::new()));
}
