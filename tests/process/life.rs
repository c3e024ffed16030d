//! A whole life of accounts in one run, right and wrong, and whether the log tells of it what it should (G-02 to G-04).
//! What it must not tell is `log_hygiene`'s.

use super::http::{Call, Reply, call, percent};
use super::server::{SOON, Server, secret, until};
use crate::pictures::{Form, RED, jpeg};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The passwords and secrets of one life, none of which may be seen anywhere.
pub(super) struct Canaries {
    pub(super) password: &'static str,
    pub(super) second: &'static str,
    pub(super) third: &'static str,
    pub(super) wrong: &'static str,
    pub(super) administrator: &'static str,
    pub(super) caller: String,
    pub(super) key: String,
    pub(super) master: String,
}

impl Canaries {
    pub(super) fn new() -> Self {
        Self {
            password: "Kanari-eins +/q7 zwitschert",
            second: "Kanari-zwei =&x4 zwitschert",
            third: "Kanari-drei \"\\k9 zwitschert",
            wrong: "Kanari-vier %?v2 zwitschert",
            administrator: "Kanari-f\u{fc}nf ;:w8 zwitschert",
            caller: secret(),
            key: secret(),
            master: secret(),
        }
    }

    pub(super) fn all(&self) -> Vec<&str> {
        let Self { password, second, third, wrong, administrator, caller, key, master } = self;
        vec![password, second, third, wrong, administrator, caller, key, master]
    }
}

/// Everything that was handed out and must not be written down.
#[derive(Default)]
pub(super) struct Tokens(pub(super) Vec<String>);

impl Tokens {
    #[track_caller]
    fn keep(&mut self, reply: Reply) -> (String, String) {
        let reply = reply.expect(200).json();
        let [access, refresh] =
            ["access_token", "refresh_token"].map(|name| reply[name].as_str().unwrap().to_owned());
        self.0.extend(access.split('.').map(Into::into));
        self.0.extend(refresh.split('.').filter(|part| part.len() > 8).map(Into::into));
        self.0.extend([access.clone(), refresh.clone()]);
        (access, refresh)
    }
}

/// Sends under a request id, and notes which events that is to cause.
struct Life<'a> {
    server: &'a Server,
    expected: BTreeMap<String, Vec<&'static str>>,
    statuses: BTreeMap<String, u16>,
}

