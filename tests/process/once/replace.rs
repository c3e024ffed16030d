//! The pages of `docs/replace`, followed as a reader does: block by block, in two shells in an empty folder, on the servers
//! that a page names. What comes is what the page shows. The addresses and passwords of servers are the test's own.

use super::shells::Shell;
use super::shown::Shown;
use crate::process::server::BINARY;
#[cfg(feature = "mongodb")]
use crate::process::server::secret;
use crate::stores::{Kind, OwnRedis, Place, aside};
#[cfg(feature = "mongodb")]
use crate::stores::{OwnMongo, server};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// What is pasted, and what comes of it, in order.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    for fenced in page.split("\n```").skip(1).step_by(2) {
        let (kind, text) = fenced.split_once('\n').unwrap();
        match (kind, blocks.last_mut()) {
            ("sh", _) => blocks.push((format!("{text}\n"), String::new())),
            ("text", Some((_, shown))) if shown.is_empty() => *shown = format!("{text}\n"),
            _ => panic!("neither lines for a shell nor what comes of them: {fenced}"),
        }
    }
    blocks
}

/// Each reply ends its line. No second is waited in vain: the nth pause is for the nth mail with a code.
const PRELUDE: &str = r#"
curl() { command curl --max-time 60 "$@"; echo; }
sleep() {
    echo >> "$PAUSES"
    for _ in $(seq 1200); do
        if [ "$(command curl --silent "$URL/dev/mail.json?to=$WAITS" | grep -o '"code":"' | wc -l)" -ge "$(wc -l < "$PAUSES")" ]; then return; fi
        command sleep 0.05
    done
    echo 'the mail did not come' >&2
    exit 1
}
"#;

const PASTED: &str = "\nall of the block was pasted\n";

/// Whoever follows a page, with what is another in the test than on it.
struct Reader {
    /// On the page, and here.
    places: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

impl Reader {
    /// More patience than is shipped: a machine that stands still for seconds is no outage.
    fn new() -> Self {
        let env = [("STORE", "60s"), ("REDIS", "10s"), ("PICTURES", "60s")];
        let env = env.map(|(part, patience)| (format!("KEYWARD_{part}_TIMEOUT"), patience.to_owned()));
        Self { places: Vec::new(), env: env.into() }
    }

    /// A place that the page names, and its address here, with a password in it or not.
    fn place(mut self, shown: &str, here: &str) -> Self {
        self.places.push((shown.into(), here.into()));
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Lines of the page, as they are pasted here.
    fn lines(&self, lines: &str) -> String {
        self.places.iter().fold(lines.to_owned(), |lines, (shown, here)| lines.replace(shown, here))
    }

    /// What is said here, as the page has it: without who signs in at a server.
    fn said(&self, said: &str) -> String {
        let address = |place: &str| place.rsplit('@').next().unwrap().to_owned();
        let replaced =
            |said: String, (shown, here): &(String, String)| said.replace(&address(here), &address(shown));
        self.places.iter().fold(said.to_owned(), replaced)
    }

    fn follow(self, page: &str) {
        let port = free_port();
        let mut reader = self.place("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
        // A page may say which port, of all addresses.
        if page.contains("\nPORT=8000\n") {
            reader = reader.place("PORT=8000", &format!("PORT={port}"));
            reader = reader.place("0.0.0.0:8000", &format!("0.0.0.0:{port}"));
        } else {
            reader = reader.set("KEYWARD_SERVER_LISTEN", &format!("127.0.0.1:{port}"));
        }

        let ground = tempfile::tempdir().unwrap();
        let [folder, bin] = ["folder", "bin"].map(|name| ground.path().join(name));
        [&folder, &bin].into_iter().for_each(|path| fs::create_dir(path).unwrap());
        symlink(BINARY, bin.join("keyward")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let waits = page.split_once("mail.json?to=").map_or("", |(_, to)| to.split('"').next().unwrap());
        let pauses = ground.path().join("pauses");
        let reader = reader.set("PATH", &path).set("WAITS", waits).set("PAUSES", pauses.to_str().unwrap());

        let mut first = Shell::open(&folder, &reader.env, &ground.path().join("first"));
        let mut second = Shell::open(&folder, &reader.env, &ground.path().join("second"));
        second.paste(PRELUDE);
        let (mut greetings, mut read) = (String::new(), 0);
        let mut page_shows = Shown::default();
        for (lines, shown) in blocks(page) {
            let lines = reader.lines(&lines);
            if lines.ends_with("\nkeyward\n") {
                if !greetings.is_empty() {
                    first.interrupt();
                }
                greetings += &shown;
                first.paste(&lines);
                first.said_when(|said| said.lines().count() >= greetings.lines().count());
            } else {
                second.paste(&format!("{lines}printf %s '{PASTED}'\n"));
                let said = second.said_when(|said| said[read..].ends_with(PASTED));
                page_shows.assert_is(&shown, &reader.said(said[read..].strip_suffix(PASTED).unwrap()));
                read = said.len();
            }
        }
        second.close();
        first.interrupt();
        let (said, log) = first.close();
        page_shows.assert_is(&greetings, &reader.said(&said));
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }
}

/// Nobody listens there, and it is below those that the system hands out to clients.
fn free_port() -> u16 {
    let mut random = [0; 2];
    let mut port = || {
        getrandom::fill(&mut random).unwrap();
        10_000 + u16::from_ne_bytes(random) % 20_000
    };
    (0..100).map(|_| port()).find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok()).unwrap()
}

/// What stands behind the scheme.
fn address(url: &str) -> &str {
    url.split_once("://").unwrap().1
}

/// Without the name of a database, as the pages have it.
#[cfg(feature = "mongodb")]
fn unnamed(mongo: &OwnMongo) -> String {
    let url = mongo.url();
    address(&url).split_once('/').unwrap().0.to_owned()
}

#[cfg(feature = "mongodb")]
#[test]
#[cfg_attr(
    not(all(keyward_test_curl, keyward_test_mongodb, keyward_test_redis, keyward_test_s3)),
    ignore = "no curl, MongoDB, Redis or S3: scripts/servers run cargo test"
)]
fn users_in_mongodb_and_pictures_in_s3() {
    let (mongo, redis, s3) = (OwnMongo::start(), OwnRedis::start(&[]), server("KEYWARD_TEST_S3"));
    let (keys, bucket) = address(&s3).split_once('@').unwrap();
    let (host, bucket) = bucket.split_once('/').unwrap();
    let (id, password) = keys.split_once(':').unwrap();
    assert_eq!((id, bucket), ("keyward", "pictures"), "as on the page");
    // Others have pictures in the bucket as well.
    let prefix = format!("replace-{}", &secret()[..16]);
    let reader = Reader::new().set("KEYWARD_PICTURES_PREFIX", &prefix);
    let reader = reader.place("127.0.0.1:9000/pictures", &format!("{host}/pictures/{prefix}"));
    let reader = reader.place("127.0.0.1:9000", host).place("minio-secret", password);
    let reader = reader.place("127.0.0.1:27017", &unnamed(&mongo));
    let reader = reader.place("127.0.0.1:6379/0", address(&redis.url()));
    reader.follow(include_str!("../../../docs/replace/a-mongodb-and-s3.md"));
}

#[test]
#[cfg_attr(
    not(all(keyward_test_curl, keyward_test_postgres)),
    ignore = "no curl or PostgreSQL: scripts/servers run cargo test"
)]
fn profiles_in_postgresql() {
    let place = aside(Place::empty(Kind::Postgres, PathBuf::new()));
    on_postgresql(&place).follow(include_str!("../../../docs/replace/b-postgresql-profiles.md"));
}

