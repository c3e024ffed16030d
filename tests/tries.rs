//! Tries at one account's password: what counts as one, for whom, and how strangers shut nobody out.

use crate::app::{Person, Reply, Request, Setup, TestApp, all, delete, eventually, post, put};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Limits as shipped, but for the address, whose own limit is tested elsewhere.
async fn start(prepare: impl FnOnce(Setup) -> Setup) -> TestApp {
    TestApp::with(|setup| {
        let setup =
            setup.limits_as_shipped().set("limits.passwords", "100000").set("limits.failures", "100000");
        prepare(setup.behind("127.0.0.1"))
    })
    .await
}

fn login(name: &str, password: &str) -> Request {
    post("/auth/login").json(json!({"login": name, "password": password}))
}

fn from(address: &str, request: Request) -> Request {
    request.header("x-forwarded-for", address)
}

fn seconds(reply: &Reply) -> u64 {
    reply.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn c_07_every_spelling_and_every_way_is_one_counter() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    let form = |path: &str, name: &str| post(path).form(&[("username", name), ("password", "wrong")]);
    let by_email = [
        login("ada@example.com", "wrong"),
        login("ADA@Example.COM", "wrong again"),
        login(" ada@example.com ", "wrong"),
        post("/auth/login").json(json!({"username": "Ada@example.com", "password": "wrong"})),
        post("/login").json(json!({"email": "ada@EXAMPLE.com", "password": "wrong"})),
        post("/login/").json(json!({"user": "ADA@example.com", "password": "wrong"})),
        form("/auth/login", "ada@example.com"),
        form("/login", "Ada@example.com"),
        form("/login/", " ada@example.com"),
        login("ada@example.com", "wrong"),
    ];
    let by_username = [
        login("ada", "wrong"),
        login("Ada", "wrong"),
        login(" aDA ", "wrong"),
        post("/login").json(json!({"username": "ADA", "password": "wrong"})),
        post("/login/").json(json!({"user": "Ada", "password": "wrong"})),
        form("/auth/login", "ada"),
        form("/login", "Ada"),
        form("/login/", " ada "),
        login("ada", "wrong"),
        login("ada", "wrong"),
    ];
    for (ways, right) in [
        (&by_email, login(&ada.email, &ada.password)),
        // Another name is another counter: else it would be known that both are names of somebody.
        (&by_username, login("ada", &ada.password)),
    ] {
        for way in ways {
            app.refused_and_noted("counted", way, 401, "invalid_credentials", "sign_in_failed").await;
        }
        let work = app.hasher.work();
        for way in ways.iter().chain([&right]) {
            let reply = app.refused("too many", way, 429, "rate_limited", "").await;
            assert_eq!(seconds(&reply), 30);
        }
        assert_eq!(app.hasher.work(), work, "who is refused costs no hash");
    }
    assert_eq!(ada.me().await, 200, "who is signed in stays so");
    app.clock.advance(Duration::from_secs(29));
    app.send(&by_email[0]).await.must(429);
    app.clock.advance(Duration::from_secs(1));
    app.send(&by_email[3]).await.must(401);
    app.send(&by_email[9]).await.must(429);
    app.clock.advance(Duration::from_secs(30));
    app.login(&ada.email, &ada.password).await.must(200);
}

