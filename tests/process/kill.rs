//! Group F: what was answered is kept, whatever happens to the process and its neighbours.

use super::http::call;
use super::server::{Home, PASSWORD, SOON, Server, registration, until};
use crate::stores::{Kind, aside};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Registers people from several clients until the service is gone. Gives those who got a 201.
fn register_until_killed(server: Server, round: usize, enough: usize) -> Vec<String> {
    let made = Mutex::new(Vec::new());
    let address = server.address;
    std::thread::scope(|scope| {
        for client in 0..4 {
            let made = &made;
            scope.spawn(move || {
                for number in 0.. {
                    let email = format!("r{round}c{client}n{number}@example.com");
                    match registration(&email, PASSWORD).send_to(address) {
                        Ok(reply) => {
                            reply.expect(201);
                            made.lock().unwrap().push(email);
                        }
                        Err(_) => return,
                    }
                }
            });
        }
        until("registrations", SOON, || (made.lock().unwrap().len() >= enough).then_some(()));
        server.kill();
    });
    made.into_inner().unwrap()
}

#[test]
fn f_01_kill_9_under_registration_load_loses_nobody() {
    let home = Home::on_chosen_store();
    let mut made = Vec::new();
    for round in 0..5 {
        let server = home.start();
        made.extend(register_until_killed(server, round, 12));

        let begin = Instant::now();
        let server = home.start();
        assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
        if Kind::chosen() == Kind::Sqlite {
            assert_eq!(home.rows("PRAGMA integrity_check"), ["ok"]);
        }
        server.kill();
    }
    let server = home.start();
    // Also those whose 201 was on its way: whoever is there is there as a whole.
    let all = home.rows("SELECT email FROM keyward_users");
    for email in &made {
        assert!(all.contains(email), "{email} had a 201");
    }
    assert!(all.len() <= made.len() + 5 * 4, "{} of {}", made.len(), all.len());
    for half in [
        "SELECT count(*) FROM keyward_users WHERE password IS NULL OR email_key IS NULL",
        "SELECT count(*) FROM keyward_users WHERE id NOT IN (SELECT user_id FROM keyward_events WHERE kind = 'registered')",
        "SELECT count(*) FROM keyward_events WHERE user_id NOT IN (SELECT id FROM keyward_users)",
    ] {
        assert_eq!(home.count(half), 0, "{half}");
    }
    let all = &Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(email) = { all.lock().unwrap().pop() } {
                    server.login(&email, PASSWORD).expect(200);
                }
            });
        }
    });
}

#[test]
fn f_09_two_that_start_at_once_share_one_database_and_one_key() {
    for _ in 0..3 {
        let home = Home::on_chosen_store().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
        let (one, other) = (home.starting(), home.starting());
        let (one, other) = (one.started(), other.started());
        assert_eq!(one.get("/.well-known/jwks.json").text, other.get("/.well-known/jwks.json").text);
        one.register("ada@example.com", PASSWORD).expect(201);
        other.register("ada@example.com", PASSWORD).expect_problem(409, "taken");
        let (first, second) =
            (one.token("ada@example.com", PASSWORD), other.token("ada@example.com", PASSWORD));
        one.me(&second).expect(200);
        other.me(&first).expect(200);
        // What one ends is over for the other at once.
        one.send(&call("POST", "/auth/logout").bearer(&second)).expect(204);
        other.me(&second).expect_problem(401, "invalid_token");
        if Kind::chosen() == Kind::Sqlite {
            let files = std::fs::read_dir(home.path("keyward-data")).unwrap();
            let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
            assert_eq!(names.filter(|name| name.contains("keyward.key")).count(), 1);
        }
        assert_eq!(aside(home.place().migrations())[0], "1");
        // One of the two links was printed by each; one administrator is all there can be.
        let [a, b] = [&one, &other].map(|server| {
            let form = call("POST", &server.setup().unwrap());
            server.send(&form.form(&[
                ("email", &format!("{}@example.com", server.address.port())),
                ("password", PASSWORD),
            ]))
        });
        assert_eq!((a.status, b.status), (200, 404));
    }
}

#[test]
fn f_09_a_newer_schema_is_refused_and_left_as_it_is() {
    let home = Home::on_chosen_store();
    assert_eq!(
        home.run(&["migrate", "--json"]).expect(0).json()["applied"][0],
        home.place().first_migrations()[0]
    );
    let made = aside(home.place().migrations());
    aside(home.place().make_newer());
    let newer = aside(home.place().migrations());
    assert!(newer != made && newer.contains(&"99".into()), "{made:?} {newer:?}");
    for message in [home.refused(), home.run(&["migrate"]).expect(1).stderr] {
        assert!(message.contains("newer Keyward") && message.contains("99"), "{message}");
        assert!(Kind::chosen() != Kind::Sqlite || message.contains("keyward.db"), "{message}");
    }
    assert_eq!(aside(home.place().migrations()), newer);
}

#[test]
fn f_09_a_first_start_that_is_killed_is_begun_anew() {
    let home = Home::on_chosen_store();
    // From before it has opened anything to after it listens.
    for millis in [2, 10, 15, 20, 25, 30, 35, 40, 50, 60, 80, 120] {
        let (begun, server) = (Instant::now(), home.starting());
        until("its end", SOON, || (begun.elapsed() > Duration::from_millis(millis)).then_some(()));
        drop(server);
    }
    let server = home.start();
    assert_eq!(home.count("SELECT count(*) FROM keyward_keys"), 1);
    let mut versions = aside(home.place().migrations());
    let all = versions.len();
    versions.dedup();
    assert_eq!(versions.len(), all);
    server.register("ada@example.com", PASSWORD).expect(201);
    server.me(&server.token("ada@example.com", PASSWORD)).expect(200);
    assert!(server.setup().is_some());
}
