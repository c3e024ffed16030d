//! One-time codes, whatever they are for: how often they may be tried, how long they are good, and for whom. Group O.

use crate::app::{Person, Reply, Request, TestApp, all, post, put};
use serde_json::{Value, json};
use std::time::Duration;

/// What digits are asked and given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Verify,
    Change,
    Reset,
}

/// A password that the rules like.
const NEW: &str = "an entirely new phrase";

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Verify, Self::Change, Self::Reset];

    /// Has a mail sent to this person that carries a code of this kind; gives the address and the digits.
    pub(crate) async fn begin(self, app: &TestApp, person: &Person) -> (String, String) {
        let address = match self {
            Self::Change => format!("new-{}", person.email),
            _ => person.email.clone(),
        };
        app.mails_to(&address).await;
        match self {
            Self::Verify => self.ask(app, &address).await.must(202),
            Self::Change => person.put("/users/me", json!({"email": address})).await.must(200),
            Self::Reset => self.ask(app, &address).await.must(202),
        };
        let code = app.code_for(&address).await;
        (address, code)
    }

    /// Asks for another code.
    pub(crate) async fn ask(self, app: &TestApp, address: &str) -> Reply {
        let path = if self == Self::Reset { "/auth/password/forgot" } else { "/auth/verify/resend" };
        app.anonymous().post(path, json!({"email": address})).await
    }

    /// Presents a code.
    pub(crate) fn give(self, address: &str, code: impl Into<Value>) -> Request {
        let (email, code): (_, Value) = (address, code.into());
        match self {
            Self::Reset => post("/auth/password/reset")
                .json(json!({"email": email, "code": code, "password": NEW})),
            _ => post("/auth/verify").json(json!({"email": email, "code": code})),
        }
    }

    pub(crate) fn done(self) -> u16 {
        if self == Self::Reset { 204 } else { 200 }
    }
}

/// Digits that are not those; the first of so many.
pub(crate) fn wrong(code: &str, number: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1 + number) % 1_000_000)
}

/// The reply to every code that is not good.
pub(crate) async fn refused(app: &TestApp, name: &str, request: &Request) {
    app.refused_and_noted(name, request, 422, "invalid_code", "code_refused").await;
}

async fn started() -> TestApp {
    TestApp::with(|setup| setup.set("server.trusted_proxies", "127.0.0.1")).await
}

#[tokio::test]
async fn o_01_after_five_wrong_codes_the_right_one_is_wrong_too() {
    let app = started().await;
    let ada = app.signed_in("ada").await;
    for way in Way::ALL {
        let (address, code) = way.begin(&app, &ada).await;
        // Each from somewhere else: it is the code that counts.
        let from = |number: u32, code: &str| {
            way.give(&address, code).header("x-forwarded-for", &format!("10.{number}.0.1"))
        };
        for number in 0..5 {
            refused(&app, "wrong", &from(number, &wrong(&code, number))).await;
        }
        refused(&app, "right, too late", &from(9, &code)).await;
        refused(&app, "right, too late", &way.give(&address, code.as_str())).await;

        way.ask(&app, &address).await.must(202);
        let another = app.code_for(&address).await;
        for number in 0..4 {
            refused(&app, "wrong", &from(number, &wrong(&another, number))).await;
        }
        app.send(&way.give(&address, another.as_str())).await.must(way.done());
        if way == Way::Verify {
            unprove(&app, &ada).await;
        }
    }
}

/// The next way finds the person as the first one did.
async fn unprove(app: &TestApp, person: &Person) {
    app.execute(&format!("UPDATE keyward_users SET email_verified_at = NULL WHERE id = '{}'", person.id)).await;
}

