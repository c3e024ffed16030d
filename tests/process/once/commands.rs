//! The command line alone: usage, configuration, and what it refuses.

use crate::process::server::{Done, Home, PASSWORD, secret};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn create(home: &Home, arguments: &[&str]) -> Done {
    let whole = [&["user", "create", "--password-stdin", "--json"], arguments].concat();
    home.run_with(&whole, &format!("{PASSWORD}\n"))
}

#[test]
fn refusals_say_why_and_change_nothing() {
    let home = Home::new();
    create(&home, &["--email", "ada@example.com", "--username", "ada"]).expect(0);
    for (arguments, part) in [
        (&["--email", "ADA@example.com"][..], "taken"),
        (&["--username", "Ada"], "taken"),
        (&["--username", "a b"], "--username"),
        (&["--email", "not-an-address"], "--email"),
        (&["--username", "carl", "--role", "emperor"], "--role"),
        (&["--username", "carl", "--locale", "not a tag"], "--locale"),
        (&[], "username"),
    ] {
        let done = create(&home, arguments).expect(1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        assert!(error["error"].as_str().unwrap().contains(part), "{part}: {done:?}");
    }
    for weak in ["short", "password1", ""] {
        let done =
            home.run_with(&["user", "create", "--username", "carl", "--password-stdin"], weak).expect(1);
        assert!(
            done.stderr.contains("password")
                && (weak.is_empty() || !done.stderr.contains(weak) || weak == "password1")
        );
    }
    // Nobody is there to be asked.
    let done = home.run(&["user", "create", "--username", "carl"]).expect(1);
    assert!(done.stderr.contains("--password-stdin"), "{done:?}");
    assert_eq!(home.count("SELECT count(*) FROM keyward_users"), 1);
}

#[test]
fn wrong_usage_is_2_and_passwords_are_no_arguments() {
    let home = Home::new();
    for arguments in [
        &["nonsense"][..],
        &["user", "show"],
        &["serve", "--loud"],
        &["user", "create", "--email", "ada@example.com", "--password", "x"],
        &["user", "create", "--email", "ada@example.com", "--password=x"],
        &["user", "update", "ada", "--password", "x"],
        &["user", "list", "--limit", "many"],
        &["user", "import", "x"],
        &["doctor"],
    ] {
        let done = home.run(arguments).expect(2);
        assert!(done.stdout.is_empty() && done.stderr.contains("--help"), "{done:?}");
    }
    assert!(!home.path("keyward-data").exists(), "wrong usage made a database");
}

#[test]
fn every_help_has_an_example() {
    let home = Home::new();
    let mut waiting: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = waiting.pop() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = home.run(&arguments).expect(0).stdout;
        let (_, below) = help.split_once("Commands:\n").unwrap_or_default();
        let below: Vec<&str> = below
            .lines()
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .collect();
        // A group of commands has its examples at each.
        assert!(help.contains("Example") || !below.is_empty(), "{command:?}: {help}");
        waiting.extend(below.iter().map(|name| [command.clone(), vec![(*name).to_owned()]].concat()));
        seen += 1;
    }
    assert!(seen >= 17, "{seen}");
    assert_eq!(home.run(&["--version"]).expect(0).stdout, format!("keyward {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_key_of_the_configuration_may_be_an_argument_and_a_secret_may_not() {
    let home = Home::new().set("KEYWARD_TOKENS_ACCESS_TTL", "5m");
    let shown = settings(&home.run(&["config", "show", "--json", "--set", "tokens.access_ttl=7m"]).expect(0));
    assert_eq!(shown["tokens.access_ttl"], "\"7m\"");
    let canary = secret();
    for key in ["secrets.master", "secrets.key", "introspection.callers"] {
        let done = home.run(&["serve", "--set", &format!("{key}={canary}")]).expect(1);
        assert!(done.stderr.contains(key) && !done.stderr.contains(&canary), "{done:?}");
    }
    for (set, code) in [("tokens.access_tl=7m", 1), ("tokens.access_ttl", 2)] {
        let done = home.run(&["config", "check", "--set", set]).expect(code);
        assert!(done.stderr.contains("tokens.access_t"), "{done:?}");
    }
}

#[test]
fn hs256_has_no_keys_to_rotate() {
    let home = Home::new().set("ALGORITHM", "HS256").set("SECRET_KEY", &secret());
    assert!(home.run(&["keys", "list"]).expect(0).stdout.contains("SECRET_KEY"));
    assert_eq!(home.run(&["keys", "list", "--json"]).expect(0).json(), json!({"keys": []}));
    assert!(home.run(&["keys", "rotate"]).expect(1).stderr.contains("SECRET_KEY"));
}

fn settings(done: &Done) -> BTreeMap<String, String> {
    let shown = done.json();
    let pair = |setting: &Value| {
        (setting["key"].as_str().unwrap().to_owned(), setting["value"].as_str().unwrap().to_owned())
    };
    shown["settings"].as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn config_check_and_show() {
    let home = Home::new().set("SECRET_KEY", &secret()).set("KEYWARD_TOKENS_ACCESS_TTL", "5m");
    home.write("keyward.toml", "[sessions]\nidle = \"1d\"\n");
    assert_eq!(home.run(&["config", "check"]).expect(0).stdout, "the configuration is right\n");
    assert_eq!(
        home.run(&["config", "check", "--json"]).expect(0).json(),
        json!({"ok": true, "warnings": []})
    );
    let shown = home.run(&["config", "show"]).expect(0).stdout;
    for line in [
        ("secrets.key = (set)", "environment, SECRET_KEY"),
        ("secrets.master = (not set)", "default"),
        ("tokens.access_ttl = \"5m\"", "environment, KEYWARD_TOKENS_ACCESS_TTL"),
        ("sessions.idle = \"1d\"", "keyward.toml, line 2"),
    ] {
        assert!(
            shown.lines().any(|shown| shown.starts_with(line.0) && shown.ends_with(line.1)),
            "{line:?}: {shown}"
        );
    }
    home.write("keyward.toml", "[sessions]\nidle = \"never\"\n");
    let done = home.run(&["config", "check"]).expect(1);
    assert!(done.stderr.starts_with("keyward: sessions.idle (keyward.toml, line 2): "), "{done:?}");
    assert!(!home.path("keyward-data").exists(), "looking at the configuration made a database");
}

#[test]
fn the_sample_is_the_defaults() {
    let home = Home::new();
    let sample = home.run(&["config", "sample"]).expect(0).stdout;
    let defaults = settings(&home.run(&["config", "show", "--json"]).expect(0));
    // As it is, and with every line that sets a default taken in.
    let mut set = 0;
    let lines: Vec<&str> = sample.lines().collect();
    let taken: Vec<&str> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ")) {
            Some(rest)
                if at > 0
                    && lines[at - 1].starts_with("# Accepts:")
                    && !lines[at - 1].contains("Not set by default") =>
            {
                set += 1;
                rest
            }
            _ => line,
        })
        .collect();
    assert!(set > 20, "{set}");
    for text in [&sample, &taken.join("\n")] {
        home.write("sample.toml", text);
        home.run(&["config", "check", "--config", "sample.toml"]).expect(0);
        assert_eq!(
            settings(&home.run(&["config", "show", "--json", "--config", "sample.toml"]).expect(0)),
            defaults
        );
    }
    assert_eq!(home.run(&["config", "sample", "--json"]).expect(0).json()["sample"], sample);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configure.md")).unwrap();
    let shown =
        page.split("<!-- sample -->").nth(1).and_then(|rest| rest.split("<!-- /sample -->").next()).unwrap();
    let shown = shown.trim().trim_start_matches("```toml").trim_end_matches("```").trim();
    assert_eq!(shown, sample.trim(), "put what `keyward config sample` prints into docs/configure.md");
}

#[test]
fn dotenv_in_the_working_directory_is_read() {
    let home = Home::new();
    home.write(".env", &format!("# the service's\nKEYWARD_SERVER_LISTEN=127.0.0.1:0\nALGORITHM=HS256\nexport SECRET_KEY='{}'\nOTHERS=1\n", secret()));
    let server = home.start();
    assert_eq!(server.get("/.well-known/jwks.json").expect(200).json(), json!({"keys": []}));
    server.stop();
    home.write(".env", "KEYWARD_SERVER_LISEN=127.0.0.1:0\n");
    assert!(home.refused().contains(".env, KEYWARD_SERVER_LISEN"));
}

#[test]
fn port_alone_listens_for_everybody() {
    let home = Home::new().set("PORT", "0");
    let server = home.start();
    assert!(server.said["listen"].as_str().unwrap().starts_with("0.0.0.0:"), "{}", server.said);
    server.get("/health").expect(200);
    let (_, log) = server.stop();
    assert!(log.contains("public_url"), "{log}");
    // Our own name wins, and what Kubernetes sets for a service of this name is nothing to us.
    let home = Home::new()
        .set("PORT", "1")
        .set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0")
        .set("KEYWARD_PORT", "tcp://10.0.0.1:80")
        .set("KEYWARD_SERVICE_HOST", "10.0.0.1");
    assert!(home.start().said["listen"].as_str().unwrap().starts_with("127.0.0.1:"));
}
