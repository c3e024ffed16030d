//! Mails as mail servers get them: by TLS and with a password, and right by the rules of mail.

use crate::app::{PUBLIC, TestApp, eventually, shown};
use crate::codes::Way;
use crate::post::{OwnPostfix, Post, Taken};
use keyward_auth::records::MailState;
use serde_json::json;
use std::collections::BTreeSet;

async fn register(app: &TestApp, email: &str) {
    let body = json!({"email": email, "first_name": "Ada", "password": "a phrase of its own"});
    app.anonymous().post("/auth/register", body).await.must(201);
}

/// Why the only mail of the outbox was not sent.
async fn reason(app: &TestApp) -> String {
    eventually("it was tried", async || app.outbox().await[0].reason.is_some()).await;
    let mail = app.outbox().await.remove(0);
    assert_eq!(mail.state, MailState::Waiting, "{mail:?}");
    mail.reason.unwrap()
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn tls_and_the_password_are_used_both_ways() {
    for url in [Post::url(), Post::tls_url()] {
        let app = TestApp::with(|setup| setup.by_smtp(&url)).await;
        let post_office = Post::new();
        let ada = post_office.address("ada");
        register(&app, &ada).await;
        let taken = post_office.took(1).await.remove(0);
        assert_eq!((taken.tls(), taken.user()), ("TLSv1.3", "keyward"), "{taken:?}");
        assert_eq!((taken.from(), taken.to()), ("no-reply@accounts.example.com", vec![ada.as_str()]));
        assert!(taken.link().starts_with(&format!("{PUBLIC}/link/kwl_")), "{taken:?}");
        app.send(&Way::Verify.give(&ada, taken.code())).await.must(200);
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn who_does_not_prove_to_be_the_mail_server_gets_neither_password_nor_mail() {
    let (without_ca, _) =
        Post::tls_url().split_once('?').map(|(url, rest)| (url.to_owned(), rest.to_owned())).unwrap();
    let (plain, _) =
        Post::url().split_once('?').map(|(url, rest)| (url.to_owned(), rest.to_owned())).unwrap();
    for (name, url, word) in [
        ("an authority that the system does not know", without_ca, "certificate"),
        ("the same by STARTTLS", format!("{plain}?tls=required"), "certificate"),
        // The certificate is for 127.0.0.1 and localhost.
        ("another name", Post::url().replace("@127.0.0.1:", "@localhost.localdomain:"), ""),
        ("TLS where STARTTLS is spoken", Post::url().replace("smtp://", "smtps://"), "smtp://"),
    ] {
        let app = TestApp::with(|setup| setup.by_smtp(&url)).await;
        let post_office = Post::new();
        register(&app, &post_office.address("ada")).await;
        let reason = reason(&app).await;
        assert!(reason.contains(word) && !reason.contains(&Post::password()), "{name}: {reason}");
        assert!(post_office.named().is_empty(), "{name}");
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn every_mail_is_right_by_the_rules() {
    let post_office = Post::new();
    let app = TestApp::with(|setup| {
        setup
            .by_smtp(&Post::url())
            .set("mail.from", "Bücher & Söhne, \"Ltd\" <post@mail.example.com>".replace('"', "").as_str())
            .set("mail.reply_to", "help@example.com")
            .set("product.name", "Bücher & Söhne")
    })
    .await;
    let ada = post_office.address("ada");
    register(&app, &ada).await;
    let code = post_office.took(1).await[0].code();
    app.send(&Way::Verify.give(&ada, code)).await.must(200);
    Way::Reset.ask(&app, &ada).await.must(202);
    post_office.took(2).await;
    let arabic = json!({"email": post_office.address("zayd"), "locale": "ar", "first_name": "زيد", "email_verified": true,
            "password": "a phrase of its own"});
    app.admin().await.post("/users", arabic).await.must(201);
    Way::Reset.ask(&app, &post_office.address("zayd")).await.must(202);
    let taken = post_office.took(3).await;
    for mail in &taken {
        assert_eq!(mail.defects(), &json!([]), "{}", mail.raw());
        assert_eq!(mail.from(), "post@mail.example.com");
        assert!(
            mail.header("from").contains("Bücher & Söhne")
                && mail.header("from").contains("<post@mail.example.com>"),
            "{}",
            mail.header("from")
        );
        assert_eq!(mail.header("to"), mail.to()[0], "nobody else is named");
        assert_eq!(mail.header("reply-to"), "help@example.com");
        assert_eq!(mail.header("auto-submitted"), "auto-generated");
        assert_eq!(mail.header("mime-version"), "1.0");
        assert!(mail.header("subject").contains("Bücher & Söhne"), "{}", mail.header("subject"));
        assert!(mail.header("date").contains("21 Nov 2026 10:00:00"), "{}", mail.header("date"));
        let id = mail.header("message-id");
        assert!(id.starts_with('<') && id.ends_with("@mail.example.com>"), "{id}");
        for none in ["bcc", "cc", "x-mailer", "user-agent", "x-originating-ip", "received"] {
            assert!(mail.headers(none).is_empty(), "{none}");
        }
        assert_eq!(mail.parts(), ["multipart/alternative", "text/plain", "text/html"]);
        assert!(mail.raw().is_ascii(), "{}", mail.raw());
        let longest = mail.raw().split("\r\n").map(str::len).max().unwrap();
        assert!(longest <= 78, "{longest}: {}", mail.raw());
        assert!(!mail.raw().replace("\r\n", "").contains(['\r', '\n']), "{:?}", mail.raw());
        assert!(shown(mail.html()).contains(&mail.code()));
        assert!(mail.html().contains(&mail.link()), "{}", mail.html());
    }
    let ids: BTreeSet<&str> = taken.iter().map(|mail| mail.header("message-id")).collect();
    assert_eq!(ids.len(), 3);
    // A name goes to an address that was proven to be the same person's.
    assert!(!taken[0].text().contains("Ada"));
    assert!(taken[1].text().contains("Ada") && taken[2].text().contains("زيد"));
    assert!(taken[2].html().contains("dir=\"rtl\""), "{}", taken[2].html());
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn nothing_that_people_type_becomes_a_header_or_another_recipient() {
    let app = TestApp::with(|setup| setup.by_smtp(&Post::url())).await;
    let post_office = Post::new();
    let names = [
        "Ada\u{2028}Bcc: eve@evil.test",
        "Ada\u{85}Bcc: eve@evil.test",
        "=?utf-8?q?Bcc:_eve=40evil.test?=",
        "Ada <eve@evil.test>, Eve",
        ".",
        "..",
        "--boundary--",
        "\u{202e}terces\u{202c}",
        "👩‍🚀 Ада زيد 愛達",
    ];
    let mut sent = 0;
    let admin = app.admin().await;
    for (number, name) in names.iter().enumerate() {
        // An invitation greets by name.
        let email = post_office.address(&format!("person{number}"));
        let body = json!({"email": email, "first_name": name});
        // Names with breaks may be refused, or are no breaks in the mail.
        if admin.post("/users", body).await.status == 201 {
            sent += 1;
        }
    }
    assert!(sent >= names.len() - 3, "{sent}");
    let taken = post_office.took(sent).await;
    for mail in &taken {
        assert_eq!(mail.defects(), &json!([]), "{}", mail.raw());
        assert_eq!(mail.to().len(), 1);
        assert_eq!(mail.header("to"), mail.to()[0]);
        assert!(mail.headers("bcc").is_empty() && !mail.header("subject").contains("evil"), "{}", mail.raw());
        assert_eq!(mail.parts(), ["multipart/alternative", "text/plain", "text/html"]);
    }
    for refused in [
        "ada@example.com\r\nBcc: eve@evil.test",
        "ada@example.com\nX: y",
        "ada@example.com>\r\nRCPT TO:<eve@evil.test",
    ] {
        let body = json!({"email": refused, "password": "a phrase of its own"});
        app.anonymous().post("/auth/register", body).await.must(422);
    }
    for name in ["Ada\r\nBcc: eve@evil.test", "Ada\nX", "Ada\rX", "Ada\0X"] {
        let body = json!({"email": post_office.address("eve"), "first_name": name, "password": "a phrase of its own"});
        app.anonymous().post("/auth/register", body).await.must(422);
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_smtp), ignore = "no mail server: scripts/servers run cargo test")]
async fn connections_are_used_again() {
    let app = TestApp::with(|setup| setup.by_smtp(&Post::url())).await;
    let post_office = Post::new();
    for number in 0..20 {
        register(&app, &post_office.address(&format!("person{number}"))).await;
        post_office.took(number + 1).await;
    }
    let connections: BTreeSet<i64> = post_office.mails().iter().map(Taken::connection).collect();
    assert!(connections.len() <= 3, "{connections:?}");
}

#[tokio::test]
#[cfg_attr(
    not(all(keyward_test_postfix, keyward_test_root)),
    ignore = "a Postfix of one's own needs postfix and root"
)]
async fn a_real_mail_server_takes_our_mail() {
    let postfix = OwnPostfix::start().await;
    let app = TestApp::with(|setup| setup.by_smtp(&postfix.url())).await;
    register(&app, "ada@postfix.test").await;
    eventually("it is in the mailbox", async || !postfix.mails().is_empty()).await;
    let mail = postfix.mails().remove(0);
    assert!(mail.contains("with ESMTPS") && mail.contains("Auto-Submitted: auto-generated"), "{mail}");
    assert_eq!(mail.matches("\nMessage-ID: ").count() + mail.matches("\nMessage-Id: ").count(), 1, "{mail}");
    app.posted().await;
    assert_eq!(app.outbox().await[0].state, MailState::Sent);
    // Whom it does not know is given up. That it relays for nobody is for the operator to set right.
    for (email, state) in
        [("nobody@postfix.test", MailState::Dead), ("ada@elsewhere.test", MailState::Waiting)]
    {
        register(&app, email).await;
        eventually("it is refused", async || {
            let mails = app.outbox().await;
            let mail = mails.iter().find(|mail| mail.to.as_str() == email).unwrap();
            mail.state == state && mail.reason.is_some()
        })
        .await;
    }
    let log = postfix.log();
    assert!(
        log.contains("status=sent") && log.contains("User unknown") && log.contains("Relay access denied"),
        "{log}"
    );
}
