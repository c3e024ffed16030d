//! Group G: after a whole life of accounts at TRACE, a search for everything secret in what was printed, logged and
//! stored.

use super::http::{call, percent};
use super::life::{ADA, Canaries, live};
use super::server::{Home, PASSWORD};
use crate::stores::{Kind, aside, objects_in};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

/// The ways in which a secret could be written.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let json = json!(secret).to_string();
    let bytes = format!("{:?}", secret.as_bytes());
    let mut forms = vec![
        secret.to_owned(),
        percent(secret),
        percent(secret).to_lowercase(),
        percent(secret).replace("%20", "+"),
        secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        hex.to_uppercase(),
        hex,
        json[1..json.len() - 1].to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
        bytes[1..bytes.len() - 1].to_owned(),
    ];
    // As a part of something longer it may begin at any of three places of a group.
    for shift in 0..3 {
        let shifted = [vec![b'x'; shift], secret.as_bytes().to_vec()].concat();
        let whole = shifted.len() / 3 * 4;
        let begin = if shift == 0 { 0 } else { 4 };
        forms.push(BASE64_STANDARD.encode(&shifted)[begin..whole].to_owned());
        forms.push(BASE64_URL_SAFE_NO_PAD.encode(&shifted)[begin..whole].to_owned());
    }
    forms
}

/// A place where a secret might have got to. Every byte is one character, so that any bytes can be searched.
struct Place {
    name: String,
    text: String,
}

impl Place {
    fn new(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), text: bytes.iter().map(|byte| char::from(*byte)).collect() }
    }

    #[track_caller]
    fn lacks(&self, what: &str, secret: &str) {
        forms(secret).iter().for_each(|form| self.lacks_bytes(what, form.as_bytes()));
    }

    #[track_caller]
    fn lacks_bytes(&self, what: &str, bytes: &[u8]) {
        assert!(bytes.len() > 8, "{what} is too short to be searched for");
        let part: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        if let Some(at) = self.text.find(&part) {
            let near: String =
                self.text[..at].chars().rev().take(200).collect::<String>().chars().rev().collect();
            panic!("{what} is in {}: {near} >>>{part}<<<", self.name);
        }
    }
}

/// Every byte that the service keeps, pictures too, but for the key file, whose content is a secret itself.
fn kept(home: &Home, when: &str) -> Vec<Place> {
    let mut places = vec![Place::new(&format!("the stores {when}"), &aside(home.place().stolen()))];
    // It would find a secret: it does find what is none.
    assert!(home.rows("SELECT id FROM keyward_users").iter().any(|id| places[0].text.contains(id)));
    let mut files = objects_in(&home.path("keyward-data"));
    files.retain(|name, _| name != "keyward.key");
    files.extend(home.place().bucket().map(|bucket| objects_in(&bucket)).unwrap_or_default());
    places.extend(files.iter().map(|(name, bytes)| Place::new(&format!("{name} {when}"), bytes)));
    places
}

fn no_trace_of_secrets(home: &Home, canaries: &Canaries) {
    let server = home.start();
    let (tokens, link) = live(&server, canaries);
    let stored = home.rows("SELECT password FROM keyward_users");
    assert!(!stored.is_empty());
    let mut places = kept(home, "in use");
    let (stdout, stderr) = server.stop();
    places.extend(kept(home, "after the end"));
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    // The link is printed once, on purpose.
    places.push(Place::new("what it printed", stdout.replace(&link, "").as_bytes()));
    let log = Place::new("the log", stderr.as_bytes());
    for hash in &stored {
        hash.split('$').filter(|part| part.len() > 16).for_each(|part| log.lacks("a hash", part));
    }
    places.push(log);
    let key_file = std::fs::read_to_string(home.path("keyward-data/keyward.key")).ok();
    for place in &places {
        if let Some(secret) = home.place().secret() {
            place.lacks("the master secret", secret);
        }
        home.place().passwords().iter().for_each(|password| place.lacks("the password of a store", password));
        canaries.all().into_iter().for_each(|canary| place.lacks("a canary", canary));
        tokens.0.iter().for_each(|token| place.lacks_bytes("a token", token.as_bytes()));
        place.lacks("the set-up link", &link);
        if let Some(key) = key_file.as_deref().map(str::trim) {
            place.lacks("the key file", key);
            let byte = |at: usize| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).unwrap();
            place.lacks_bytes("the key", &(0..32).map(byte).collect::<Vec<_>>());
        }
    }
}

