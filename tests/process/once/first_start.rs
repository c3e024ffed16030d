//! From an empty folder to an administrator, and the second start in the same folder.

use crate::process::http::call;
use crate::process::server::{Home, PASSWORD, SOON};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_what_it_needs_for_its_owner_alone() {
    let home = Home::new();
    let server = home.start();
    assert_eq!(mode(&home.path("keyward-data")), 0o700);
    for name in ["keyward.db", "keyward.db-wal", "keyward.db-shm", "keyward.key"] {
        assert_eq!(mode(&home.path("keyward-data").join(name)), 0o600, "{name}");
    }
    let url = server.said["url"].as_str().unwrap();
    assert_eq!(url, format!("http://{}", server.address));
    assert_eq!(server.said["docs"], format!("{url}/docs"));
    assert!(server.said["setup"].as_str().unwrap().starts_with(&format!("{url}/setup/")));
    assert!(server.get("/docs").expect(200).header("content-type").starts_with("text/html"));
    server.get("/health/live").expect(200);
    server.get("/health").expect(200);
}

#[test]
fn people_are_told_the_address_the_documents_and_the_link() {
    let home = Home::new().set("KEYWARD_STORE_URL", "/proc/nowhere/keyward.db");
    // Refused without JSON too: one line, which names the path.
    let done = home.run(&[]).expect(1);
    assert!(done.stderr.starts_with("keyward: ") && done.stderr.contains("/proc/nowhere"), "{done:?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");

    let home = Home::new().set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0");
    let mut child = std::process::Command::new(crate::process::server::BINARY)
        .current_dir(home.path("."))
        .env_clear()
        .env("KEYWARD_SERVER_LISTEN", "127.0.0.1:0")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let text: Vec<String> = lines.by_ref().take(7).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let text = text.join("\n");
    for part in [
        "listens on http://127.0.0.1:",
        "sqlite:./keyward-data/keyward.db",
        "/dev/mail",
        "./keyward-data/pictures",
        "/docs",
        "/setup/",
        "works once",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_link_makes_one_administrator_and_is_gone() {
    let home = Home::new();
    let server = home.start();
    let setup = server.setup().unwrap();
    let page = server.get(&setup).expect(200);
    assert!(page.text.contains("<form") && page.header("cache-control").contains("no-store"), "{page}");
    server.get("/setup/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect_problem(404, "not_found");
    let make = |email: &str, password: &str| {
        server.send(&call("POST", &setup).form(&[("email", email), ("password", password)]))
    };
    make("root@example.com", "short").expect(422);
    make("root@example.com", PASSWORD).expect(200);
    make("second@example.com", PASSWORD).expect_problem(404, "not_found");
    server.get(&setup).expect_problem(404, "not_found");
    let token = server.token("root@example.com", PASSWORD);
    let me = server.me(&token).expect(200).json();
    assert!(me["roles"].as_array().unwrap().contains(&"admin".into()), "{me}");
    assert_eq!(home.count("SELECT count(*) FROM keyward_users"), 1);
    server.stop();

    let server = home.start();
    assert!(server.said["setup"].is_null(), "{}", server.said);
    server.get(&setup).expect_problem(404, "not_found");
}

#[test]
fn a_link_that_was_not_used_works_after_the_next_start_under_another_name() {
    let home = Home::new();
    let server = home.start();
    let old = server.setup().unwrap();
    server.stop();
    let server = home.start();
    server.get(&old).expect_problem(404, "not_found");
    server.get(&server.setup().unwrap()).expect(200);
}

#[test]
fn the_second_start_keeps_users_keys_and_sessions() {
    let home = Home::new();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let tokens = server.login("ada@example.com", PASSWORD).expect(200).json();
    let (keys, access) =
        (server.get("/.well-known/jwks.json").text, tokens["access_token"].as_str().unwrap());
    server.stop();

    let begin = Instant::now();
    let server = home.start();
    assert!(begin.elapsed() < SOON / 4, "{:?}", begin.elapsed());
    // The issuer is the address, which is another one now: what counts is that the keys are the same.
    assert_eq!(server.get("/.well-known/jwks.json").text, keys);
    let refresh =
        call("POST", "/auth/refresh").json(serde_json::json!({"refresh_token": tokens["refresh_token"]}));
    server.send(&refresh).expect(200);
    server.login("ada@example.com", PASSWORD).expect(200);
    server.stop();

    // With an issuer of its own an access token outlives the restart, too.
    let home = Home::new().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let token = server.token("ada@example.com", PASSWORD);
    server.stop();
    let server = home.start();
    server.me(&token).expect(200);
    server.me(access).expect_problem(401, "invalid_token");
}
