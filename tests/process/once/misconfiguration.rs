//! Group M: what must not be, is refused before the service listens, in words that help and give nothing away.

use crate::process::server::{Home, secret};
use std::fs;
use std::path::{Path, PathBuf};

fn refused(env: &[(&str, &str)]) -> String {
    env.iter().fold(Home::new(), |home, (name, value)| home.set(name, value)).refused()
}

#[test]
fn m_01_weak_and_sample_secrets() {
    let message = refused(&[("ALGORITHM", "HS256")]);
    assert!(message.contains("SECRET_KEY"), "{message}");
    let thirty_one = &secret()[..31];
    let (ones, samples) = ("a".repeat(32), format!("your_secret_key{}", "_".repeat(32)));
    for weak in ["", "your_secret_key", "changeme", thirty_one, &ones, &samples] {
        for name in ["SECRET_KEY", "KEYWARD_SECRETS_KEY", "KEYWARD_SECRETS_MASTER"] {
            for algorithm in ["HS256", "ES256"] {
                let message = refused(&[("ALGORITHM", algorithm), (name, weak)]);
                assert!(message.contains(name), "{name}: {message}");
                assert!(weak.is_empty() || !message.contains(weak), "{message}");
            }
        }
    }
}

#[test]
fn m_01_no_secret_of_our_own_documents_is_accepted() {
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap_or_default();
        for value in shown_secrets(&text) {
            let message = refused(&[("SECRET_KEY", &value)]);
            assert!(message.contains("SECRET_KEY"), "{} shows {value}: {message}", file.display());
        }
    }
}

/// The README, all pages and every sample of a configuration.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned(), root.join("docs"), root.join("examples"), root.join("deploy")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && folder != root {
                folders.push(path);
            } else if [".md", ".yml", ".yaml", ".toml", ".example", ".sample", ".service", "Dockerfile"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                files.push(path);
            }
        }
    }
    assert!(files.iter().any(|file| file.ends_with("Cargo.toml")));
    files
}

/// What stands behind the names of secrets, where it is a value and not made by a command.
fn shown_secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["SECRET_KEY", "KEYWARD_SECRETS_KEY", "KEYWARD_SECRETS_MASTER"] {
        for (at, _) in text.match_indices(name) {
            let rest = text[at + name.len()..].lines().next().unwrap_or_default();
            let Some(value) = rest.strip_prefix('=').or_else(|| rest.strip_prefix(": ")) else { continue };
            let value = value.trim_start();
            let end = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].find(quote).map(|end| &value[1..=end]),
                _ => value.split(|c: char| c.is_whitespace() || c == '`').next(),
            };
            let value = end.unwrap_or(value);
            if !value.is_empty() && !value.contains(['$', '<', '.']) {
                found.push(value.to_owned());
            }
        }
    }
    found
}

#[test]
fn m_02_algorithms() {
    for algorithm in ["none", "None", "HS512", "ES25", "RS256,HS256", ""] {
        let message = refused(&[("ALGORITHM", algorithm), ("SECRET_KEY", &secret())]);
        assert!(message.contains("ALGORITHM") && message.contains("ES256, EdDSA, RS256, HS256"), "{message}");
    }
}

#[test]
fn m_03_settings_that_let_everybody_in() {
    for (name, value, path) in [
        ("KEYWARD_HTTP_CORS_ORIGINS", "*", "http.cors_origins"),
        ("KEYWARD_HTTP_CORS_ORIGINS", "https://a.example,*", "http.cors_origins"),
        ("KEYWARD_SERVER_TRUSTED_PROXIES", "0.0.0.0/0", "server.trusted_proxies"),
        ("KEYWARD_SERVER_TRUSTED_PROXIES", "10.0.0.0/8,::/0", "server.trusted_proxies"),
    ] {
        let message = refused(&[(name, value)]);
        assert!(message.contains(path) && message.contains(name), "{message}");
    }
    // Allowed, and loudly warned of.
    let server = Home::new().set("KEYWARD_SERVER_PUBLIC_URL", "http://accounts.example.com").start();
    let (_, log) = server.stop();
    assert!(log.contains("\"WARN\"") && log.contains("in the clear"), "{log}");
    assert!(!log.contains("/dev/mail"), "{log}");
    let (_, log) = Home::new().start().stop();
    assert!(
        log.contains("mails, with their codes, are shown") && log.contains("/dev/mail on this machine"),
        "{log}"
    );
}

