//! Mail around the process: killed while it sends, told what to do on the command line, and silent about what is secret in
//! mails.

use super::http::{Call, Reply, call};
use super::log_hygiene::forms;
use super::server::{Home, PASSWORD, SOON, Server, until};
use crate::post::{Post, Taken};
use crate::stores::aside;
use serde_json::{Value, json};

/// Mails go to the mail server.
fn posting() -> Home {
    Home::on_chosen_store()
        .set("SMTP_URL", &Post::url())
        .set("KEYWARD_SERVER_PUBLIC_URL", "https://accounts.example.com")
}

fn took(post_office: &Post, number: usize) -> Vec<Taken> {
    let mails = until("the mails", SOON, || {
        let mails = post_office.mails();
        (mails.len() >= number).then_some(mails)
    });
    assert_eq!(mails.len(), number, "{mails:#?}");
    mails
}

/// What is in the inbox for somebody, oldest first, once there is so much.
fn inbox(server: &Server, to: &str, number: usize) -> Vec<Value> {
    let path = format!("/dev/mail.json?to={to}");
    until("the inbox", SOON, || {
        let items = server.get(&path).expect(200).json()["items"].as_array().unwrap().clone();
        (items.len() >= number).then(|| items.into_iter().rev().collect())
    })
}

fn text<'a>(mail: &'a Value, name: &str) -> &'a str {
    mail[name].as_str().unwrap()
}

fn verify(email: &str, code: &str) -> Call {
    call("POST", "/auth/verify").json(json!({"email": email, "code": code}))
}

fn forgot(email: &str) -> Call {
    call("POST", "/auth/password/forgot").json(json!({"email": email}))
}

fn reset(token: &str, password: &str) -> Call {
    call("POST", "/auth/password/reset").json(json!({"token": token, "password": password}))
}

