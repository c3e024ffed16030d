//! Mails as files: one for each, for tests and for programs that fetch them. A file is whole once it has its name.

use keyward_auth::outside::Undelivered;
use keyward_auth::values::MailId;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How often the folder is tried where other servers try it at the same moment.
const TRIES: usize = 20;

#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder if it is missing, and tries to write into it.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let folder = Self(path.to_owned());
        // Another server that starts at the same moment may take the trial's file away.
        let is_of_another = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists)
        };
        for _ in 0..TRIES {
            match folder.try_out() {
                Err(error) if is_of_another(&error) => {}
                tried => return tried.map(|()| folder),
            }
        }
        folder.try_out().map(|()| folder)
    }

    fn try_out(&self) -> io::Result<()> {
        self.write(".keyward-trial", b"")?;
        fs::remove_file(self.0.join(".keyward-trial"))
    }

    /// Puts a message there as `ID.eml`, on disk when this returns. The same mail again takes the place of the first.
    pub(crate) async fn put(&self, id: MailId, bytes: Vec<u8>) -> Result<(), Undelivered> {
        let folder = self.clone();
        let put = tokio::task::spawn_blocking(move || folder.write(&format!("{id}.eml"), &bytes)).await;
        put.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
            Undelivered::Unreachable(format!("{} cannot be written: {error}", self.0.display()))
        })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.0.join(format!("{}.tmp", name.strip_suffix(".eml").unwrap_or(name)));
        // Left by a process that died, or by one that writes the very same.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = for_the_owner().open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.0.join(name))?;
        File::open(&self.0)?.sync_all()
    }
}

/// A new file that nobody else reads: there are codes in it.
fn for_the_owner() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_mail_is_one_file_for_the_owner() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        let folder = Folder::open(&path).unwrap();
        assert_eq!(names(&path), [""; 0]);
        let id = MailId::from_bytes([1; 16]);
        folder.put(id, b"first".to_vec()).await.unwrap();
        fs::write(path.join(format!("{id}.tmp")), "of a process that died").unwrap();
        folder.put(id, b"again".to_vec()).await.unwrap();
        assert_eq!(names(&path), [format!("{id}.eml")]);
        let file = path.join(format!("{id}.eml"));
        assert_eq!(fs::read(&file).unwrap(), b"again");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn many_may_start_on_one_folder_at_once() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().to_owned();
        for _ in 0..20 {
            let starts = (0..3).map(|_| {
                let path = path.clone();
                std::thread::spawn(move || Folder::open(&path).map(drop))
            });
            for start in starts.collect::<Vec<_>>() {
                start.join().unwrap().unwrap();
            }
        }
        assert_eq!(names(&path), [""; 0]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_said_at_once_and_later_tried_again() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Folder::open(&file).is_err());
        let gone = outer.path().join("gone");
        let folder = Folder::open(&gone).unwrap();
        fs::remove_dir(&gone).unwrap();
        let error = folder.put(MailId::from_bytes([1; 16]), b"secret".to_vec()).await.unwrap_err();
        assert!(matches!(&error, Undelivered::Unreachable(text) if text.contains("gone")), "{error:?}");
        assert!(!error.to_string().contains("secret"));
    }
}