#[tokio::test]
async fn c_06_an_account_that_nobody_has_is_counted_alike() {
    let app = start(|setup| setup.set("limits.tries_per_day", "48")).await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let bob = app.signed_in("bob").await;
    admin.patch(&format!("/users/{}", bob.id), json!({"status": "disabled"})).await.must(200);
    let names = [ada.email.as_str(), "unknown@example.com", "nobodyatall", "no name", "bob"];
    // Ten at once, then twelve in a day from one network, then nothing more from a fifth network; all as strangers.
    for (network, tries) in [(1, 12), (2, 13), (3, 12), (4, 14), (5, 3)] {
        for number in 0..tries {
            if number == 10 {
                app.clock.advance(Duration::from_secs(60));
            }
            let (mut faces, mut work) = (Vec::new(), Vec::new());
            for (host, name) in names.iter().enumerate() {
                // A network of its own for each, so that nothing of one address is in the reply to another.
                let asked = from(&format!("10.{network}.{host}.1"), login(name, "wrong"));
                let before = app.hasher.work();
                faces.push(app.send(&asked.header("x-request-id", "one-and-the-same")).await.face());
                work.push(app.hasher.work() - before);
            }
            assert!(work.iter().all(|one| *one == work[0]), "{network} {number}: {work:?}");
            assert!(faces.iter().all(|one| *one == faces[0]), "{network} {number}: {faces:#?}");
            let expected = if network < 5 && number < 12 { 401 } else { 429 };
            assert_eq!(faces[0].0, expected, "{network} {number}");
        }
        app.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn many_guesses_at_the_same_moment_are_no_way_around() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    let (work, events) = (app.hasher.work(), app.count("keyward_events").await);
    let replies = all((0..200).map(|number| {
        let (sender, name) =
            (app.sender(), if number % 2 == 0 { "ADA@example.com" } else { "ada@example.com" });
        async move { sender.send(&login(name, &format!("guess {number}"))).await.status }
    }))
    .await;
    let count = |status| replies.iter().filter(|reply| **reply == status).count();
    assert_eq!((count(401), count(429)), (10, 190));
    assert_eq!(app.hasher.work(), work + 10);
    assert_eq!(app.count("keyward_events").await, events + 10);
    assert_eq!(ada.me().await, 200);
}

#[tokio::test]
async fn who_is_right_has_not_tried() {
    let app = start(|setup| setup).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    for _ in 0..9 {
        app.login(&ada.email, "wrong").await.must(401);
        // Neither one's own sign-in nor another's gives back what was wrong.
        app.login(&bob.email, &bob.password).await.must(200);
        app.login(&ada.email, &ada.password).await.must(200);
    }
    app.login(&ada.email, "wrong").await.must(401);
    app.login(&ada.email, &ada.password).await.must(429);
    app.login(&bob.email, &bob.password).await.must(200);
    // Nor has anybody whose password was never looked at.
    app.hasher.set_busy(true);
    for _ in 0..30 {
        app.login(&bob.email, "wrong").await.must(503);
    }
    app.hasher.set_busy(false);
    app.login(&bob.email, "wrong").await.must(401);
}

#[tokio::test]
async fn who_hangs_up_has_tried() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    let body = json!({"email": ada.email, "password": "wrong"}).to_string();
    let head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    app.hasher.close_gate();
    let mut sockets = Vec::new();
    for _ in 0..10 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        socket.set_zero_linger().unwrap();
        sockets.push(socket);
    }
    eventually("ten hashes have begun", async || app.hasher.waiting() == 10).await;
    app.login(&ada.email, &ada.password).await.must(429);
    drop(sockets);
    app.login(&ada.email, &ada.password).await.must(429);
    app.hasher.open_gate();
    eventually("all are noted", async || app.noted("sign_in_failed").await == 10).await;
    app.login(&ada.email, &ada.password).await.must(429);
}

#[tokio::test]
async fn l_03_another_network_still_gets_in() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    let right = || login(&ada.email, &ada.password);
    for number in 0..10 {
        app.send(&from(&format!("203.0.113.{number}"), login(&ada.email, "wrong"))).await.must(401);
        app.send(&from(&format!("2001:db8::{number}"), login(&ada.email, "wrong"))).await.must(401);
    }
    for slowed in ["203.0.113.200", "::ffff:203.0.113.1", "2001:db8::ffff:0:0:1"] {
        assert_eq!(seconds(&app.send(&from(slowed, right())).await.must(429)), 30, "{slowed}");
    }
    for elsewhere in ["203.0.114.1", "2001:db8:0:1::1"] {
        app.send(&from(elsewhere, right())).await.must(200);
    }
    app.clock.advance(Duration::from_secs(30));
    app.send(&from("203.0.113.1", right())).await.must(200);
}

#[tokio::test]
async fn a_day_of_guessing_from_everywhere_shuts_nobody_out_at_home() {
    let app = start(|setup| setup.set("limits.tries_per_day", "12")).await;
    let ada = app.signed_in("ada").await;
    let wrong = |network: &str| from(network, login(&ada.email, "wrong"));
    let right = |network: &str| from(network, login(&ada.email, &ada.password));
    app.send(&right("192.0.2.1")).await.must(200);
    // One stranger alone does not use up the day, whatever the patience; in IPv6 not with a whole /48 either.
    for number in 0..3 {
        app.send(&wrong(&format!("2001:db8:1:{number}::1"))).await.must(401);
    }
    assert_eq!(seconds(&app.send(&wrong("2001:db8:1:99::1")).await.must(429)), 8 * 3600);
    app.send(&right("198.51.100.1")).await.must(200);
    for network in ["10.0.1.1", "10.0.2.1", "10.0.3.1"] {
        for _ in 0..3 {
            app.send(&wrong(network)).await.must(401);
        }
    }
    // Four networks did. Then strangers wait, ...
    for _ in 0..30 {
        assert_eq!(seconds(&app.send(&right("10.0.4.1")).await.must(429)), 2 * 3600);
    }
    // ... who is signed in nearby does not, ...
    app.send(&right("192.0.2.77")).await.must(200);
    app.send(&wrong("192.0.2.77")).await.must(401);
    // ... and pays with the tries of that network alone.
    for _ in 0..2 {
        app.send(&wrong("192.0.2.5")).await.must(401);
    }
    app.send(&right("192.0.2.1")).await.must(429);
    app.clock.advance(Duration::from_secs(2 * 3600));
    app.send(&right("10.0.4.1")).await.must(200);
    app.send(&wrong("10.0.4.1")).await.must(401);
    app.send(&right("10.0.4.1")).await.must(200);
    app.clock.advance(Duration::from_secs(6 * 3600));
    for network in ["10.0.5.1", "10.0.5.1", "10.0.6.1"] {
        app.send(&wrong(network)).await.must(401);
    }
    // Who has signed out everywhere is at home nowhere.
    app.send(&right("192.0.2.1")).await.must(200);
    let again = app.again(&ada).await;
    again.send(post("/auth/logout").json(json!({"everywhere": true}))).await.must(204);
    app.send(&right("192.0.2.1")).await.must(429);
}

