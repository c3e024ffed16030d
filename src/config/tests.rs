//! The configuration as a person meets it: layers, names, messages, and what is never said. Values and syntax are tested
//! where they are read.

use super::*;
use keyward_auth::tokens::Algorithm;
use std::collections::HashSet;
use std::path::Path;

/// A secret of its own for every run: none stands in a file.
pub(super) fn strong() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn toml(text: &str) -> Sources {
    Sources { toml: Some(("keyward.toml".into(), text.into())), ..Sources::default() }
}

pub(super) fn env(list: &[(&str, &str)]) -> Sources {
    Sources { env: pairs(list), ..Sources::default() }
}

pub(super) fn problems(sources: &Sources) -> Vec<String> {
    check(sources).iter().map(ToString::to_string).collect()
}

pub(super) fn only_problem(sources: &Sources) -> String {
    let found = problems(sources);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn defaults_are_valid_and_quiet() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.store.url.file(), Some(Path::new("./keyward-data/keyward.db")));
    assert_eq!(config.tokens.access_ttl.as_secs(), 900);
    assert_eq!(config.public_url(config.server.listen).as_deref(), Some("http://127.0.0.1:8000"));
    assert_eq!(config.issuer(config.server.listen), "http://127.0.0.1:8000");
    assert!(config.warnings().is_empty() && config.secrets.master.is_none() && config.secrets.key.is_none());
    assert!(config.effective.iter().all(|key| key.place == Place::Default));
}

/// `tokens.audience` has only our own name, `tokens.algorithm` has a plain one too.
#[test]
fn the_stronger_layer_wins() {
    let all = Sources {
        toml: Some(("keyward.toml".into(), "[tokens]\naudience = 'toml'\nalgorithm = 'RS256'".into())),
        dotenv: Some("KEYWARD_TOKENS_AUDIENCE=dotenv\nALGORITHM=EdDSA".into()),
        env: pairs(&[("KEYWARD_TOKENS_AUDIENCE", "env"), ("ALGORITHM", "ES256")]),
        flags: pairs(&[("tokens.audience", "flag")]),
    };
    let without_flags = Sources { flags: Vec::new(), ..all.clone() };
    let without_env = Sources { env: Vec::new(), ..without_flags.clone() };
    let without_dotenv = Sources { dotenv: None, ..without_env.clone() };
    for (sources, audience, place, algorithm) in [
        (&all, "flag", "flag", Algorithm::Es256),
        (&without_flags, "env", "environment, KEYWARD_TOKENS_AUDIENCE", Algorithm::Es256),
        (&without_env, "dotenv", ".env, KEYWARD_TOKENS_AUDIENCE", Algorithm::EdDsa),
        (&without_dotenv, "toml", "keyward.toml, line 2", Algorithm::Rs256),
        (&Sources::default(), "keyward", "default", Algorithm::Es256),
    ] {
        let config = Config::load(sources).unwrap();
        assert_eq!(config.tokens.audience, audience);
        assert_eq!(config.tokens.algorithm, algorithm);
        let key = config.effective.iter().find(|key| key.path == "tokens.audience").unwrap();
        assert_eq!(key.place.to_string(), place);
    }
}

#[test]
fn our_own_names_beat_the_plain_ones_wherever_they_stand() {
    let sources = Sources {
        dotenv: Some("KEYWARD_TOKENS_ALGORITHM=EdDSA\nKEYWARD_SERVER_LISTEN=:9000".into()),
        env: pairs(&[("ALGORITHM", "RS256"), ("PORT", "7000")]),
        ..Sources::default()
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.tokens.algorithm, Algorithm::EdDsa);
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
}

