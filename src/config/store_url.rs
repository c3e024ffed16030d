//! The URL of the store: SQLite's file, or a database server, whose URL the store itself reads. No password is ever
//! repeated.

#[cfg(feature = "mongodb")]
use keyward_store::mongo::MongoUrl;
use keyward_store::sql::PostgresUrl;
use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// The database's file, as given: a relative path counts from the working directory.
    Sqlite(PathBuf),
    Postgres(Box<PostgresUrl>),
    #[cfg(feature = "mongodb")]
    Mongo(Box<MongoUrl>),
}

/// What can be written.
pub(super) const SHAPES: &str =
    "sqlite:PATH, postgres://user:password@host/database or mongodb://user:password@host/database";

impl StoreUrl {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `sqlite:///absolute` (and `sqlite:///./relative` as SQLAlchemy's users write
    /// it), `file:PATH`, a bare path; `postgres://` or `postgresql://`, with or without the name of a driver; and
    /// `mongodb://` or `mongodb+srv://`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let scheme = scheme.to_ascii_lowercase();
                if ["mongodb", "mongodb+srv"].contains(&scheme.as_str()) {
                    return Self::mongo(text);
                }
                match scheme.split('+').next().unwrap_or_default() {
                    "sqlite" | "file" => rest.strip_prefix("//").unwrap_or(rest),
                    "postgres" | "postgresql" => {
                        return PostgresUrl::parse(&format!("{scheme}:{rest}"))
                            .map(|url| Self::Postgres(Box::new(url)));
                    }
                    // What stands before the colon may be a user or a password.
                    _ if !rest.starts_with("//") && rest.contains('@') => return Err(without_scheme()),
                    _ => {
                        return Err(format!("users cannot be kept behind `{scheme}:`; write {SHAPES}"));
                    }
                }
            }
            _ if text.contains('@') => return Err(without_scheme()),
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

    #[cfg(feature = "mongodb")]
    fn mongo(text: &str) -> Result<Self, String> {
        MongoUrl::parse(text).map(|url| Self::Mongo(Box::new(url)))
    }

    #[cfg(not(feature = "mongodb"))]
    fn mongo(_: &str) -> Result<Self, String> {
        Err("this Keyward was built without MongoDB: take the image that Dockerfile makes, or build it with `cargo build --release \
             --features mongodb`; without it, write sqlite:PATH or postgres://user:password@host/database"
            .into())
    }

    /// What to add to the URL if passwords and hashes may cross a foreign network in the clear.
    pub(super) fn lacks_tls(&self) -> Option<&'static str> {
        match self {
            Self::Postgres(url) if url.is_exposed() => {
                Some("?sslmode=verify-full, or sslmode=require where the server's certificate is its own")
            }
            #[cfg(feature = "mongodb")]
            Self::Mongo(url) if url.is_exposed() => Some("?tls=true"),
            _ => None,
        }
    }

    /// The database's file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            _ => None,
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
            #[cfg(feature = "mongodb")]
            Self::Mongo(url) => url.fmt(f),
        }
    }
}

fn without_scheme() -> String {
    format!("this looks like the URL of a server without its scheme; write {SHAPES}")
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
    use crate::config::tests::{env, folder, only_problem, problems, strong};

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
            "canary:u@h/d",
            "mysql://u:canary@h/d",
        ] {
            let message = StoreUrl::parse(text).unwrap_err();
            assert!(!message.contains("canary") && message.contains("sqlite:"), "{text}: {message}");
        }
    }

    #[test]
    #[cfg(feature = "mongodb")]
    fn mongodb_under_both_its_names() {
        for (name, text, shown) in [
            ("MONGO_URI", "mongodb://u:canary@h:27018", "mongodb://h:27018/keyward"),
            ("MONGO_URI", "mongodb+srv://u:canary@h/", "mongodb+srv://h/keyward"),
            ("DATABASE_URL", "MongoDB://u:canary@h/accounts", "mongodb://h/accounts"),
        ] {
            let url = Config::load(&env(&[(name, text), ("SECRET_KEY", &strong())])).unwrap().store.url;
            assert_eq!((url.file(), url.to_string().as_str()), (None, shown), "{text}");
            assert!(!format!("{url:?}").contains("canary"), "{url:?}");
        }
    }

    #[test]
    #[cfg(not(feature = "mongodb"))]
    fn mongodb_needs_a_build_that_has_it() {
        for text in ["mongodb://u:canary@h/d", "mongodb+srv://u:canary@h"] {
            let message = only_problem(&env(&[("MONGO_URI", text), ("SECRET_KEY", &strong())]));
            assert!(message.contains("--features mongodb") && !message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn mongo_uri_is_nothing_else_and_does_not_stand_beside_another() {
        for text in
            ["u:canary@h", "sqlite:canary.db", "postgres://u:canary@h/d", "mongodb.canary", "mongodb/canary"]
        {
            let message = only_problem(&env(&[("MONGO_URI", text), ("SECRET_KEY", &strong())]));
            assert!(message.contains("MONGO_URI") && !message.contains("canary"), "{message}");
            assert!(message.contains("mongodb"), "{message}");
            let folder = folder();
            let path = folder.path.join("url");
            std::fs::write(&path, text).unwrap();
            let file = ("MONGO_URI_FILE", path.to_str().unwrap());
            let message = only_problem(&env(&[file, ("SECRET_KEY", &strong())]));
            assert!(message.contains("mongodb") && !message.contains("canary"), "{message}");
        }
        let both = [
            ("MONGO_URI", "mongodb://u:canary@h"),
            ("DATABASE_URL", "sqlite:a.db"),
            ("SECRET_KEY", &strong()),
        ];
        let told = problems(&env(&both));
        assert!(told.iter().any(|text| text.contains("MONGO_URI is given too")), "{told:?}");
        let own = [both[0], both[1], both[2], ("KEYWARD_STORE_URL", "sqlite:b.db")];
        let url = Config::load(&env(&own)).unwrap().store.url;
        assert_eq!(url.file(), Some(Path::new("b.db")));
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