impl Life<'_> {
    #[track_caller]
    fn does(&mut self, call: Call, events: &[&'static str]) -> Reply {
        let id = format!("step-{:04}", self.statuses.len());
        let reply = self.server.send(&call.header("X-Request-Id", &id));
        assert_eq!(reply.header("x-request-id"), id, "{reply}");
        assert!(reply.status < 500, "{reply}");
        self.statuses.insert(id.clone(), reply.status);
        if !events.is_empty() {
            self.expected.insert(id, events.to_vec());
        }
        reply
    }

    fn json(&mut self, path: &str, body: Value, events: &[&'static str]) -> Reply {
        self.does(call("POST", path).json(body), events)
    }
}

pub(super) const ADA: &str = "ada@example.com";

#[expect(clippy::too_many_lines, reason = "a life in order")]
pub(super) fn live(server: &Server, canaries: &Canaries) -> (Tokens, String) {
    let Canaries { password, second, third, wrong, administrator, caller, .. } = canaries;
    let mut tokens = Tokens::default();
    let mut life = Life { server, expected: BTreeMap::new(), statuses: BTreeMap::new() };

    // The first administrator.
    let setup = server.setup().unwrap();
    life.does(call("GET", &setup), &[]).expect(200);
    let form =
        |password: &str| call("POST", &setup).form(&[("email", "root@example.com"), ("password", password)]);
    life.does(form(&wrong.repeat(40)), &[]).expect(422);
    life.does(form(administrator), &["user_created"]).expect(200);
    life.does(form(administrator), &[]).expect(404);
    let sign_in = |name: &str, password: &str| {
        call("POST", "/auth/login").json(json!({"login": name, "password": password}))
    };
    let (root, _) = tokens.keep(life.does(sign_in("root@example.com", administrator), &["signed_in"]));

    // Registration, right and in every wrong way.
    let register = json!({"email": ADA, "username": "ada", "password": password});
    life.json("/auth/register", register.clone(), &["registered"]).expect(201);
    life.json("/auth/register", register, &[]).expect(409);
    for body in [
        json!({"email": password, "password": password}),
        json!({"email": ADA, "username": password, "password": password}),
        json!({"email": ADA, "password": [password]}),
        json!({"email": ADA, "passwrod": password}),
        json!({"email": ADA, "password": {(*password): password}}),
        json!({(*password): 1, "email": ADA}),
        json!([password]),
        json!({"email": ADA, "password": password, "metadata": {"$password": password}}),
    ] {
        let signs_in = body["email"] == **password;
        for path in
            ["/auth/register", "/auth/refresh", "/auth/login"].into_iter().take(if signs_in { 2 } else { 3 })
        {
            assert_eq!(life.json(path, body.clone(), &[]).status, 422);
        }
    }
    for broken in [
        format!("{{\"email\":\"{ADA}\",\"password\":\"{password}"),
        format!("{{\"password\":{password}}}"),
        format!("password={password}"),
        format!("{{\"password\":\"{password}\",\"password\":\"{password}\"}}"),
    ] {
        let status =
            life.does(call("POST", "/auth/login").body("application/json", broken.clone()), &[]).status;
        assert!(matches!(status, 400 | 422), "{status} {broken}");
        life.does(call("POST", "/auth/login").body("text/plain", broken), &[]).expect(415);
    }
    let padded = json!({"email": ADA, "password": password, "filler": "x".repeat(70_000)});
    life.json("/auth/login", padded, &[]).expect(413);

    // Signing in.
    let form = |name: &str, password: &str| {
        call("POST", "/login").form(&[("username", name), ("password", password)])
    };
    tokens.keep(life.does(form("ada", password), &["signed_in"]));
    let (access, refresh) = tokens.keep(life.does(sign_in(ADA, password), &["signed_in"]));
    for attempt in [
        sign_in(ADA, wrong),
        form("ada", wrong),
        // G-03: the password in the field of the name.
        sign_in(password, password),
        form(password, wrong),
        sign_in("nobody@example.com", wrong),
    ] {
        life.does(attempt, &["sign_in_failed"]).expect(401);
    }

    // Places where a password has no business.
    let spot = percent(password);
    life.does(call("GET", &format!("/users/{spot}?q={spot}")).bearer(&root), &[]).expect(404);
    life.does(call("GET", &format!("/users?q={spot}")).bearer(&root), &[]).expect(200);
    life.does(call("GET", &format!("/{spot}")), &[]).expect(404);
    life.does(call("POST", &format!("/setup/{spot}")).form(&[("password", password)]), &[]).expect(404);
    life.does(call("GET", "/users/me").header("Authorization", &format!("Bearer {spot}")), &[]).expect(401);
    life.does(call("GET", "/users/me").header("Authorization", &spot), &[]).expect(401);
    life.does(call("GET", "/users/me").header("Cookie", &format!("password={spot}")), &[]).expect(401);
    life.does(call("GET", "/users/me").header("Referer", &format!("http://x/?{spot}")), &[]).expect(401);
    let mangled = format!("{}AAAA", &access[..access.len() - 4]);
    life.does(call("GET", "/users/me").bearer(&mangled), &[]).expect(401);

    // Introspection.
    let basic = |secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("gateway:{secret}")));
    for (secret, status) in [(caller.as_str(), 200), (wrong, 401)] {
        for token in [&access, &refresh, &mangled] {
            let ask = call("POST", "/auth/introspect")
                .header("Authorization", &basic(secret))
                .form(&[("token", token)]);
            life.does(ask, &[]).expect(status);
        }
    }

    look_at_pictures(&mut life, &access, password, &mut tokens);

    // Refreshing; the third generation makes the first one stolen goods.
    let refreshing = |token: &str| call("POST", "/auth/refresh").json(json!({"refresh_token": token}));
    let (_, newer) = tokens.keep(life.does(refreshing(&refresh), &[]));
    let (access, _) = tokens.keep(life.does(refreshing(&newer), &[]));
    life.does(call("GET", "/auth/check").bearer(&access), &[]).expect(200);
    life.does(refreshing(&refresh), &["refresh_token_reused"]).expect(401);
    life.does(refreshing(password), &[]).expect(401);

    // Passwords change, by both ways.
    let (access, _) = tokens.keep(life.does(sign_in(ADA, password), &["signed_in"]));
    let change = |old: &str, new: &str| json!({"current_password": old, "password": new});
    let changing =
        |access: &str, body: Value| call("POST", "/auth/password/change").bearer(access).json(body);
    life.does(changing(&access, change(wrong, second)), &["password_proof_failed"]).expect(403);
    life.does(changing(&access, change(password, "password1")), &[]).expect(422);
    let (access, _) =
        tokens.keep(life.does(changing(&access, change(password, second)), &["password_changed"]));
    let put = |body: Value| call("PUT", "/users/me").bearer(&access).json(body);
    life.does(put(change(wrong, third)), &["password_proof_failed"]).expect(403);
    life.does(put(change(second, third)), &["password_changed"]).expect(200);
    life.does(put(json!({"password": third, "email": "new@example.com"})), &["email_change_asked"])
        .expect(200);

    // Administration.
    let as_root = |method: &str, path: &str| call(method, path).bearer(&root);
    let bob = json!({"username": "bob", "password": password, "roles": ["user"]});
    life.does(as_root("POST", "/users").json(bob), &["user_created"]).expect(201);
    tokens.keep(life.does(sign_in("bob", password), &["signed_in"]));
    life.does(as_root("PUT", "/users/bob").json(json!({"password": third})), &[]).expect(403);
    life.does(as_root("PATCH", "/users/bob").json(json!({"status": "disabled"})), &["user_disabled"])
        .expect(200);
    life.does(sign_in("bob", password), &["sign_in_failed"]).expect(401);
    life.does(as_root("PATCH", "/users/bob").json(json!({"status": "active"})), &["user_enabled"])
        .expect(200);
    life.does(as_root("PATCH", "/users/bob").json(json!({"roles": ["user", "admin"]})), &["roles_changed"])
        .expect(200);
    life.does(as_root("PATCH", "/users/bob").json(json!({"username": "robert"})), &["username_changed"])
        .expect(200);
    let proven = json!({"email": "bob@example.com", "email_verified": true});
    let reply =
        life.does(as_root("PATCH", "/users/robert").json(proven), &["email_changed", "email_verified"]);
    assert!(reply.status == 200, "{reply}");
    life.does(as_root("POST", "/users/robert/logout"), &["signed_out_everywhere"]).expect(204);

    // The end.
    let (leaving, _) = tokens.keep(life.does(sign_in(ADA, third), &["signed_in"]));
    life.does(call("POST", "/logout").bearer(&leaving), &["signed_out"]).expect(204);
    let (leaving, _) = tokens.keep(life.does(sign_in(ADA, third), &["signed_in"]));
    let everywhere = call("POST", "/logout").bearer(&leaving).json(json!({"everywhere": true}));
    life.does(everywhere, &["signed_out_everywhere"]).expect(204);
    let (leaving, _) = tokens.keep(life.does(sign_in(ADA, third), &["signed_in"]));
    let leave =
        |password: &str| call("DELETE", "/users/me").bearer(&leaving).json(json!({"password": password}));
    life.does(leave(wrong), &["password_proof_failed"]).expect(403);
    life.does(leave(third), &["user_deleted"]).expect(204);
    life.does(as_root("DELETE", "/users/robert"), &["user_deleted"]).expect(204);
    life.does(as_root("DELETE", "/users/me").json(json!({"password": administrator})), &[]).expect(409);

    // What the log says of it: G-02 and G-04.
    let complete = |log: &str| {
        log.lines().filter(|line| line.contains("keyward::request")).count() >= life.statuses.len()
    };
    until("the log", SOON, || complete(&server.log()).then_some(()));
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    check_requests(&lines, &life);
    check_events(&lines, &life);
    (tokens, setup.trim_start_matches("/setup/").to_owned())
}

