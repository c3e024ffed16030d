//! The secret that all internal keys are derived from: as configured, or from a key file beside the database that is
//! made at the first start. Owns that file; deriving is `keyward_auth`'s.

use super::problem::Problem;
use super::secret::Secret;
use super::settings::Config;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The master secret and where it came from.
#[derive(Debug, Clone)]
pub struct Master {
    pub secret: Secret,
    pub from: MasterFrom,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterFrom {
    /// `secrets.master`.
    Master,
    /// `secrets.key`, where that is the only one.
    Key,
    /// The key file, which was there or was just made.
    File(PathBuf),
}

const NAME: &str = "keyward.key";
const BYTES: usize = 32;

/// Finds the master secret; without a configured one, makes the key file where there is none.
///
/// Of many processes that start at once all get the same secret.
pub fn master(config: &Config) -> Result<Master, Problem> {
    if let Some(secret) = config.secrets.master.clone() {
        return Ok(Master { secret, from: MasterFrom::Master });
    }
    if let Some(secret) = config.secrets.key.clone() {
        return Ok(Master { secret, from: MasterFrom::Key });
    }
    let Some(folder) = config.store.url.folder() else {
        return Err(Problem::new(
            "secrets.key",
            "a database server has no folder for a key file: give SECRET_KEY",
        ));
    };
    let path = folder.join(NAME);
    let failed =
        |error: io::Error| Problem::new(path.display().to_string(), format!("the key file: {error}"));
    let secret = match read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_folder(folder).map_err(failed)?;
            make(folder, &path).map_err(failed)?;
            read(&path).map_err(failed)?
        }
        other => other.map_err(failed)?,
    };
    Ok(Master { secret, from: MasterFrom::File(path) })
}

/// Whether the next call of [`master`] would make a key file.
pub fn lacks_key_file(config: &Config) -> bool {
    let is_configured = config.secrets.master.is_some() || config.secrets.key.is_some();
    !is_configured && config.store.url.folder().is_some_and(|folder| !folder.join(NAME).exists())
}

fn read(path: &Path) -> io::Result<Secret> {
    let file = File::open(path)?;
    is_private(&file, path)?;
    let mut text = Zeroizing::new(String::new());
    // A file that is no key may be large.
    file.take(1024).read_to_string(&mut text)?;
    let digits = text.trim_end().as_bytes();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    match bytes.map(Secret::new) {
        Some(secret) if digits.len() == 2 * BYTES => Ok(secret),
        _ => Err(io::Error::new(
            ErrorKind::InvalidData,
            "this is not a key of 64 hexadecimal digits; restore it from a backup",
        )),
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some(digit(*high)? << 4 | digit(*low)?)
        }
        _ => None,
    }
}

/// Writes a new key under a name of its own and links it to the final one, which only the first of several can do; a
/// reader so finds a whole key or none, also after a crash.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    let mut mark = [0; 8];
    getrandom::fill(bytes.as_mut()).and_then(|()| getrandom::fill(&mut mark)).map_err(io::Error::other)?;
    let mut text = hex(bytes.as_ref());
    text.push('\n');
    let draft = folder.join(format!("{NAME}.{}", hex(&mark).as_str()));
    let linked = create(&draft, text.as_bytes()).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // A draft that stays behind is a nuisance, not a danger: it is as private as the key.
    let _ = fs::remove_file(&draft);
    linked?;
    sync_folder(folder)
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    // Room for the newline too: growing would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len() + 1));
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    text
}

fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Makes the folder of the data and those above it, for this user only; one that is there stays as it is.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn is_private(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let how = format!("others on this machine may read it; run: chmod 600 {}", path.display());
    Err(io::Error::new(ErrorKind::PermissionDenied, how))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn is_private(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::config::tests::folder;
    use std::collections::HashSet;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    fn config(store: &Path, env: &[(&str, &str)]) -> Config {
        let mut env: Vec<(String, String)> = env.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        env.push(("DATABASE_URL".into(), format!("sqlite:{}", store.display())));
        Config::load(&Sources { env, ..Sources::default() }).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn of_many_starts_all_get_one_private_key() {
        let folder = folder();
        let data = folder.path.join("a/data");
        let config = config(&data.join("keyward.db"), &[]);
        let barrier = Barrier::new(16);
        let keys: HashSet<Vec<u8>> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                master(&config).unwrap().secret.expose().to_vec()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(keys.len(), 1);
        assert_eq!(keys.iter().next().unwrap().len(), 32);
        assert_eq!((mode(&data), mode(&data.join(NAME))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft stays behind");
        assert_eq!(master(&config).unwrap().from, MasterFrom::File(data.join(NAME)));
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_none_is_refused() {
        let folder = folder();
        let path = folder.path.join(NAME);
        let config = config(&folder.path.join("keyward.db"), &[]);
        master(&config).unwrap();
        for open in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let message = master(&config).unwrap_err().to_string();
            assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "canary", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66), &"\u{e9}".repeat(32)] {
            fs::write(&path, text).unwrap();
            let message = master(&config).unwrap_err().to_string();
            assert!(message.contains("64 hexadecimal digits") && !message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn a_configured_secret_needs_no_file() {
        let folder = folder();
        let [one, other] = [0, 1].map(|_| {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).unwrap();
            hex(&bytes).to_string()
        });
        let store = folder.path.join("keyward.db");
        let both =
            master(&config(&store, &[("SECRET_KEY", &one), ("KEYWARD_SECRETS_MASTER", &other)])).unwrap();
        assert_eq!((both.from, both.secret.expose()), (MasterFrom::Master, other.as_bytes()));
        let key = master(&config(&store, &[("SECRET_KEY", &one)])).unwrap();
        assert_eq!((key.from, key.secret.expose()), (MasterFrom::Key, one.as_bytes()));
        assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 0);
    }
}