#[test]
fn m_04_unknown_names_and_bad_values() {
    for (name, value, parts) in [
        (
            "KEYWARD_SERVER_LISEN",
            ":0",
            &["KEYWARD_SERVER_LISEN", "did you mean `KEYWARD_SERVER_LISTEN`?"][..],
        ),
        (
            "KEYWARD_WHATEVER_THIS_MEANS_HERE",
            "1",
            &["KEYWARD_WHATEVER_THIS_MEANS_HERE", "no setting has this name"],
        ),
        ("KEYWARD_TOKENS_ACCESS_TTL", "-1", &["tokens.access_ttl", "from 10s to 1d"]),
        ("KEYWARD_TOKENS_ACCESS_TTL", "0", &["tokens.access_ttl"]),
        ("KEYWARD_TOKENS_ACCESS_TTL", "1e9", &["tokens.access_ttl"]),
        ("KEYWARD_SESSIONS_IDLE", "181d", &["sessions.idle", "sessions.lifetime"]),
        ("KEYWARD_PASSWORDS_MIN_LENGTH", "7", &["passwords.min_length", "8 to 64"]),
        ("KEYWARD_LOG_LEVEL", "inof", &["log.level"]),
        ("PORT", "eighty", &["server.listen", "PORT"]),
        ("SECRET_KEY_FILE", "/nowhere/secret", &["SECRET_KEY_FILE", "/nowhere/secret"]),
        ("KEYWARD_INTROSPECTION_CALLERS", "gateway:canary", &["introspection.callers", "16 characters"]),
    ] {
        let message = refused(&[(name, value)]);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(!message.contains("canary") && !message.contains('\n'), "{message}");
    }
    for (toml, part) in [
        (
            "[server]\nlisen = \":0\"\n",
            "keyward.toml, line 2: unknown key `server.lisen` in keyward.toml; did you mean `server.listen`?",
        ),
        ("[sever]\nlisten = \":0\"\n", "did you mean `server.listen`?"),
        ("[server\n", "keyward.toml, line 1: no valid TOML"),
        ("[secrets]\nmaster = \"canary-canary\"\n", "KEYWARD_SECRETS_MASTER"),
    ] {
        let home = Home::new();
        home.write("keyward.toml", toml);
        let message = home.refused();
        assert!(message.contains(part) && !message.contains("canary"), "{message}");
    }
    let done = Home::new().run(&["serve", "--config", "nowhere.toml"]).expect(1);
    assert!(done.stderr.contains("nowhere.toml"), "{done:?}");
}

#[test]
fn m_04_all_that_is_wrong_is_told_at_once() {
    let home =
        Home::new().set("ALGORITHM", "none").set("KEYWARD_LOG_LEVEL", "loud").set("SECRET_KEY", "changeme");
    let done = home.run(&["serve"]).expect(1);
    assert_eq!(done.stderr.lines().filter(|line| line.starts_with("keyward: ")).count(), 3, "{done:?}");
}

#[test]
fn another_secret_for_a_database_is_refused_with_what_to_do() {
    let mut home = Home::new().set("SECRET_KEY", &secret());
    home.start().stop();
    let right = home.run(&["config", "show"]).expect(0);
    assert!(right.stdout.contains("(set)"), "{right:?}");
    home.change("SECRET_KEY", &secret());
    let message = home.refused();
    assert!(message.contains("another secret") && message.contains("SECRET_KEY"), "{message}");

    // The same for a key file that was lost.
    let home = Home::new();
    home.start().stop();
    fs::remove_file(home.path("keyward-data/keyward.key")).unwrap();
    let message = home.refused();
    assert!(message.contains("another secret") && message.contains("keyward.key"), "{message}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.start().stop();
    fs::set_permissions(home.path("keyward-data/keyward.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let message = home.refused();
    assert!(message.contains("chmod 600"), "{message}");
}

#[test]
fn other_stores_are_refused_without_their_password() {
    for url in ["mysql://keyward:canary@db", "redis://:canary@db", "mongodb.com://keyward:canary@db/keyward"]
    {
        let message = refused(&[("DATABASE_URL", url)]);
        assert!(message.contains("DATABASE_URL") && message.contains("sqlite:"), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn an_address_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = refused(&[("KEYWARD_SERVER_LISTEN", &address)]);
    assert!(message.contains(&address) && message.contains("server.listen or PORT"), "{message}");
}

/// Before anybody waits for a mail.
#[test]
fn a_wrong_template_is_refused_with_its_file_and_line() {
    let home = Home::new().set("KEYWARD_MAIL_TEMPLATES", "templates");
    fs::create_dir_all(home.path("templates/en")).unwrap();
    home.write("templates/en/reset.txt", "Hello,\n{{ cdoe }}\n");
    let problem = "mail.templates: en/reset.txt, line 2: `cdoe` is not a value";
    let checked = home.run(&["config", "check"]).expect(1).stderr;
    assert!(checked.contains(problem), "{checked}");
    let message = home.refused();
    assert!(message.contains(problem), "{message}");
}