/// The password is tried by the way, and whatever comes of the request tells whether it was right.
#[tokio::test]
async fn a_new_password_that_is_not_set_was_a_try() {
    let app = start(|setup| setup).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let guess = |number: u32| json!({"password": format!("a long guess {number}"), "username": "bob"});
    for number in 0..10 {
        ada.patch("/users/me", guess(number)).await.must(409);
    }
    ada.patch("/users/me", guess(10)).await.must(429);
    app.login(&ada.email, &ada.password).await.must(429);
    bob.patch("/users/me", json!({"password": "quite another long one"})).await.must(200);
    app.login(&bob.email, "quite another long one").await.must(200);
}

/// A /48 may hold thousands of strangers.
#[tokio::test]
async fn a_neighbour_shuts_nobody_out_at_home() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    let right = |network: &str| from(network, login(&ada.email, &ada.password));
    app.send(&right("2001:db8:5:1::1")).await.must(200);
    for number in 0..25 {
        let neighbour = format!("2001:db8:5:{:x}::9", 2 + number / 9);
        app.send(&from(&neighbour, login(&ada.email, "wrong"))).await.must(401);
    }
    assert_eq!(seconds(&app.send(&right("2001:db8:5:ffff::1")).await.must(429)), 3456);
    app.send(&right("2001:db8:5:1::2")).await.must(200);
}

/// Requests that give a wrong password as proof.
fn wrong_proofs(person: &Person) -> [Request; 4] {
    let change = json!({"current_password": "wrong", "password": "another long secret"});
    [
        post("/auth/password/change").json(change.clone()),
        put("/users/me").json(change),
        put(&format!("/profile/{}", person.id))
            .json(json!({"email": "elsewhere@example.com", "current_password": "wrong"})),
        delete("/users/me").json(json!({"password": "wrong"})),
    ]
}

#[tokio::test]
async fn p_04_a_wrong_proof_is_a_try() {
    let app = start(|setup| setup).await;
    let ada = app.signed_in("ada").await;
    for number in 0..10 {
        let asked = ada.by(wrong_proofs(&ada)[number % 4].clone());
        app.refused_and_noted("a proof", &asked, 403, "wrong_password", "password_proof_failed").await;
    }
    let right = post("/auth/password/change")
        .json(json!({"current_password": ada.password, "password": "another long secret"}));
    for asked in wrong_proofs(&ada).into_iter().chain([right]) {
        app.refused("too many", &ada.by(asked), 429, "rate_limited", "").await;
    }
    app.login(&ada.email, &ada.password).await.must(429);
    // What needs no proof is not slowed down.
    ada.put("/users/me", json!({"first_name": "Ada"})).await.must(200);
}

#[tokio::test]
async fn a_new_password_is_no_wrong_one() {
    let app = start(|setup| setup.set("limits.endings", "1000")).await;
    let mut ada = app.signed_in("ada").await;
    for number in 0..15 {
        let new = format!("secret number {number}");
        ada.put("/users/me", json!({"password": new})).await.must(200);
        ada.put("/users/me", json!({"password": new})).await.must(200);
        let both = json!({"current_password": new, "password": format!("{new} again")});
        ada.put("/users/me", both).await.must(200);
        ada.password = format!("{new} again");
    }
    let old = app.again(&ada).await;
    app.clock.advance(Duration::from_secs(11 * 60));
    // In an old session it may be a guess, and so it may where it could not be set anyway.
    for _ in 0..5 {
        old.put("/users/me", json!({"password": "a guess of somebody"})).await.must(403);
    }
    let fresh = app.again(&ada).await;
    for _ in 0..5 {
        fresh.put("/users/me", json!({"password": "short"})).await.must(422);
    }
    fresh.put("/users/me", json!({"password": ada.password})).await.must(429);
}

#[tokio::test]
async fn a_wrong_secret_of_a_service_is_a_failure_of_its_address() {
    let secret = "9c1f7be04d2a86e35f60b7c8d91e4a2f";
    let app = start(|setup| {
        setup.set("limits.failures", "3").set("introspection.callers", &format!("billing:{secret}"))
    })
    .await;
    let ask = |pair: &str| {
        use base64::Engine;
        let encoded = base64::prelude::BASE64_STANDARD.encode(pair);
        post("/auth/introspect").header("authorization", &format!("Basic {encoded}")).form(&[("token", "x")])
    };
    for _ in 0..3 {
        app.refused("wrong", &ask("billing:wrong"), 401, "invalid_credentials", "").await;
        app.send(&ask(&format!("billing:{secret}"))).await.must(200);
    }
    let reply = app.refused("too many", &ask("billing:wrong"), 429, "rate_limited", "").await;
    assert_eq!((seconds(&reply), reply.text("error").as_str()), (1200, "temporarily_unavailable"));
    app.send(&ask(&format!("billing:{secret}"))).await.must(200);
    app.send(&login("somebody", "wrong")).await.must(429);
}