#[tokio::test]
async fn o_02_a_code_is_good_once_also_for_twenty_at_a_time() {
    let app = TestApp::start().await;
    let other = app.second_node().await;
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let person = app.signed_in(&format!("person{number}")).await;
        let (address, code) = way.begin(&app, &person).await;
        let senders = [app.sender(), other.sender()];
        let request = way.give(&address, code.as_str());
        let replies = all((0..20).map(|number| {
            let (sender, request) = (senders[number % 2].clone(), request.clone());
            async move { sender.send(&request).await }
        }))
        .await;
        let won = replies.iter().filter(|reply| reply.status == way.done()).count();
        assert_eq!(won, 1, "{way:?}: {replies:#?}");
        for reply in replies.iter().filter(|reply| reply.status != way.done()) {
            assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_code"), "{way:?}: {reply}");
        }
        refused(&app, "used", &request).await;
    }
}

#[tokio::test]
async fn o_03_digits_are_good_for_ten_minutes() {
    let app = TestApp::start().await;
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let person = app.signed_in(&format!("person{number}")).await;
        let (address, code) = way.begin(&app, &person).await;
        let late = way.give(&address, code.as_str());
        app.clock.advance(Duration::from_secs(601));
        refused(&app, "late", &late).await;
        let wrong = app.send(&way.give(&address, wrong(&code, 0)).header("x-request-id", "the-same-one")).await;
        let late = app.send(&late.header("x-request-id", "the-same-one")).await;
        assert_eq!(late.face(), wrong.face(), "late and wrong look alike");

        way.ask(&app, &address).await.must(202);
        let code = app.code_for(&address).await;
        app.clock.advance(Duration::from_secs(599));
        app.send(&way.give(&address, code)).await.must(way.done());
    }
}

#[tokio::test]
async fn o_04_of_two_hundred_guesses_at_once_five_are_tries() {
    let app = TestApp::start().await;
    let other = app.second_node().await;
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let person = app.signed_in(&format!("person{number}")).await;
        let (address, code) = way.begin(&app, &person).await;
        let senders = [app.sender(), other.sender()];
        let replies = all((0..200).map(|number| {
            let sender = senders[usize::try_from(number % 2).unwrap()].clone();
            let request = way.give(&address, wrong(&code, number));
            async move { sender.send(&request).await }
        }))
        .await;
        for reply in replies {
            assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_code"), "{way:?}: {reply}");
        }
        refused(&app, "right, too late", &way.give(&address, code.as_str())).await;
    }
}

#[tokio::test]
async fn o_04_the_right_one_among_two_hundred_guesses_seldom_gets_through() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let rounds = 12;
    let mut through = 0;
    for _ in 0..rounds {
        let (address, code) = Way::Verify.begin(&app, &ada).await;
        let replies = all((0..200).map(|number| {
            let guess = if number == 150 { code.clone() } else { wrong(&code, number) };
            let (sender, request) = (app.sender(), Way::Verify.give(&address, guess));
            async move { sender.send(&request).await.status }
        }))
        .await;
        if replies.contains(&200) {
            through += 1;
            unprove(&app, &ada).await;
        }
    }
    // Of 200 that arrive in whatever order 5 are compared. More than 4 of 12 would happen once in a million runs.
    assert!(through <= 4, "{through} of {rounds}");
}

