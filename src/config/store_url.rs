//! The URL of the store. This version knows SQLite's; every other is refused, and its password is never repeated.

use std::path::{Path, PathBuf};

/// The database's file, as given: a relative path counts from the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    path: PathBuf,
}

impl StoreUrl {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `sqlite:///absolute` (and `sqlite:///./relative` as SQLAlchemy's users write
    /// it), `file:PATH` and a bare path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let scheme = scheme.to_ascii_lowercase();
                if scheme != "file" && scheme != "sqlite" && !scheme.starts_with("sqlite+") {
                    return Err(format!(
                        "this version keeps its data in SQLite, a URL of `{scheme}:` is for a later one; write \
                         sqlite:./keyward-data/keyward.db, or leave it out"
                    ));
                }
                rest.strip_prefix("//").unwrap_or(rest)
            }
            _ if text.contains('@') => {
                return Err(
                    "this looks like the URL of a server without its scheme; write sqlite:PATH".into()
                );
            }
            _ => text,
        };
        // Nobody means `/./` as the beginning of an absolute path.
        let path = path
            .strip_prefix('/')
            .filter(|rest| rest.starts_with("./") || rest.starts_with("../"))
            .unwrap_or(path);
        if path.is_empty() || path.ends_with('/') {
            return Err("the name of the database's file is missing; write sqlite:PATH".into());
        }
        if path.contains(":memory:") {
            return Err("a database in memory would forget everybody; write sqlite:PATH".into());
        }
        if path.contains(['?', '#', '\0']) {
            return Err("a SQLite URL takes no parameters here; write sqlite:PATH".into());
        }
        Ok(Self { path: PathBuf::from(path) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the database, where the key file lies beside it.
    pub fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// A single letter would be a drive of Windows.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        for (text, path, folder) in [
            ("sqlite:./keyward-data/keyward.db", "./keyward-data/keyward.db", "./keyward-data"),
            ("sqlite:keyward.db", "keyward.db", "."),
            ("sqlite://data/keyward.db", "data/keyward.db", "data"),
            ("sqlite:///var/lib/keyward.db", "/var/lib/keyward.db", "/var/lib"),
            ("sqlite:////var/lib/keyward.db", "//var/lib/keyward.db", "//var/lib"),
            ("sqlite:/var/lib/keyward.db", "/var/lib/keyward.db", "/var/lib"),
            ("sqlite:///./app.db", "./app.db", "."),
            ("sqlite+aiosqlite:///./app.db", "./app.db", "."),
            ("file:data/keyward.db", "data/keyward.db", "data"),
            ("data/keyward.db", "data/keyward.db", "data"),
        ] {
            let url = StoreUrl::parse(text).unwrap();
            assert_eq!((url.path(), url.folder()), (Path::new(path), Path::new(folder)), "{text}");
        }
    }

    #[test]
    fn refused_without_a_word_of_the_secret() {
        for text in [
            "",
            "sqlite:",
            "sqlite://",
            "sqlite:data/",
            "sqlite::memory:",
            "sqlite:a.db?mode=rwc",
            "postgres://u:canary@h/d",
            "postgresql+asyncpg://u:canary@h/d",
            "POSTGRESQL://u:canary@h/d",
            "mongodb://u:canary@h/d",
            "mongodb+srv://u:canary@h",
            "mysql://u:canary@h/d",
        ] {
            let message = StoreUrl::parse(text).unwrap_err();
            assert!(!message.contains("canary") && message.contains("sqlite:"), "{text}: {message}");
        }
    }
}