/// Pictures: what opens one is a secret for as long as it does, and the name of a file is nobody's business.
fn look_at_pictures(life: &mut Life<'_>, access: &str, password: &str, tokens: &mut Tokens) {
    let put = |kind: &str, body: Vec<u8>| call("PUT", "/users/me/picture").bearer(access).body(kind, body);
    let form = Form::of("file", &format!("{}.jpg", percent(password)), "image/jpeg", &jpeg(RED));
    let reply = life.does(put(&Form::kind(), form.bytes()), &["picture_changed"]).expect(200).json();
    life.does(put("image/png", password.into()), &[]).expect(422);
    for (_, link) in reply["picture"]["sizes"].as_object().unwrap() {
        let (link, signature) = link.as_str().unwrap().rsplit_once("ignature=").unwrap();
        tokens.0.push(signature.to_owned());
        // In a bucket it is S3 that is asked.
        if let Some(at) = link.find("/pictures/").filter(|_| !link.contains("X-Amz-")) {
            life.does(call("GET", &format!("{}ignature={signature}", &link[at..])), &[]).expect(200);
        }
        let spot = percent(password);
        let nowhere = format!("/pictures/{spot}/64.jpg?expires=1&signature={spot}");
        life.does(call("GET", &nowhere), &[]).expect(403);
    }
    life.does(call("DELETE", "/users/me/picture").bearer(access), &["picture_removed"]).expect(204);
}