#[tokio::test]
async fn o_05_a_code_is_good_for_its_person_and_purpose_alone() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let (_, verify) = Way::Verify.begin(&app, &ada).await;
    let (new, change) = Way::Change.begin(&app, &ada).await;
    let (_, reset) = Way::Reset.begin(&app, &ada).await;
    let (_, of_bob) = Way::Verify.begin(&app, &bob).await;
    let (_, reset_of_bob) = Way::Reset.begin(&app, &bob).await;
    let before = app.rows("SELECT id, email, pending_email, email_verified_at, password FROM keyward_users").await;
    let mut tried = 0;
    for (name, request, right) in [
        ("another's address", Way::Verify.give(&bob.email, verify.as_str()), &of_bob),
        ("the code of a reset", Way::Verify.give(&ada.email, reset.as_str()), &verify),
        ("the code of a change", Way::Verify.give(&ada.email, change.as_str()), &verify),
        ("the address of before", Way::Verify.give(&new, verify.as_str()), &change),
        ("the code of a verification", Way::Reset.give(&ada.email, verify.as_str()), &reset),
        ("the code of a change", Way::Reset.give(&ada.email, change.as_str()), &reset),
        ("another's reset", Way::Reset.give(&bob.email, reset.as_str()), &reset_of_bob),
        ("an address that only waits", Way::Reset.give(&new, reset.as_str()), &change),
        ("an address of nobody", Way::Reset.give("nobody@example.com", reset.as_str()), &reset),
        ("an address of nobody", Way::Verify.give("nobody@example.com", verify.as_str()), &verify),
    ] {
        // One in a million is the same by chance.
        if [&verify, &change, &reset, &of_bob, &reset_of_bob].iter().filter(|code| **code == right).count() == 1 {
            refused(&app, name, &request).await;
            tried += 1;
        }
    }
    assert!(tried >= 8);
    let after = app.rows("SELECT id, email, pending_email, email_verified_at, password FROM keyward_users").await;
    assert_eq!(after, before);
    app.send(&Way::Verify.give(&bob.email, of_bob)).await.must(200);
    app.send(&Way::Verify.give(&ada.email, verify)).await.must(200);
}

#[tokio::test]
async fn o_05_a_new_code_kills_the_old_one_of_its_kind_alone() {
    let app = TestApp::start().await;
    for (number, way) in Way::ALL.into_iter().enumerate() {
        let person = app.signed_in(&format!("person{number}")).await;
        let (address, old) = way.begin(&app, &person).await;
        let (other_way, path) = match way {
            Way::Reset => (Way::Verify, "/auth/verify/resend"),
            _ => (Way::Reset, "/auth/password/forgot"),
        };
        way.ask(&app, &address).await.must(202);
        let new = app.code_for(&address).await;
        // One of another kind changes nothing.
        app.anonymous().post(path, json!({"email": person.email})).await.must(202);
        app.mails_to(&person.email).await;
        if old != new {
            refused(&app, "the old one", &way.give(&address, old)).await;
        }
        app.send(&way.give(&address, new)).await.must(way.done());
        assert_ne!(way, other_way);
    }
}

#[tokio::test]
async fn o_06_five_mails_an_hour_and_ten_a_day_for_an_address() {
    for way in [Way::Verify, Way::Reset] {
        let app = TestApp::with(|setup| {
            let setup = setup.limits_as_shipped().set("server.trusted_proxies", "127.0.0.1");
            setup.set("limits.registrations", "1000")
        })
        .await;
        app.signed_in("ada").await;
        let mut number = 0;
        // Registration has sent one to the first.
        for (address, at_once) in [("ada@example.com", 4), ("nobody@example.com", 5)] {
            let mut ask = async |expected: u16| {
                number += 1;
                let path = if way == Way::Reset { "/auth/password/forgot" } else { "/auth/verify/resend" };
                let request = post(path).json(json!({"email": address}));
                app.send(&request.header("x-forwarded-for", &format!("10.{number}.0.1"))).await.must(expected)
            };
            for _ in 0..at_once {
                ask(202).await;
            }
            let reply = ask(429).await;
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=720).contains(&wait), "{reply}");
            app.clock.advance(Duration::from_secs(wait - 1));
            ask(429).await;
            app.clock.advance(Duration::from_secs(1));
            ask(202).await;
            ask(429).await;
        }
        assert_eq!(app.mails_to("ada@example.com").await.len(), 6);
        app.no_mail_to("nobody@example.com").await;
    }
}

#[tokio::test]
async fn o_06_ten_mails_a_day_and_twenty_five_tries_an_hour() {
    let app = TestApp::with(|setup| setup.limits_as_shipped().set("server.trusted_proxies", "127.0.0.1")).await;
    app.signed_in("ada").await;
    let (mut mails, mut compared) = (1, 0);
    for minute in 0..24 * 60 {
        let from = format!("10.{}.{}.1", minute / 200, minute % 200);
        let asked = post("/auth/verify/resend").json(json!({"email": "ada@example.com"}));
        match app.send(&asked.header("x-forwarded-for", &from)).await.status {
            202 => mails += 1,
            other => assert_eq!(other, 429),
        }
        app.clock.advance(Duration::from_secs(60));
        if mails == 5 && compared == 0 {
            compared = 1;
            assert!(minute < 5, "five at once");
        }
    }
    // Ten at once, and as many again in a day.
    assert!((18..=20).contains(&mails), "{mails}");
    assert_eq!(app.mails_to("ada@example.com").await.len(), mails);
}

