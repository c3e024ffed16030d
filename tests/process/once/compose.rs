//! `compose.yaml` without containers: Keyward is started with exactly the variables that stand there, beside a PostgreSQL
//! with that role and a Redis with that command line. The file's syntax is checked by `./test`; the image is `container`'s.

use crate::process::server::{Home, PASSWORD, SOON, secret, until};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The lines below `key:` of a service, each without its indentation.
fn below(service: &str, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/compose.yaml")).unwrap();
    let lines = text.lines().skip_while(|line| *line != format!("  {service}:")).skip(1);
    let service = lines.take_while(|line| line.is_empty() || line.starts_with("    "));
    let lines = service.skip_while(|line| *line != format!("    {key}:")).skip(1);
    let found = lines.map_while(|line| line.strip_prefix("      ")).filter(|line| !line.starts_with('#'));
    let found: Vec<String> = found.map(Into::into).collect();
    assert!(!found.is_empty(), "{key}");
    found
}

/// A value as the reader's shell and `.env` would have it: `${NAME:?why}` and `${NAME:-default}`.
fn filled(value: &str, given: &BTreeMap<&str, String>) -> String {
    let mut text = value.trim_matches('"').to_owned();
    while let Some((before, rest)) = text.split_once("${") {
        let (inside, after) = rest.split_once('}').unwrap();
        let (name, rest) = inside.split_once(':').unwrap();
        let value = match (given.get(name), rest.strip_prefix('-')) {
            (Some(value), _) => value,
            (None, Some(default)) => default,
            (None, None) => panic!("{name} is not given: {rest}"),
        };
        text = format!("{before}{value}{after}");
    }
    text
}

fn said(program: &str, arguments: &[&str], env: &[(&str, &str)]) -> Option<String> {
    let output = Command::new(program).args(arguments).envs(env.iter().copied()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A Redis as compose starts it, but for address and folder.
struct Redis {
    running: Child,
    command: Vec<String>,
    password: String,
    port: u16,
    folder: TempDir,
}

impl Redis {
    fn start(given: &BTreeMap<&str, String>) -> Self {
        let words = below("redis", "command").into_iter();
        let command: Vec<String> =
            words.map(|line| filled(line.strip_prefix("- ").unwrap(), given)).collect();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let running = Self::spawn(&command, port, &folder);
        let redis = Self { running, command, password: given["REDIS_PASSWORD"].clone(), port, folder };
        redis.answers();
        redis
    }

    fn spawn(command: &[String], port: u16, folder: &TempDir) -> Child {
        let mut redis = Command::new(&command[0]);
        redis.args(&command[1..]).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        redis.arg("--dir").arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn ask(&self, words: &[&str]) -> Option<String> {
        let port = self.port.to_string();
        let all: Vec<&str> = ["-h", "127.0.0.1", "-p", &port].iter().chain(words).copied().collect();
        said("redis-cli", &all, &[("REDISCLI_AUTH", &self.password)])
    }

    fn answers(&self) {
        until("Redis", SOON, || (self.ask(&["ping"]).as_deref() == Some("PONG")).then_some(()));
    }

    /// As a container that was killed and started again on its volume.
    fn again(&mut self) {
        self.end();
        self.running = Self::spawn(&self.command, self.port, &self.folder);
        self.answers();
    }

    fn end(&mut self) {
        // Both fail where it has ended already.
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.end();
    }
}

/// A database of this test's own on the server that tests are given.
struct Database {
    server: String,
    name: String,
}

impl Database {
    fn make(server: String) -> Self {
        let name = format!("compose_{}", &secret()[..16]);
        said("psql", &["-X", "-c", &format!("CREATE DATABASE {name}"), &server], &[]).unwrap();
        Self { server, name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left goes with the server.
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = said("psql", &["-X", "-q", "-c", &drop, &self.server], &[]);
    }
}

#[test]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "no PostgreSQL or no Redis: scripts/servers run cargo test"
)]
fn keyward_runs_with_the_settings_of_compose_yaml() {
    let database = Database::make(std::env::var("KEYWARD_TEST_POSTGRES_URL").unwrap());
    let (login, place) = database.server.split_once("://").unwrap().1.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    assert_eq!(user, "keyward", "the role of compose.yaml");
    let place = format!("@{}/{}", place.split('/').next().unwrap(), database.name);
    let given = BTreeMap::from([
        ("POSTGRES_PASSWORD", password.to_owned()),
        ("REDIS_PASSWORD", secret()),
        ("SECRET_KEY", secret()),
    ]);
    let mut redis = Redis::start(&given);
    assert_eq!(redis.ask(&["config", "get", "maxmemory-policy"]).unwrap(), "maxmemory-policy\nnoeviction");

    let mut home = Home::new();
    for line in below("keyward", "environment") {
        let (name, value) = line.split_once(": ").unwrap();
        let value = filled(value, &given).replace("@postgres:5432/keyward", &place);
        home.change(name, &value.replace("@redis:6379", &format!("@127.0.0.1:{}", redis.port)));
    }
    let service = home.start();
    service.get("/health/ready").expect(200);
    service.register("ada@example.com", PASSWORD).expect(201);
    let token = service.token("ada@example.com", PASSWORD);
    service.me(&token).expect(200);
    assert_ne!(redis.ask(&["dbsize"]).unwrap(), "0", "sessions are in Redis");
    let kept = std::fs::read_dir(home.path("keyward-data")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(kept.collect::<Vec<_>>(), ["pictures"], "nothing else is kept on the disk");

    // The settings of Redis keep sessions through a crash of it.
    redis.again();
    until("the session after Redis's return", SOON, || (service.me(&token).status == 200).then_some(()));
    service.stop();

    // Another node, or the next release: nothing but the settings is needed.
    let service = home.start();
    service.login("ada@example.com", PASSWORD).expect(200);
    service.stop();
}
