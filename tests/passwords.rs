//! Passwords: which are good enough, that every character counts, and how they are kept.

use crate::app::{TestApp, announce, exchange, post};
use serde_json::json;
use std::time::{Duration, Instant};

async fn registers(app: &TestApp, name: &str, password: &str) -> u16 {
    let body = json!({"email": format!("{name}@example.com"), "password": password});
    app.anonymous().post("/auth/register", body).await.status
}

async fn signs_in(app: &TestApp, name: &str, password: &str) -> u16 {
    app.login(&format!("{name}@example.com"), password).await.status
}

#[tokio::test]
async fn p_01_length_is_counted_in_characters() {
    let app = TestApp::start().await;
    for (length, status) in [(7, 422), (8, 201), (64, 201), (128, 201), (256, 201), (257, 422)] {
        for letter in ["xy", "\u{e9}\u{e8}", "\u{1f600}\u{1f601}"] {
            let password: String = letter.chars().cycle().take(length).collect();
            let name = format!("u{length}-{}", letter.len());
            assert_eq!(registers(&app, &name, &password).await, status, "{length} of {letter}");
        }
    }
    let strict = TestApp::with(|setup| setup.set("passwords.min_length", "15")).await;
    let request = post("/auth/register").json(json!({"email": "a@x.test", "password": "fourteen chars"}));
    strict.refused("14 of 15", &request, 422, "invalid", "/password").await;
    assert_eq!(registers(&strict, "b", "fifteen chars..").await, 201);
}

#[tokio::test]
async fn p_02_argon2id_cuts_nothing() {
    let app = TestApp::with(|setup| setup.real_hashing()).await;
    for (name, begin) in [("letters", "aB".repeat(36)), ("emoji", "\u{1f600}\u{1f601}".repeat(9))] {
        assert_eq!(begin.len(), 72);
        let whole = format!("{begin}SECRET");
        assert_eq!(registers(&app, name, &whole).await, 201);
        assert_eq!(signs_in(&app, name, &begin).await, 401);
        assert_eq!(signs_in(&app, name, &format!("{begin}x")).await, 401);
        assert_eq!(signs_in(&app, name, &whole).await, 200);
    }
}

#[tokio::test]
async fn p_02_bcrypt_refuses_what_it_would_cut() {
    let app = TestApp::with(|setup| {
        setup.set("passwords.algorithm", "bcrypt").set("passwords.bcrypt_cost", "10").real_hashing()
    })
    .await;
    let begin = "aB".repeat(36);
    let request = post("/auth/register").json(json!({"email": "a@x.test", "password": format!("{begin}S")}));
    app.refused("73 bytes", &request, 422, "invalid", "/password").await;
    assert_eq!(registers(&app, "a", &begin).await, 201);
    assert_eq!(signs_in(&app, "a", &format!("{begin}x")).await, 401, "not cut at login either");
    assert_eq!(signs_in(&app, "a", &begin[..71]).await, 401);
    assert_eq!(signs_in(&app, "a", &begin).await, 200);
}

#[tokio::test]
async fn p_03_a_huge_password_is_refused_unhashed_and_soon() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (before, work) = (app.everything().await, app.hasher.work());
    let token = format!("Authorization: Bearer {}\r\n", ada.access);
    for (path, field) in
        [("/auth/login", "email"), ("/auth/register", "email"), ("/auth/password/change", "current_password")]
    {
        for size in [1 << 20, 10 << 20] {
            let body = format!(r#"{{"{field}":"ada@example.com","password":"{}"}}"#, "x".repeat(size));
            let request = announce("POST", path, &token, body.len() as u64) + &body;
            let begun = Instant::now();
            let reply = exchange(&app, request.as_bytes()).await;
            assert_eq!(reply.status(), 413, "{path} {size}: {reply:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{path} {size}: {:?}", begun.elapsed());
        }
        // What fits into a body and not into a password.
        let body = json!({field: "ada@example.com", "password": "x".repeat(60_000)});
        app.refused(path, &ada.by(post(path).json(body)), 422, "invalid", "/password").await;
    }
    assert_eq!(app.hasher.work(), work, "nothing was hashed");
    assert_eq!(app.everything().await, before);
}

#[tokio::test]
async fn p_05_nul_is_refused_and_cuts_nothing() {
    let app = TestApp::start().await;
    let request = post("/auth/register").json(json!({"email": "a@x.test", "password": "abc\0defgh12"}));
    app.refused("register", &request, 422, "invalid", "/password").await;
    assert_eq!(registers(&app, "a", "abcdefgh").await, 201);
    let request = post("/auth/login").json(json!({"email": "a@example.com", "password": "abcdefgh\0XX"}));
    app.refused("login", &request, 422, "invalid", "/password").await;
}