#[test]
fn plain_names() {
    let key = strong();
    let sources = env(&[
        ("DATABASE_URL", "sqlite:///./app.db"),
        ("SECRET_KEY", &key),
        ("ALGORITHM", "HS256"),
        ("PORT", "7000"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.store.url.file(), Some(Path::new("./app.db")));
    assert_eq!(config.secrets.key.as_ref().unwrap().expose(), key.as_bytes());
    assert_eq!(config.tokens.algorithm, Algorithm::Hs256);
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:7000");
    assert_eq!(config.public_url(config.server.listen), None);
    assert_eq!(config.issuer(config.server.listen), "keyward");
    assert_eq!(config.warnings().len(), 3, "{:?}", config.warnings());
    // Of later versions, or of other programs.
    assert!(problems(&env(&[("S3_BUCKET", "xyz"), ("HOST", "x"), ("SERVER_LISTEN", "x")])).is_empty());
}

#[test]
fn names_of_kubernetes_and_of_tests_are_left_alone() {
    let sources = env(&[
        ("KEYWARD_PORT", "tcp://10.0.0.1:8000"),
        ("KEYWARD_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("KEYWARD_SERVICE_HOST", "10.0.0.1"),
        ("KEYWARD_SERVICE_PORT", "8000"),
        ("KEYWARD_TEST_POSTGRES", "x"),
    ]);
    assert_eq!(problems(&sources), [""; 0]);
}

/// M-04.
#[test]
fn m_04_unknown_keys_are_refused_with_a_suggestion() {
    let dotenv = Sources { dotenv: Some("OTHER=1\nKEYWARD_STORE_URI=x".into()), ..Sources::default() };
    let flag = Sources { flags: pairs(&[("server.listn", "x")]), ..Sources::default() };
    for (sources, message) in [
        (
            toml("[sever]\nlisten = ':80'"),
            "keyward.toml, line 2: unknown key `sever.listen` in keyward.toml; did you mean `server.listen`?",
        ),
        (
            toml("\nsever.listen = ':80'"),
            "keyward.toml, line 2: unknown key `sever.listen` in keyward.toml; did you mean `server.listen`?",
        ),
        (
            toml("[tokens]\n\n# ttl\naccess_tll = 5"),
            "keyward.toml, line 4: unknown key `tokens.access_tll` in keyward.toml; did you mean `tokens.access_ttl`?",
        ),
        (
            toml("[wholly]\ndifferent = 1"),
            "keyward.toml, line 2: unknown key `wholly.different` in keyward.toml",
        ),
        (toml("listen = ':80'"), "keyward.toml, line 1: unknown key `listen` in keyward.toml"),
        (
            toml("[pasword]"),
            "keyward.toml, line 1: unknown key `pasword` in keyward.toml; did you mean `passwords`?",
        ),
        (
            env(&[("KEYWARD_SERVER_LISTN", "x")]),
            "environment, KEYWARD_SERVER_LISTN: no setting has this name; did you mean `KEYWARD_SERVER_LISTEN`?",
        ),
        (
            env(&[("KEYWARD_LOG_LEVEL_FILE", "x")]),
            "environment, KEYWARD_LOG_LEVEL_FILE: no setting has this name; did you mean `KEYWARD_LOG_LEVEL`?",
        ),
        (dotenv, ".env, KEYWARD_STORE_URI: no setting has this name; did you mean `KEYWARD_STORE_URL`?"),
        (flag, "server.listn: there is no such key; did you mean `server.listen`?"),
    ] {
        assert_eq!(only_problem(&sources), message);
    }
}

/// M-02, M-03 and M-04: each with the key's path, where it was set, and what is allowed.
#[test]
fn m_04_bad_values_are_refused_with_their_path() {
    for (key, value, message) in [
        ("tokens.access_ttl", "-1", "`-1` is not a duration from 10s to 1d"),
        ("tokens.access_ttl", "0", "`0` is not a duration from 10s to 1d"),
        ("tokens.access_ttl", "1000000000", "`1000000000` is not a duration from 10s to 1d"),
        ("tokens.access_ttl", "1e9", "`1e9` is not a duration from 10s to 1d"),
        ("tokens.algorithm", "none", "`none` is not one of ES256, EdDSA, RS256, HS256"),
        ("tokens.algorithm", "", "`` is not one of ES256, EdDSA, RS256, HS256"),
        ("passwords.min_length", "7", "`7` is not a number from 8 to 64"),
        ("passwords.argon2_memory", "19455", "`19455` is not a number from 19456 to 1048576"),
        ("passwords.bcrypt_cost", "9", "`9` is not a number from 10 to 15"),
        ("server.header_timeout", "31s", "`31s` is not a duration from 1s to 30s"),
        (
            "server.trusted_proxies",
            "10.0.0.0/8,0.0.0.0/0",
            "`0.0.0.0/0` would let everybody choose their own address; list your proxies",
        ),
        ("server.listen", "8000", "`8000` is not an address and port such as 127.0.0.1:8000"),
        (
            "http.cors_origins",
            "*",
            "`*` would let every web site act for people who visit it; list the origins",
        ),
        ("http.unknown_fields", "yes", "`yes` is not one of refuse, ignore"),
        ("accounts.verification", "yes", "`yes` is not one of off, optional, required"),
    ] {
        let name = format!("KEYWARD_{}", key.replace('.', "_").to_ascii_uppercase());
        assert_eq!(only_problem(&env(&[(&name, value)])), format!("{key} (environment, {name}): {message}"));
    }
    assert_eq!(
        only_problem(&toml("[tokens]\naccess_ttl = -1")),
        "tokens.access_ttl (keyward.toml, line 2): `-1` is not a duration from 10s to 1d"
    );
    for text in [
        "[log.level]\na = 1",
        "log = 5",
        "[log]\nlevel = 2026-01-01",
        "[log]\nlevel = [['a']]",
        "[log]\nlevel = ['info']",
        "[log",
    ] {
        assert!(only_problem(&toml(text)).contains("line "), "{text}");
    }
}

#[test]
fn rules_across_keys() {
    for (sources, key) in [
        (toml("[sessions]\nidle = '2d'\nlifetime = '1d'"), "sessions.idle"),
        (toml("[hashing]\nmemory = 32\n[passwords]\nargon2_memory = 65_536"), "hashing.memory"),
        (env(&[("ALGORITHM", "HS256")]), "tokens.algorithm"),
    ] {
        assert!(only_problem(&sources).starts_with(&format!("{key}: ")));
    }
    assert!(only_problem(&env(&[("ALGORITHM", "HS256")])).contains("SECRET_KEY"));
}

#[test]
fn all_problems_are_told_at_once() {
    let mut sources = toml("[sever]\nlisten = 1\n[tokens]\naccess_ttl = 0\naudience = ''");
    sources.env = pairs(&[("KEYWARD_X", "1"), ("KEYWARD_LOG_LEVEL", "loud")]);
    assert_eq!(problems(&sources).len(), 5, "{:#?}", problems(&sources));
}

/// M-01: the message names the variable and how to make a secret, and never the value.
#[test]
fn m_01_weak_secrets_are_refused_by_name_only() {
    let canary = "canary-canary";
    for value in [
        "",
        canary,
        "your_secret_key",
        "changeme",
        "canarycanarycanarycanarycanarycanarycanary",
        "canary example canary example canary 1",
    ] {
        for name in ["SECRET_KEY", "KEYWARD_SECRETS_MASTER"] {
            let message = only_problem(&env(&[(name, value)]));
            assert!(message.contains(name) && message.contains("openssl rand -hex 32"), "{message}");
            assert!(value.is_empty() || !message.contains(value), "{message}");
            assert!(!message.contains("canary"), "{message}");
        }
        let message = only_problem(&toml(&format!("[secrets]\nkey = '{value}'")));
        assert!(
            message.starts_with("secrets.key (keyward.toml, line 2)") && message.contains("SECRET_KEY"),
            "{message}"
        );
    }
    let broken = only_problem(&toml(&format!("[secrets]\nkey = '{canary}\nx")));
    assert!(!broken.contains("canary"), "{broken}");
}

#[test]
fn no_password_of_a_url_is_repeated() {
    for (name, url) in [
        ("MONGO_URI", "mongodb://u:canary@x@h/d"),
        ("DATABASE_URL", "postgres://u:canary@h:port/d"),
        ("REDIS_URL", "http://u:canary@h"),
    ] {
        let message = only_problem(&env(&[(name, url)]));
        assert!(message.contains(name) && !message.contains("canary"), "{message}");
    }
    let flag = Sources { flags: pairs(&[("store.url", "postgres://u:canary@h/d")]), ..Sources::default() };
    let message = only_problem(&flag);
    assert!(message.contains("not given as an argument") && !message.contains("canary"), "{message}");
    let (secret, mut sources) = (strong(), Sources::default());
    sources.env = pairs(&[
        ("DATABASE_URL", "postgresql+asyncpg://u:canary@h:5433/d"),
        ("REDIS_URL", "rediss://u:canary@r:6380/2"),
        ("SECRET_KEY", &secret),
    ]);
    let config = Config::load(&sources).unwrap();
    let shown = config.show();
    assert!(shown.contains("postgres://h:5433/d") && shown.contains("rediss://r:6380/2"), "{shown}");
    assert!(!shown.contains("canary") && !format!("{config:?}").contains("canary"), "{shown}");
}

#[test]
fn secrets_are_shown_only_as_set() {
    let key = strong();
    let sources = env(&[
        ("SECRET_KEY", &key),
        ("KEYWARD_INTROSPECTION_CALLERS", "gateway:canary-canary-canary"),
        ("PORT", "80"),
    ]);
    let config = Config::load(&sources).unwrap();
    let shown = config.show();
    assert!(shown.contains("secrets.key = (set)") && shown.contains("secrets.master = (not set)"), "{shown}");
    assert!(
        shown.contains("server.listen = \"0.0.0.0:80\"") && shown.contains("# environment, PORT"),
        "{shown}"
    );
    assert!(shown.contains("introspection.callers = (set)"), "{shown}");
    for text in [shown, format!("{config:?}")] {
        assert!(!text.contains(&key) && !text.contains("canary"), "{text}");
    }
}

#[test]
fn the_sample_is_the_defaults() {
    let sample = sample();
    assert!(problems(&toml(&sample)).is_empty());
    let line = |line: &str| {
        line.strip_prefix("# ")
            .filter(|l| l.split_once(" = ").is_some_and(|(k, _)| !k.contains(' ')))
            .map(ToOwned::to_owned)
    };
    let text: Vec<String> = sample.lines().map(|l| line(l).unwrap_or_else(|| l.to_owned())).collect();
    let text = text.join("\n");
    // An empty secret is refused, so these two stay as they are.
    let text = text.replace("master = \"\"", "").replace("\nkey = \"\"", "");
    let set = Config::load(&toml(&text)).unwrap();
    let paths: HashSet<&str> =
        set.effective.iter().filter(|key| key.place != Place::Default).map(|key| key.path).collect();
    assert_eq!(paths.len(), settings::keys().len() - 2);
    let plain = |config: &Config| format!("{:?}", Config { effective: Vec::new(), ..config.clone() });
    assert_eq!(plain(&set), plain(&Config::load(&Sources::default()).unwrap()));
    for key in settings::keys() {
        assert!(sample.contains(&key.variable()), "{}", key.path);
    }
}

#[test]
fn warnings() {
    for (sources, count) in [
        (env(&[("KEYWARD_SERVER_LISTEN", ":8000")]), 2),
        (env(&[("KEYWARD_SERVER_LISTEN", ":8000"), ("KEYWARD_SERVER_PUBLIC_URL", "https://a.example")]), 1),
        (env(&[("KEYWARD_SERVER_PUBLIC_URL", "http://a.example"), ("SMTP_URL", "smtps://mail.example")]), 1),
        (env(&[("KEYWARD_SERVER_PUBLIC_URL", "http://localhost:3000")]), 0),
        (env(&[("KEYWARD_SERVER_TRUSTED_PROXIES", "10.0.0.0/8")]), 1),
        (env(&[("KEYWARD_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, 128.0.0.0/1")]), 2),
    ] {
        let config = Config::load(&sources).unwrap();
        assert_eq!(config.warnings().len(), count, "{:?}", config.warnings());
    }
}

#[test]
fn files_of_the_process() {
    let folder = folder();
    let gather =
        |config: Option<&Path>| Sources::gather(&folder.path, config, std::iter::empty(), Vec::new());
    let none = gather(None).unwrap();
    assert!(none.toml.is_none() && none.dotenv.is_none());
    std::fs::write(folder.path.join("keyward.toml"), "[log]\nlevel = 'warn'").unwrap();
    std::fs::write(folder.path.join(".env"), b"OTHER=\xff\nKEYWARD_LOG_FORMAT=json").unwrap();
    let config = Config::load(&gather(None).unwrap()).unwrap();
    assert_eq!((config.log.level.as_str(), config.log.format), ("warn", LogFormat::Json));
    let named = folder.path.join("other.toml");
    assert!(gather(Some(&named)).err().unwrap().to_string().contains("other.toml"));
    std::fs::write(&named, "[log]\nlevel = 'error'").unwrap();
    assert_eq!(Config::load(&gather(Some(&named)).unwrap()).unwrap().log.level, "error");
}

/// A folder of its own, gone with the test.
pub(super) struct Folder {
    pub(super) path: std::path::PathBuf,
}

pub(super) fn folder() -> Folder {
    let path = std::env::temp_dir().join(format!("keyward-config-{}", &strong()[..16]));
    std::fs::create_dir(&path).unwrap();
    Folder { path }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