fn check_requests(lines: &[Value], life: &Life<'_>) {
    let requests: Vec<&Value> = lines.iter().filter(|line| line["target"] == "keyward::request").collect();
    assert_eq!(requests.len(), life.statuses.len());
    for line in &requests {
        let id = line["request_id"].as_str().unwrap();
        assert_eq!(line["status"], life.statuses[id], "{line}");
        for name in ["time", "method", "route", "address"] {
            assert!(line[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {line}");
        }
        assert!(
            line["time"].as_str().unwrap().ends_with('Z')
                && line["micros"].is_u64()
                && line["user"].is_string(),
            "{line}"
        );
    }
    let by_whom = requests.iter().filter(|line| line["user"] != "").count();
    assert!(by_whom > 15, "{by_whom} requests name their user");
    for route in ["/users/{user}", "/pictures/{picture}/{square}"] {
        assert!(requests.iter().any(|line| line["route"] == route), "{route}");
    }
}

fn check_events(lines: &[Value], life: &Life<'_>) {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["target"] == "keyward::audit") {
        for name in ["time", "event", "outcome", "actor", "address", "request_id"] {
            assert!(line[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {line}");
        }
        let failed = line["event"] == "sign_in_failed";
        assert!(failed || line["user"].as_str().is_some_and(|id| id.len() == 36), "{line}");
        let outcome = if line["event"].as_str().unwrap().ends_with("_failed") { "refused" } else { "" };
        assert!(outcome.is_empty() || line["outcome"] == outcome, "{line}");
        let id = line["request_id"].as_str().unwrap().to_owned();
        found.entry(id).or_default().push(line["event"].as_str().unwrap().to_owned());
    }
    let expected: BTreeMap<String, Vec<String>> = life
        .expected
        .iter()
        .map(|(id, events)| (id.clone(), events.iter().map(ToString::to_string).collect()))
        .collect();
    for id in life.statuses.keys() {
        assert_eq!(found.get(id), expected.get(id), "{id}");
    }
}
