//! What an operator does on the command line, beside a running service and before there is one.

use super::http::{Reply, call};
use super::server::{Done, Home, PASSWORD, SOON, Server, until};
use serde_json::{Value, json};

fn create(home: &Home, arguments: &[&str]) -> Done {
    let whole = [&["user", "create", "--password-stdin", "--json"], arguments].concat();
    home.run_with(&whole, &format!("{PASSWORD}\n"))
}

fn refresh(server: &Server, token: &Value) -> Reply {
    server.send(&call("POST", "/auth/refresh").json(json!({"refresh_token": token})))
}

#[test]
fn users_beside_a_running_service() {
    let home = Home::on_chosen_store();
    let server = home.start();
    let made = create(&home, &["--email", "ada@example.com", "--username", "ada", "--first-name", "Ada"])
        .expect(0)
        .json();
    assert_eq!((&made["username"], &made["status"]), (&json!("ada"), &json!("active")));
    let id = made["id"].as_str().unwrap();

    // Each acts on the next request of the service.
    let tokens = server.login("ada@example.com", PASSWORD).expect(200).json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.me(access).expect(200).json()["first_name"], "Ada");
    let updated = home
        .run(&["user", "update", "ada", "--last-name", "Lovelace", "--verified", "--json"])
        .expect(0)
        .json();
    assert_eq!((&updated["first_name"], &updated["email_verified"]), (&json!("Ada"), &json!(true)));
    assert_eq!(server.me(access).expect(200).json()["last_name"], "Lovelace");
    assert_eq!(home.run(&["user", "disable", id, "--json"]).expect(0).json()["status"], "disabled");
    server.me(access).expect_problem(401, "invalid_token");
    refresh(&server, &tokens["refresh_token"]).expect(401);
    server.login("ada@example.com", PASSWORD).expect(401);
    home.run(&["user", "enable", "ada@example.com"]).expect(0);
    server.me(access).expect(401);
    server.login("ada@example.com", PASSWORD).expect(200);

    let shown = home.run(&["user", "show", "ada", "--json"]).expect(0).json();
    assert_eq!(shown["id"], id);
    let events: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"user_disabled") && events.contains(&"sign_in_failed"), "{events:?}");
    assert_eq!(shown["events"].as_array().unwrap().len(), events.len().min(10));

    let token = server.token("ada@example.com", PASSWORD);
    assert_eq!(home.run(&["user", "delete", "ada", "--json"]).expect(0).json()["deleted"], id);
    server.me(&token).expect_problem(401, "invalid_token");
    server.login("ada@example.com", PASSWORD).expect(401);
    let gone = home.run(&["user", "show", "ada"]).expect(1);
    assert_eq!(gone.stderr, "keyward: there is no user ada\n");
}

#[test]
fn lists_are_whole_and_filtered() {
    let home = Home::on_chosen_store();
    home.run(&["migrate"]).expect(0);
    assert_eq!(home.run(&["user", "list", "--json"]).expect(0).stdout, "");
    for name in ["anna", "bert", "berta"] {
        create(&home, &["--username", name]).expect(0);
    }
    create(&home, &["--email", "root@example.com", "--role", "admin"]).expect(0);
    let names = |arguments: &[&str]| -> Vec<String> {
        let done = home.run(&[&["user", "list", "--json"], arguments].concat()).expect(0);
        let users = done.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        users.map(|user| user["username"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(names(&[]), ["anna", "bert", "berta", "-"]);
    assert_eq!(names(&["--q", "BERT"]), ["bert", "berta"]);
    assert_eq!(names(&["--role", "admin"]), ["-"]);
    assert_eq!(names(&["--limit", "2"]), ["anna", "bert"]);
    assert_eq!(home.run(&["user", "list"]).expect(0).stdout.lines().count(), 4);
}

#[test]
fn the_last_administrator_stays() {
    let home = Home::on_chosen_store();
    create(&home, &["--email", "root@example.com", "--role", "admin"]).expect(0);
    for arguments in [
        &["user", "delete", "root@example.com"][..],
        &["user", "disable", "root@example.com"],
        &["user", "update", "root@example.com", "--role", "user"],
    ] {
        let done = home.run(arguments).expect(1);
        assert!(done.stderr.contains("last administrator"), "{done:?}");
        assert_eq!(done.stdout, "");
    }
    create(&home, &["--email", "second@example.com", "--role", "admin"]).expect(0);
    home.run(&["user", "delete", "root@example.com"]).expect(0);
    home.run(&["user", "delete", "second@example.com"]).expect(1);
}

#[test]
fn migrate_says_what_it_did() {
    let home = Home::on_chosen_store();
    let applied = format!("applied {}\n", home.place().first_migrations().join(", "));
    assert_eq!(home.run(&["migrate"]).expect(0).stdout, applied);
    assert_eq!(home.run(&["migrate"]).expect(0).stdout, "the schema is up to date\n");
    assert_eq!(home.run(&["migrate", "--json"]).expect(0).json(), json!({"applied": []}));
    home.start();
}

fn kid(token: &str) -> String {
    use base64::Engine;
    let head = token.split('.').next().unwrap();
    let head: Value =
        serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    head["kid"].as_str().unwrap().to_owned()
}

#[test]
fn keys_rotate_beside_a_running_service() {
    let home = Home::on_chosen_store();
    let server = home.start();
    server.register("ada@example.com", PASSWORD).expect(201);
    let tokens = server.login("ada@example.com", PASSWORD).expect(200).json();
    let old = tokens["access_token"].as_str().unwrap();
    let listed = home.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(listed["keys"][0]["kid"], kid(old));
    assert_eq!(
        (listed["keys"].as_array().unwrap().len(), &listed["keys"][0]["state"]),
        (1, &json!("signing"))
    );

    let rotated = home.run(&["keys", "rotate", "--json"]).expect(0).json();
    let states: Vec<&str> =
        rotated["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["signing", "coming"]);
    let coming = rotated["keys"][1]["kid"].as_str().unwrap();
    // It is published before it signs.
    let published = until("two published keys", SOON, || {
        let keys =
            server.get("/.well-known/jwks.json").expect(200).json()["keys"].as_array().unwrap().clone();
        (keys.len() == 2).then_some(keys)
    });
    assert!(
        published.iter().any(|key| key["kid"] == coming)
            && published.iter().all(|key| key.get("d").is_none())
    );
    let mut renewed = tokens["refresh_token"].clone();
    let new = until("a token of the new key", SOON, || {
        let tokens = refresh(&server, &renewed).expect(200).json();
        renewed = tokens["refresh_token"].clone();
        Some(tokens["access_token"].as_str().unwrap().to_owned()).filter(|token| kid(token) == coming)
    });
    server.me(old).expect(200);
    server.me(&new).expect(200);
    let listed = home.run(&["keys", "list", "--json"]).expect(0).json();
    assert_eq!(
        (&listed["keys"][0]["state"], &listed["keys"][1]["state"]),
        (&json!("verifying"), &json!("signing"))
    );
    assert!(listed["keys"][0]["verifies_until"].is_string());
    assert_eq!(home.run(&["keys", "list"]).expect(0).stdout.lines().count(), 2);
}