#[tokio::test]
async fn p_06_one_password_however_it_is_composed() {
    let app = TestApp::start().await;
    let (nfc, nfd) = ("Pa\u{df}w\u{f6}rt-\u{e9}t\u{e9}!", "Pa\u{df}wo\u{308}rt-e\u{301}te\u{301}!");
    assert_eq!(registers(&app, "nfc", nfc).await, 201);
    assert_eq!(registers(&app, "nfd", nfd).await, 201);
    for name in ["nfc", "nfd"] {
        assert_eq!(signs_in(&app, name, nfc).await, 200);
        assert_eq!(signs_in(&app, name, nfd).await, 200);
        assert_eq!(signs_in(&app, name, "Passwort-ete!").await, 401);
    }
    // Compatibility forms are other characters: `fi` is no ligature, and full-width is no ASCII.
    assert_eq!(registers(&app, "nfkc", "\u{fb01}ne words 12").await, 201);
    assert_eq!(signs_in(&app, "nfkc", "fine words 12").await, 401);
    // Seven characters, however many bytes.
    assert_eq!(registers(&app, "short", "\u{f6}\u{e4}\u{fc}\u{e9}\u{e8}\u{ea}\u{e7}").await, 422);
    assert_eq!(
        registers(&app, "short", "o\u{308}a\u{308}u\u{308}e\u{301}abc").await,
        422,
        "counted when composed"
    );
}

#[tokio::test]
async fn p_07_blanks_are_characters() {
    let app = TestApp::start().await;
    for (name, password, others) in [
        ("lead", " leading one", vec!["leading one", "  leading one"]),
        ("trail", "trailing one ", vec!["trailing one", "trailing one\t"]),
        ("inner", "two  blanks here", vec!["two blanks here", "two\u{a0} blanks here"]),
        ("tab", "with\ta tab in it", vec!["with a tab in it"]),
    ] {
        assert_eq!(registers(&app, name, password).await, 201, "{name}");
        for other in others {
            assert_eq!(signs_in(&app, name, other).await, 401, "{name}: {other:?}");
        }
        assert_eq!(signs_in(&app, name, password).await, 200, "{name}");
    }
    // Only blanks are one character over and over: refused for that, not trimmed.
    assert_eq!(registers(&app, "blank", &" ".repeat(16)).await, 422);
}

#[tokio::test]
async fn p_08_what_everybody_tries_first_is_refused_on_every_way() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("adalovelace").await, app.admin().await);
    let common = include_str!("../crates/auth/src/common-passwords.txt").lines();
    let mut guesses: Vec<String> = common.step_by(60).take(50).map(str::to_owned).collect();
    assert!(guesses.len() >= 20);
    guesses.extend(guesses.clone().iter().map(|guess| guess.to_uppercase()));
    guesses.extend(
        ["keyward1", "Keyward2026", "adalovelace", "AdaLovelace", "adalovelace@example.com"]
            .map(String::from),
    );
    for guess in &guesses {
        let names = json!({"email": "adalovelace@example.com", "username": "adalovelace"});
        let mut new = names.clone();
        new["password"] = guess.as_str().into();
        let change = json!({"current_password": ada.password, "password": guess});
        for request in [
            post("/auth/register").json(new.clone()),
            admin.by(post("/users").json(new)),
            ada.by(post("/auth/password/change").json(change.clone())),
            ada.by(crate::app::put("/users/me").json(change)),
        ] {
            app.refused(guess, &request, 422, "invalid", "/password").await;
        }
    }
    assert_eq!(signs_in(&app, "adalovelace", &ada.password).await, 200);
}

#[tokio::test]
async fn p_09_no_rule_of_composition() {
    let app = TestApp::start().await;
    for (name, password) in [
        ("lower", "qpwoeirutyalskdj"),
        ("words", "five words with some blanks"),
        ("digits", "73918264509182736450"),
        ("sample", "testpass123"),
        ("emoji", "\u{1f600}\u{1f680}\u{1f600}\u{1f680}\u{1f600}\u{1f680}\u{1f600}\u{1f681}"),
    ] {
        assert_eq!(registers(&app, name, password).await, 201, "{password}");
    }
}

#[tokio::test]
async fn p_11_hashes_are_argon2id_each_with_its_salt() {
    let app = TestApp::with(|setup| setup.real_hashing()).await;
    for name in ["one", "two"] {
        assert_eq!(registers(&app, name, "the same for both").await, 201);
    }
    let hashes = app.rows("SELECT password FROM keyward_users").await;
    assert_ne!(hashes[0], hashes[1]);
    for hash in hashes {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}

#[tokio::test]
async fn p_12_an_old_hash_is_renewed_at_login() {
    let app = TestApp::with(|setup| setup.real_hashing()).await;
    assert_eq!(registers(&app, "old", "kept since long ago").await, 201);
    let old = bcrypt::hash("kept since long ago", 4).unwrap();
    app.execute(&format!("UPDATE keyward_users SET password = '{old}'")).await;
    assert_eq!(signs_in(&app, "old", "another secret").await, 401);
    assert_eq!(app.rows("SELECT password FROM keyward_users").await, [old]);
    assert_eq!(signs_in(&app, "old", "kept since long ago").await, 200);
    let new = app.rows("SELECT password FROM keyward_users").await;
    assert!(new[0].starts_with("$argon2id$"), "{new:?}");
    assert_eq!(signs_in(&app, "old", "kept since long ago").await, 200);
    assert_eq!(app.rows("SELECT password FROM keyward_users").await, new, "once is enough");
}
