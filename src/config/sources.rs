//! What the process was given: files, environment and flags, read once and not yet understood. Tests make their own.

use super::problem::Problem;
use super::settings::keys;
use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

/// The layers below are overruled by those above: `flags`, `env`, `dotenv`, `toml`, and last the defaults. Prints
/// nothing, since secrets are among it.
#[derive(Clone, Default)]
pub struct Sources {
    /// Name and text of the configuration file.
    pub toml: Option<(String, String)>,
    /// Text of the `.env` file.
    pub dotenv: Option<String>,
    /// Names and values of the environment.
    pub env: Vec<(String, String)>,
    /// Paths of keys and values that the command line gave.
    pub flags: Vec<(String, String)>,
}

const FILE: &str = "keyward.toml";
const DOTENV: &str = ".env";

impl Sources {
    /// Reads `keyward.toml` (or the named file, which then must be there) and `.env` in the working directory, and the
    /// environment.
    pub fn of_process(config: Option<&Path>, flags: Vec<(String, String)>) -> Result<Self, Problem> {
        Self::gather(Path::new(""), config, std::env::vars_os(), flags)
    }

    /// The same for any folder and environment.
    pub(super) fn gather(
        folder: &Path,
        config: Option<&Path>,
        env: impl Iterator<Item = (OsString, OsString)>,
        flags: Vec<(String, String)>,
    ) -> Result<Self, Problem> {
        let toml = match config {
            Some(named) => {
                let name = named.display().to_string();
                let text = fs::read_to_string(named).map_err(|error| unreadable(&name, &error))?;
                Some((name, text))
            }
            None => if_there(folder, FILE)?.map(|text| (FILE.into(), text)),
        };
        Ok(Self { toml, dotenv: if_there(folder, DOTENV)?, env: texts(env)?, flags })
    }
}

fn if_there(folder: &Path, name: &str) -> Result<Option<String>, Problem> {
    match fs::read(folder.join(name)) {
        // Another program's value may be in another encoding; ours would show in its own error.
        Ok(bytes) if name == DOTENV => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Ok(bytes) => {
            String::from_utf8(bytes).map(Some).map_err(|_| Problem::new(name, "the file is not UTF-8"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    Problem::new(name, format!("the file cannot be read: {error}"))
}

/// What is no Unicode is left out, unless its name is one that we read.
fn texts(env: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, Problem> {
    let plain: Vec<&str> = keys().iter().flat_map(|key| key.plain).copied().collect();
    let ours = |name: &str| name.starts_with("KEYWARD_") || plain.contains(&name.trim_end_matches("_FILE"));
    let mut known = Vec::new();
    for (name, value) in env {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => known.push((name, value)),
            Err(_) if ours(&name) => return Err(Problem::new(name, "the value is not UTF-8")),
            Err(_) => {}
        }
    }
    Ok(known)
}