fn traced() -> Home {
    Home::on_chosen_store().set("KEYWARD_LOG_LEVEL", "trace").set("KEYWARD_LOG_FORMAT", "json")
}

#[test]
fn g_01_g_02_g_03_g_04_a_life_at_trace_with_es256() {
    let canaries = Canaries::new();
    let home = traced().set("KEYWARD_INTROSPECTION_CALLERS", &format!("gateway:{}", canaries.caller));
    no_trace_of_secrets(&home, &canaries);
    assert_eq!(home.path("keyward-data/keyward.key").exists(), Kind::chosen() == Kind::Sqlite);
}

#[test]
fn g_01_g_02_g_03_g_04_a_life_at_trace_with_hs256_and_given_secrets() {
    let canaries = Canaries::new();
    let home = traced()
        .set("ALGORITHM", "HS256")
        .set("SECRET_KEY", &canaries.key)
        .set("KEYWARD_SECRETS_MASTER", &canaries.master)
        .set("KEYWARD_INTROSPECTION_CALLERS", &format!("gateway:{}", canaries.caller));
    no_trace_of_secrets(&home, &canaries);
    assert!(!home.path("keyward-data/keyward.key").exists());
}

#[test]
fn g_01_commands_print_no_secret_either() {
    let canaries = Canaries::new();
    let home = traced()
        .set("SECRET_KEY", &canaries.key)
        .set("KEYWARD_SECRETS_MASTER", &canaries.master)
        .set("KEYWARD_INTROSPECTION_CALLERS", &format!("gateway:{}", canaries.caller));
    let create = ["user", "create", "--email", ADA, "--password-stdin", "--json"];
    let mut texts = vec![
        home.run_with(&create, canaries.password).expect(0),
        home.run_with(&create, canaries.password).expect(1),
        home.run_with(&["user", "create", "--username", "x", "--password-stdin"], canaries.wrong).expect(1),
        home.run_with(&["user", "create", "--email", ADA, "--password-stdin"], &canaries.second.repeat(40))
            .expect(1),
    ];
    let tell = [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check"],
        &["config", "sample"],
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["user", "show", ADA, "--json"],
        &["user", "list", "--json"],
    ];
    texts.extend(tell.iter().map(|arguments| home.run(arguments).expect(0)));
    let hash = home.rows("SELECT password FROM keyward_users").remove(0);
    for done in texts {
        let place =
            Place::new("the words of a command", format!("{}{}", done.stdout, done.stderr).as_bytes());
        canaries.all().into_iter().for_each(|canary| place.lacks("a canary", canary));
        home.place().passwords().iter().for_each(|password| place.lacks("the password of a store", password));
        hash.split('$').filter(|part| part.len() > 16).for_each(|part| place.lacks("a hash", part));
    }
}

#[test]
fn a_request_id_of_the_client_is_taken_only_if_it_is_sane() {
    let server = Home::on_chosen_store().start();
    server.register(ADA, PASSWORD).expect(201);
    for (id, taken) in
        [("0123-abc_DEF.4", true), ("short", false), ("a b c d e f g", false), (&"a".repeat(65), false)]
    {
        let reply = server.send(&call("GET", "/health/live").header("X-Request-Id", id)).expect(200);
        assert_eq!(reply.header("x-request-id") == id, taken, "{reply}");
    }
    let (_, log) = server.stop();
    assert!(log.contains("0123-abc_DEF.4") && !log.contains("a b c d"), "{log}");
}

#[test]
fn the_search_finds_what_is_written_in_another_way() {
    let secret = Canaries::new().third;
    let before = |text: &str| format!("gateway:{text}");
    for written in [
        before(secret),
        before(&percent(secret)),
        json!({"password": secret}).to_string(),
        format!("{:?}", Some(secret)),
        format!("{:?}", before(secret).as_bytes()),
        BASE64_STANDARD.encode(before(secret)),
        BASE64_STANDARD.encode(format!("x{secret}")),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ] {
        assert!(forms(secret).iter().any(|form| written.contains(form)), "{written}");
    }
}