/// As if so much time had passed that what was claimed is due again. While no service runs.
fn let_claims_end(home: &Home) {
    aside(home.place().execute("UPDATE keyward_mails SET due_at = created_at WHERE state = 'waiting'"));
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn killed_while_it_sends_it_sends_after_the_restart_and_once() {
    let (home, post_office) = (posting(), Post::new());
    post_office.behave(json!({"hold": true}));
    let people = ["ada", "bob", "eve"].map(|name| post_office.address(name));
    let server = home.start();
    for email in &people {
        server.register(email, PASSWORD).expect(201);
    }
    // The mail server has every byte of them, and does not answer.
    until("all are being sent", SOON, || (post_office.held() == 3).then_some(()));
    server.kill();
    until("its end is noticed", SOON, || (post_office.held() == 0).then_some(()));
    post_office.behave(json!({}));
    assert_eq!(home.count("SELECT count(*) FROM keyward_mails WHERE state = 'waiting' AND attempts = 1"), 3);
    let_claims_end(&home);
    let server = home.start();
    until("all is sent", SOON, || {
        (home.count("SELECT count(*) FROM keyward_mails WHERE state = 'sent'") == 3).then_some(())
    });
    for (email, mail) in people.iter().zip({
        let mut mails = took(&post_office, 3);
        mails.sort_by_key(|mail| mail.to()[0].to_owned());
        mails
    }) {
        assert_eq!(mail.to(), [email.as_str()]);
        server.send(&verify(email, &mail.code())).expect(200);
    }
    server.stop();
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn killed_after_the_mail_was_taken_it_sends_the_very_same_once_more() {
    let (home, post_office) = (posting(), Post::new());
    let ada = post_office.address("ada");
    // It has taken the mail, and the answer never comes.
    post_office.behave(json!({"cut": "unsaid", "times": 1}));
    let server = home.start();
    server.register(&ada, PASSWORD).expect(201);
    took(&post_office, 1);
    server.kill();
    let_claims_end(&home);
    let server = home.start();
    let mails = took(&post_office, 2);
    assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"));
    assert_eq!((mails[0].code(), mails[0].link()), (mails[1].code(), mails[1].link()));
    server.send(&verify(&ada, &mails[0].code())).expect(200);
    server.stop();
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn who_is_acknowledged_gets_a_mail_whenever_the_service_is_killed() {
    let (home, post_office) = (posting(), Post::new());
    let mut made = Vec::new();
    for round in 0..4 {
        let server = home.start();
        for number in 0..6 {
            let email = post_office.address(&format!("person{round}-{number}"));
            server.register(&email, PASSWORD).expect(201);
            made.push(email);
        }
        // While some are sent, and some are not.
        server.kill();
        let_claims_end(&home);
    }
    let server = home.start();
    until("nothing waits", SOON, || {
        (home.count("SELECT count(*) FROM keyward_mails WHERE state <> 'sent'") == 0).then_some(())
    });
    let mails = post_office.mails();
    for email in &made {
        let theirs: Vec<&Taken> = mails.iter().filter(|mail| mail.to() == [email.as_str()]).collect();
        let ids: Vec<&str> = theirs.iter().map(|mail| mail.header("message-id")).collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{email}: {ids:?}");
        server.send(&verify(email, &theirs.last().unwrap().code())).expect(200);
    }
    server.stop();
}

#[test]
fn invitations_and_resets_on_the_command_line_are_sent_by_the_service() {
    let home = Home::on_chosen_store();
    let server = home.start();
    let create = ["user", "create", "--email", "ada@example.com", "--username", "ada", "--invite", "--json"];
    let made = home.run(&create).expect(0).json();
    assert_eq!((&made["username"], &made["email_verified"]), (&json!("ada"), &json!(false)));
    let mail = inbox(&server, "ada@example.com", 1).remove(0);
    assert_eq!(mail["code"], Value::Null);
    let token = text(&mail, "link").rsplit('/').next().unwrap().to_owned();
    server.login("ada@example.com", PASSWORD).expect(401);
    server.send(&reset(&token, PASSWORD)).expect(204);
    server.login("ada@example.com", PASSWORD).expect(200);

    let done = home.run(&["user", "reset-password", "ada"]).expect(0);
    let mails = inbox(&server, "ada@example.com", 2);
    let code = text(&mails[1], "code");
    for said in [&done.stdout, &done.stderr] {
        assert!(!said.contains(code) && !said.contains("kwl_"), "{done:?}");
    }
    let body = json!({"email": "ada@example.com", "code": code, "password": "another quiet harbour"});
    server.send(&call("POST", "/auth/password/reset").json(body)).expect(204);
    server.login("ada@example.com", "another quiet harbour").expect(200);

    for (arguments, word) in [
        (&["user", "create", "--username", "bob", "--invite"][..], "email"),
        (&["user", "create", "--email", "ada@example.com", "--invite"], "taken"),
        (&["user", "reset-password", "nobody"], "nobody"),
    ] {
        let done = home.run(arguments);
        assert_ne!(done.code, 0, "{done:?}");
        assert!(done.stderr.contains(word), "{done:?}");
    }
    // Without a way to send one nobody is invited.
    let home = home.set("KEYWARD_MAIL_INBOX", "no");
    for arguments in [
        &["user", "create", "--email", "eve@example.com", "--invite"][..],
        &["user", "reset-password", "ada"],
    ] {
        let done = home.run(arguments).expect(1);
        assert!(done.stderr.contains("mail.url") && done.stderr.contains("SMTP_URL"), "{done:?}");
    }
    assert_eq!(home.count("SELECT count(*) FROM keyward_users"), 1);
    server.stop();
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn the_outbox_on_the_command_line() {
    let (home, post_office) = (posting(), Post::new());
    let (ada, bob) = (post_office.address("ada"), post_office.address("bob"));
    post_office.behave(json!({"rcpt": "550 5.1.1 Nobody of that name here", "times": 1}));
    let server = home.start();
    server.register(&ada, PASSWORD).expect(201);
    let list = |arguments: &[&str]| -> Vec<Value> {
        let done = home.run(&[&["mail", "list", "--json"], arguments].concat()).expect(0);
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let dead = until("it is given up", SOON, || list(&["--state", "dead"]).pop());
    assert_eq!(
        (text(&dead, "to"), text(&dead, "topic"), &dead["attempts"]),
        (ada.as_str(), "verify", &json!(1))
    );
    assert!(text(&dead, "reason").contains("550 5.1.1 Nobody of that name here"), "{dead}");
    server.register(&bob, PASSWORD).expect(201);
    until("the other is sent", SOON, || list(&["--state", "sent"]).pop());
    assert_eq!((list(&[]).len(), list(&["--limit", "1"]).len()), (2, 1));
    assert_eq!(list(&["--to", &bob.to_uppercase()]).len(), 1);
    assert!(list(&["--state", "waiting"]).is_empty());
    assert_eq!(text(&list(&[])[0], "to"), bob, "the newest first");

    let id = text(&dead, "id").to_owned();
    let shown = home.run(&["mail", "show", &id]).expect(0).stdout;
    for part in [ada.as_str(), "verify", "given up", "550", "127.0.0.1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("kwl_"), "{shown}");
    home.run(&["mail", "retry", &id]).expect(0);
    let code = took(&post_office, 2)[1].code();
    server.send(&verify(&ada, &code)).expect(200);
    let sent = until("it is sent", SOON, || list(&["--to", &ada, "--state", "sent"]).pop());
    assert_eq!(text(&sent, "id"), id);
    for wrong in
        [&["mail", "retry", &id][..], &["mail", "show", "x"], &["mail", "show", &id.replace('0', "1")]]
    {
        let done = home.run(wrong).expect(1);
        assert!(!done.stderr.is_empty(), "{done:?}");
    }

    post_office.behave(json!({"rcpt": "550 5.1.1 Nobody of that name here", "times": 2}));
    for name in ["kim", "lee"] {
        server.register(&post_office.address(name), PASSWORD).expect(201);
    }
    until("both are given up", SOON, || (list(&["--state", "dead"]).len() == 2).then_some(()));
    let done = home.run(&["mail", "retry", "--dead", "--json"]).expect(0);
    assert_eq!(done.json()["retried"], 2);
    took(&post_office, 4);
    server.stop();
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn a_test_mail_tells_what_the_mail_server_says() {
    let (home, post_office) = (posting(), Post::new());
    let you = post_office.address("you");
    let done = home.run(&["mail", "test", "--to", &you]).expect(0);
    assert!(done.stdout.contains(&you), "{done:?}");
    let mail = took(&post_office, 1).remove(0);
    assert_eq!((mail.to(), mail.defects()), (vec![you.as_str()], &json!([])));
    assert!(!mail.text().contains("/link/"), "{}", mail.text());
    post_office.behave(json!({"rcpt": "550 5.1.1 Nobody of that name here"}));
    let done = home.run(&["mail", "test", "--to", &you]).expect(1);
    assert!(done.stderr.contains("550 5.1.1 Nobody of that name here"), "{done:?}");
    let home = home.set("SMTP_URL", &Post::url().replace("keyward:", "keyward:not-the-password-"));
    let done = home.run(&["mail", "test", "--to", &you]).expect(1);
    assert!(done.stderr.contains("535") && !done.stderr.contains("not-the-password"), "{done:?}");
    let done = home.run(&["mail", "test", "--to", "you@example.com\r\nBcc: eve@evil.test"]).expect(1);
    assert!(!done.stderr.contains("evil"), "{done:?}");
    let done = Home::new().run(&["mail", "test", "--to", &you]).expect(1);
    assert!(done.stderr.contains("SMTP_URL"), "{done:?}");
}

/// Six digits that stand by themselves in a line, but for its time.
fn holds_digits(line: &str, digits: &str) -> bool {
    let mut line: Value = serde_json::from_str(line).unwrap();
    line.as_object_mut().unwrap().remove("time");
    let text = line.to_string();
    text.match_indices(digits).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + digits.len()..].chars().next();
        let is_apart = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_ascii_alphanumeric());
        is_apart(before) && is_apart(after)
    })
}

#[test]
fn g_01_no_code_and_no_link_is_logged_or_kept() {
    let home = Home::on_chosen_store().set("KEYWARD_LOG_LEVEL", "trace").set("KEYWARD_LOG_FORMAT", "json");
    let server = home.start();
    let ada = "ada@example.com";
    server.register(ada, PASSWORD).expect(201);
    let send = |call: Call, status: u16| -> Reply { server.send(&call).expect(status) };
    let mut mails = inbox(&server, ada, 1);
    let path = |mail: &Value| format!("/link/{}", text(mail, "link").rsplit('/').next().unwrap());
    send(call("GET", &path(&mails[0])), 200);
    send(verify(ada, "000000"), 422);
    send(verify(ada, text(&mails[0], "code")), 200);
    send(call("GET", &path(&mails[0])), 404);
    send(forgot(ada), 202);
    mails = inbox(&server, ada, 2);
    send(call("POST", &path(&mails[1])).form(&[("password", "short"), ("repeat", "short")]), 422);
    let new = "another quiet harbour";
    send(call("POST", &path(&mails[1])).form(&[("password", new), ("repeat", new)]), 200);
    inbox(&server, ada, 3);
    send(forgot(ada), 202);
    mails = inbox(&server, ada, 4);
    let token = path(&mails[3]).split('/').next_back().unwrap().to_owned();
    send(reset(&token, "short"), 422);
    send(reset(&token, PASSWORD), 204);
    send(reset(&token, PASSWORD), 422);
    let access = server.token(ada, PASSWORD);
    send(call("PUT", "/users/me").bearer(&access).json(json!({"email": "new@example.com"})), 200);
    inbox(&server, ada, 6);
    mails = [inbox(&server, ada, 6), inbox(&server, "new@example.com", 1)].concat();
    send(call("GET", "/dev/mail"), 200);

    let stolen = String::from_utf8_lossy(&aside(home.place().stolen())).into_owned();
    let (stdout, log) = server.stop();
    let mut found = 0;
    for mail in &mails {
        if let Some(link) = mail["link"].as_str() {
            found += 1;
            let token = link.rsplit('/').next().unwrap();
            for (name, place) in [("the log", &log), ("the stores", &stolen), ("what it printed", &stdout)] {
                for form in forms(token) {
                    assert!(!place.contains(&form), "a link is in {name}");
                }
            }
        }
        if let Some(digits) = mail["code"].as_str() {
            found += 1;
            let line = log.lines().find(|line| holds_digits(line, digits));
            assert_eq!(line, None, "{digits}");
        }
    }
    assert_eq!(found, 9, "{mails:#?}");
    // The pages were asked for, and are logged by their pattern.
    assert!(log.contains("/link/{token}") && !log.contains("kwl_"));
    assert!(holds_digits(r#"{"time": "x", "code": "123456"}"#, "123456"));
}

#[test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
fn g_01_no_code_is_logged_where_mails_are_sent_and_the_server_repeats_it() {
    let (home, post_office) = (posting(), Post::new());
    let home = home.set("KEYWARD_LOG_LEVEL", "trace").set("KEYWARD_LOG_FORMAT", "json");
    let server = home.start();
    let ada = post_office.address("ada");
    server.register(&ada, PASSWORD).expect(201);
    let mail = took(&post_office, 1).remove(0);
    post_office.behave(json!({"data": "550 5.7.1 We like no links such as kwl_AbCdEf and no code 123456"}));
    server.send(&forgot(&ada)).expect(202);
    until("it is given up", SOON, || {
        (home.count("SELECT count(*) FROM keyward_mails WHERE state = 'dead'") == 1).then_some(())
    });
    let stolen = String::from_utf8_lossy(&aside(home.place().stolen())).into_owned();
    let (_, log) = server.stop();
    let token = mail.link().rsplit('/').next().unwrap().to_owned();
    for (name, place) in [("the log", &log), ("the stores", &stolen)] {
        assert!(!place.contains(&token) && !place.contains("kwl_"), "a link is in {name}");
        assert!(!place.contains(&Post::password()), "the mail server's password is in {name}");
    }
    let line = log.lines().find(|line| holds_digits(line, &mail.code()));
    assert_eq!(line, None);
}
