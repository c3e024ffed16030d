//! The URL of the store: SQLite's file, or a database server, whose URL the store itself reads. No password is ever
//! repeated.

use keyward_store::sql::PostgresUrl;
use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// The database's file, as given: a relative path counts from the working directory.
    Sqlite(PathBuf),
    Postgres(Box<PostgresUrl>),
}

impl StoreUrl {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `sqlite:///absolute` (and `sqlite:///./relative` as SQLAlchemy's users write
    /// it), `file:PATH`, a bare path; and `postgres://` or `postgresql://`, with or without the name of a driver.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let scheme = scheme.to_ascii_lowercase();
                match scheme.split('+').next().unwrap_or_default() {
                    "sqlite" | "file" => rest.strip_prefix("//").unwrap_or(rest),
                    "postgres" | "postgresql" => {
                        return PostgresUrl::parse(&format!("{scheme}:{rest}"))
                            .map(|url| Self::Postgres(Box::new(url)));
                    }
                    _ => {
                        return Err(format!(
                            "this version keeps its data in SQLite or PostgreSQL, not behind `{scheme}:`; write \
                             sqlite:PATH or postgres://user:password@host/database"
                        ));
                    }
                }
            }
            _ if text.contains('@') => {
                return Err("this looks like the URL of a server without its scheme; write sqlite:PATH or \
                            postgres://user:password@host/database"
                    .into());
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
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// The database's file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// The folder of that file, where the key file lies beside it.
    pub fn folder(&self) -> Option<&Path> {
        let parent = self.file()?.parent().filter(|folder| !folder.as_os_str().is_empty());
        Some(parent.unwrap_or(Path::new(".")))
    }
}

/// Without user and password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
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
    use crate::config::Config;
    use crate::config::tests::{env, folder, only_problem, strong};

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
            assert_eq!(
                (url.file(), url.folder()),
                (Some(Path::new(path)), Some(Path::new(folder))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        for text in [
            "postgres://u:canary@h:5433/d",
            "postgresql+asyncpg://u:canary@h:5433/d",
            "POSTGRESQL://u:canary@h:5433/d",
        ] {
            let url = StoreUrl::parse(text).unwrap();
            assert_eq!((url.file(), url.to_string().as_str()), (None, "postgres://h:5433/d"), "{text}");
            assert!(!format!("{url:?}").contains("canary"), "{url:?}");
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
            "u:canary@h/d",
            "mongodb://u:canary@h/d",
            "mongodb+srv://u:canary@h",
            "mysql://u:canary@h/d",
        ] {
            let message = StoreUrl::parse(text).unwrap_err();
            assert!(!message.contains("canary") && message.contains("sqlite:"), "{text}: {message}");
        }
    }

    #[test]
    fn a_database_server_needs_a_secret() {
        let message = only_problem(&env(&[("DATABASE_URL", "postgres://u:canary@h/d")]));
        assert!(message.starts_with("secrets.key: ") && message.contains("SECRET_KEY"), "{message}");
        for name in ["SECRET_KEY", "KEYWARD_SECRETS_MASTER"] {
            let sources = env(&[("DATABASE_URL", "postgres://h/d"), (name, &strong())]);
            let config = Config::load(&sources).unwrap();
            assert_eq!((config.store.url.file(), config.store.url.folder()), (None, None));
        }
    }

    #[test]
    fn a_url_may_stand_in_a_file() {
        let folder = folder();
        let path = folder.path.join("url");
        std::fs::write(&path, "postgres://u:canary@h:5433/d\n").unwrap();
        let sources = env(&[("DATABASE_URL_FILE", path.to_str().unwrap()), ("SECRET_KEY", &strong())]);
        assert_eq!(Config::load(&sources).unwrap().store.url.to_string(), "postgres://h:5433/d");
    }
}