#[tokio::test]
async fn o_06_a_thousand_addresses_from_one_place_are_too_many() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    for path in ["/auth/password/forgot", "/auth/verify/resend"] {
        app.clock.advance(Duration::from_secs(60));
        let replies = all((0..1000).map(|number| {
            let (sender, email) = (app.sender(), format!("person{number}@example.com"));
            let request = post(path).json(json!({"email": email}));
            async move { sender.send(&request).await }
        }))
        .await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 120, "{path}");
        assert!(replies.iter().all(|reply| [202, 429].contains(&reply.status)), "{path}");
    }
}

#[tokio::test]
async fn o_07_what_is_no_code_is_refused_and_counts_for_nothing() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for way in Way::ALL {
        let (address, code) = way.begin(&app, &ada).await;
        let number: u64 = code.parse().unwrap();
        let wide: String =
            code.bytes().map(|digit| char::from_u32(0xff10 + u32::from(digit - b'0')).unwrap()).collect();
        for (name, given) in [
            ("a number", json!(number)),
            ("nothing", Value::Null),
            ("a list", json!([code])),
            ("an object", json!({"$ne": ""})),
            ("empty", json!("")),
            ("spaces around", json!(format!(" {code} "))),
            ("a space within", json!(format!("{} {}", &code[..3], &code[3..]))),
            ("a line break", json!(format!("{code}\n"))),
            ("a zero more", json!(format!("0{code}"))),
            ("a digit more", json!(format!("{code}0"))),
            ("a digit less", json!(code[..5])),
            ("a sign", json!(format!("+{code}"))),
            ("full-width digits", json!(wide)),
            ("letters", json!("abcdef")),
            ("as a real number", json!(format!("{code}.0"))),
            ("NUL", json!(format!("{code}\0"))),
            ("a million digits", json!("1".repeat(60_000))),
        ] {
            let before = app.rows("SELECT id, version, password FROM keyward_users").await;
            let reply = app.send(&way.give(&address, given)).await;
            assert!([400, 422].contains(&reply.status), "{way:?}, {name}: {reply}");
            let after = app.rows("SELECT id, version, password FROM keyward_users").await;
            assert_eq!(after, before, "{way:?}, {name}");
        }
        app.send(&way.give(&address, code)).await.must(way.done());
        unprove(&app, &ada).await;
    }
    for (name, body) in [
        ("no code", json!({"email": ada.email})),
        ("no address", json!({"code": "123456"})),
        ("nothing", json!({})),
        ("two codes", json!({"email": ada.email, "code": "123456", "otp": "123457"})),
        ("one too many", json!({"email": ada.email, "code": "123456", "token": "x"})),
    ] {
        let reply = app.anonymous().post("/auth/verify", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "invalid"), "{name}: {reply}");
    }
}

#[tokio::test]
async fn o_07_zeros_in_front_belong_to_a_code() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for _ in 0..300 {
        let (address, code) = Way::Verify.begin(&app, &ada).await;
        let Some(short) = code.strip_prefix('0') else { continue };
        app.send(&Way::Verify.give(&address, short)).await.must(422);
        app.send(&Way::Verify.give(&address, code.as_str())).await.must(200);
        return;
    }
    panic!("none of 300 codes begins with a zero");
}