fn on_postgresql(place: &Place) -> Reader {
    let url = place.settings().remove(0).1;
    Reader::new().place("accounts:password@127.0.0.1:5432/accounts", address(&url))
}

#[cfg(feature = "mongodb")]
#[test]
#[cfg_attr(
    not(all(keyward_test_curl, keyward_test_mongodb)),
    ignore = "no curl or MongoDB: scripts/servers run cargo test"
)]
fn users_in_mongodb_by_username() {
    let mongo = OwnMongo::start();
    let reader = Reader::new().place("127.0.0.1:27017", &unnamed(&mongo));
    reader.follow(include_str!("../../../docs/replace/c-mongodb-by-username.md"));
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn an_sql_database_and_codes_by_mail() {
    Reader::new().follow(include_str!("../../../docs/replace/d-sql-and-codes.md"));
}

#[test]
#[cfg_attr(
    not(all(keyward_test_curl, keyward_test_postgres, keyward_test_redis)),
    ignore = "no curl, PostgreSQL or Redis: scripts/servers run cargo test"
)]
fn postgresql_redis_and_tokens_that_others_verify() {
    let (place, redis) = (aside(Place::empty(Kind::Postgres, PathBuf::new())), OwnRedis::start(&[]));
    let reader = on_postgresql(&place).place("127.0.0.1:6379/0", address(&redis.url()));
    reader.follow(include_str!("../../../docs/replace/e-postgresql-and-redis.md"));
}
