//! Bad input: a MongoDB that cannot be used stops the start within seconds, with a line that says what to do and holds no
//! password. What the driver makes of each failure is tested beside it.

use super::bad_stores::{assert_says, changed, password, refused, silent};
use crate::process::http::call;
use crate::process::log_hygiene::forms;
use crate::process::server::{Home, SOON, secret, until};
use crate::stores::{Kind, OwnMongo, Place, aside, through_proxy};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PASSWORD: &str = "a quiet blue harbour";

fn host(url: &str) -> String {
    url.rsplit_once('@').unwrap().1.split_once('/').unwrap().0.to_owned()
}

#[test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
fn a_mongodb_that_cannot_be_used_stops_the_start() {
    let server = OwnMongo::start();
    let (url, wrong, (listener, address)) = (server.url(), secret(), silent());
    let (own, host) = (password(&url).unwrap(), host(&url));
    let refused = |url: &str| refused(&[("MONGO_URI", url)]);

    assert_says(&refused(&changed(&url, &own, &wrong)), &[&host, "refuses the user name or the password"]);
    assert_says(&refused(&changed(&url, "//keyward:", "//nobody:")), &["refuses the user name"]);
    let nobody = format!("mongodb://{host}/keyward");
    assert_says(&refused(&nobody), &[&host, "does not permit this"]);
    let silent = changed(&url, &host, &address.to_string());
    assert_says(&refused(&silent), &["cannot be reached", "check host, port, firewall"]);
    drop(listener);
    assert_says(&refused(&silent), &["cannot be reached", "check host, port, firewall"]);
    assert_says(&refused(&changed(&url, &host, "no-such-host.invalid")), &["cannot be reached"]);
    assert_says(&refused(&format!("{url}&tls=true")), &["cannot be reached", "tls"]);
    assert_says(&refused(&format!("{url}&replicaSet=rs0")), &["cannot be reached"]);
    assert_says(
        &refused(&format!("{url}&tls=true&tlsCAFile=/nowhere/ca.pem")),
        &["tlsCAFile", "missing or no PEM"],
    );
    assert_says(&refused(&format!("{url}&nonsense=1")), &["MONGO_URI", "option", "behind the ?"]);
    assert_says(&refused(&changed(&url, &host, "")), &["MONGO_URI", "host"]);
    assert_says(&refused(&changed(&url, &own, &format!("{own}/{own}"))), &["MONGO_URI", "%2F"]);
    assert_says(&refused(&changed(&url, &own, &format!("{own}@{own}"))), &["MONGO_URI", "%40"]);
    assert_says(&refused(&changed(&url, "mongodb://", "mongodb:/")), &["MONGO_URI", "mongodb://"]);
    assert_says(&refused(&changed(&url, "/keyward?", "/a.b?")), &["MONGO_URI", "database"]);
    let srv = changed(&changed(&url, "mongodb://", "mongodb+srv://"), &host, "no-such-host.invalid");
    assert_says(&refused(&srv), &["no-such-host.invalid", "cannot be resolved"]);
}

#[test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
fn mongo_uri_alone_is_a_whole_service() {
    let server = OwnMongo::start();
    let home = Home::new().set("KEYWARD_SECRETS_MASTER", &secret()).set("MONGO_URI", &server.url());
    let create =
        ["user", "create", "--email", "root@example.com", "--role", "admin", "--password-stdin", "--json"];
    let made = home.run_with(&create, PASSWORD).expect(0).json();
    assert_eq!(made["email"], "root@example.com");
    let served = home.start();
    let token = served.token("root@example.com", PASSWORD);
    assert_eq!(served.me(&token).expect(200).json()["roles"], json!(["admin"]));
    assert_eq!(served.setup(), None, "there is an administrator");
    assert_eq!(home.run(&["user", "list", "--json"]).expect(0).stdout.lines().count(), 1);
    home.run(&["user", "delete", "root@example.com"]).expect(1);
    let (_, log) = served.stop();
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
fn f_08_and_g_01_a_mongodb_that_fails_holds_up_no_stop_and_is_told_of_without_its_password() {
    let place = aside(Place::empty(Kind::Mongo, PathBuf::new()));
    let (proxy, url) = through_proxy(&place.settings()[0].1);
    let (master, given) = (secret(), "Kanari-sechs +/q7 zwitschert");
    let home = Home::new().set("DATABASE_URL", &url).set("KEYWARD_SECRETS_MASTER", &master);
    let home = home.set("KEYWARD_LOG_LEVEL", "trace").set("KEYWARD_LOG_FORMAT", "json");
    let server = home.start();
    server.register("ada@example.com", given).expect(201);
    let tokens = server.login("ada@example.com", given).expect(200).json();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    for fail in [crate::stores::Proxy::vanish, crate::stores::Proxy::silence] {
        fail(&proxy);
        until("the outage", SOON, || (server.me(&access).status == 503).then_some(()));
        server.login("ada@example.com", given).expect(503);
        server.send(&call("POST", "/auth/refresh").json(json!({"refresh_token": refresh}))).expect(503);
        server.get("/health/ready").expect(503);
        proxy.restore();
        until("readiness", SOON, || (server.get("/health/ready").status == 200).then_some(()));
        server.me(&access).expect(200);
    }
    proxy.silence();
    let begun = Instant::now();
    let (_, log) = server.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(log.contains("not ready") && log.contains("DEBUG"), "{log}");
    let mut secrets = place.passwords();
    assert!(!secrets.is_empty());
    secrets.extend(access.split('.').chain(refresh.split('.')).filter(|part| part.len() > 8).map(Into::into));
    secrets.extend([master, given.into(), access, refresh]);
    for secret in secrets {
        for form in forms(&secret) {
            assert!(!log.contains(&form), "{form} in {log}");
        }
    }
}