#[tokio::test]
async fn a_code_is_known_by_every_spelling_of_its_address() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for way in Way::ALL {
        let (address, code) = way.begin(&app, &ada).await;
        let spelled = format!(" {}", address.to_uppercase());
        app.send(&way.give(&spelled, code)).await.must(way.done());
        unprove(&app, &ada).await;
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_code_the_refusal_is_the_same() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    for way in [Way::Verify, Way::Reset] {
        let mut faces = Vec::new();
        let mut note = async |name: &str, request: Request| {
            let reply = app.send(&request.header("x-request-id", "one-and-the-same")).await;
            assert_eq!((reply.status, reply.code().as_str()), (422, "invalid_code"), "{name}: {reply}");
            faces.push((name.to_owned(), reply.face()));
        };
        let (address, code) = way.begin(&app, &ada).await;
        note("wrong", way.give(&address, wrong(&code, 0))).await;
        note("nobody's", way.give("nobody@example.com", code.as_str())).await;
        note("no code asked for", way.give("admin@example.com", code.as_str())).await;
        let (of_bob, other) = way.begin(&app, &bob).await;
        for number in 0..5 {
            note("wrong again", way.give(&of_bob, wrong(&other, number))).await;
        }
        note("exhausted", way.give(&of_bob, other)).await;
        app.send(&way.give(&address, code.as_str())).await.must(way.done());
        note("used", way.give(&address, code)).await;
        let (address, code) = Way::Reset.begin(&app, &ada).await;
        app.clock.advance(Duration::from_secs(601));
        note("expired", way.give(&address, code)).await;
        assert!(faces.iter().all(|(_, face)| *face == faces[0].1), "{faces:#?}");
        app.clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_address_is_told() {
    let app = TestApp::start().await;
    for (name, address) in [
        ("nothing", json!(null)),
        ("empty", json!("")),
        ("no @", json!("ada")),
        ("two @", json!("a@b@example.com")),
        ("another type", json!(7)),
        ("a list", json!(["ada@example.com"])),
        ("a second line", json!("ada@example.com\r\nBcc: eve@evil.test")),
        ("a line break within", json!("ada\n@example.com")),
        ("NUL", json!("ada\0@example.com")),
        ("too long", json!(format!("{}@example.com", "a".repeat(300)))),
        ("a long part", json!(format!("{}@example.com", "a".repeat(65)))),
        ("a list of two", json!("ada@example.com, eve@evil.test")),
        ("a name before it", json!("Ada <ada@example.com>")),
    ] {
        for (path, mut body) in [
            ("/auth/verify/resend", json!({})),
            ("/auth/password/forgot", json!({})),
            ("/auth/verify", json!({"code": "123456"})),
            ("/auth/password/reset", json!({"code": "123456", "password": NEW})),
        ] {
            body["email"] = address.clone();
            let request = post(path).json(body);
            let reply = app.refused(&format!("{path}, {name}"), &request, 422, "invalid", "/email").await;
            assert!(!String::from_utf8_lossy(&reply.body).contains("evil"), "{reply}");
        }
    }
    assert!(app.outbox().await.is_empty());
}

#[tokio::test]
async fn an_address_of_another_script_is_its_ascii_form() {
    let app = TestApp::start().await;
    let body = json!({"email": "ada@bücher.example", "password": "ada keeps a long secret"});
    app.anonymous().post("/auth/register", body).await.must(201);
    let code = app.code_for("ada@xn--bcher-kva.example").await;
    app.send(&Way::Verify.give("ada@BÜCHER.example", code)).await.must(200);
    Way::Reset.ask(&app, "ada@bücher.example").await.must(202);
    let code = app.code_for("ada@xn--bcher-kva.example").await;
    app.send(&Way::Reset.give("ada@xn--bcher-kva.example", code)).await.must(204);
    app.login("ada@bücher.example", NEW).await.must(200);
}

#[tokio::test]
async fn who_waits_for_a_change_is_not_changed_by_an_old_put() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (address, code) = Way::Change.begin(&app, &ada).await;
    // What GET gives may be sent back as it is.
    let user = ada.get("/users/me").await.must(200).json();
    let back = app.send(&ada.by(put("/users/me").json(user))).await.must(200);
    assert_eq!(back.text("pending_email"), address);
    app.send(&Way::Change.give(&address, code)).await.must(200);
}
