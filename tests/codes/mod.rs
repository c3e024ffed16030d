//! One-time codes, whatever they are for: how often they may be tried, how long they are good, and for whom. Group O.

mod forms;
mod rates;

use crate::app::{Person, Reply, Request, TestApp, all, post};
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
            Self::Reset => {
                post("/auth/password/reset").json(json!({"email": email, "code": code, "password": NEW}))
            }
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
    TestApp::with(|setup| setup.behind("127.0.0.1")).await
}

#[tokio::test]
async fn o_01_after_five_wrong_codes_the_right_one_is_wrong_too() {
    let app = started().await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let (address, code) = way.begin(&app, &app.signed_in(name).await).await;
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
    }
}

/// The person has to prove the address once more.
async fn unprove(app: &TestApp, person: &Person) {
    app.execute(&format!("UPDATE keyward_users SET email_verified_at = NULL WHERE id = '{}'", person.id))
        .await;
}

#[tokio::test]
async fn o_02_a_code_is_good_once_also_for_twenty_at_a_time() {
    let app = TestApp::start().await;
    let other = app.second_node().await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
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
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
        let (address, code) = way.begin(&app, &person).await;
        let late = way.give(&address, code.as_str());
        app.clock.advance(Duration::from_secs(601));
        refused(&app, "late", &late).await;
        let wrong =
            app.send(&way.give(&address, wrong(&code, 0)).header("x-request-id", "the-same-one")).await;
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
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
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
    let users = "SELECT id, email, pending_email, email_verified_at, password FROM keyward_users ORDER BY id";
    let before = app.rows(users).await;
    let nobody = "nobody@example.com";
    for (name, way, address, given, right) in [
        ("another's address", Way::Verify, bob.email.as_str(), &verify, &of_bob),
        ("the code of a reset", Way::Verify, &ada.email, &reset, &verify),
        ("the code of a change", Way::Verify, &ada.email, &change, &verify),
        ("the address of before", Way::Verify, &new, &verify, &change),
        ("the code of a verification", Way::Reset, &ada.email, &verify, &reset),
        ("the code of a change", Way::Reset, &ada.email, &change, &reset),
        ("another's reset", Way::Reset, &bob.email, &reset, &reset_of_bob),
        ("an address that only waits", Way::Reset, &new, &change, &reset),
        ("an address of nobody", Way::Reset, nobody, &reset, &verify),
        ("an address of nobody", Way::Verify, nobody, &verify, &reset),
    ] {
        // Two of a million may be the same.
        if given != right {
            refused(&app, name, &way.give(address, given.as_str())).await;
        }
    }
    assert_eq!(app.rows(users).await, before);
    app.send(&Way::Verify.give(&bob.email, of_bob)).await.must(200);
    app.send(&Way::Verify.give(&ada.email, verify)).await.must(200);
}

#[tokio::test]
async fn o_05_a_new_code_kills_the_old_one_of_its_kind_alone() {
    let app = TestApp::start().await;
    for (way, name) in Way::ALL.into_iter().zip(["ada", "bob", "eve"]) {
        let person = app.signed_in(name).await;
        let (address, old) = way.begin(&app, &person).await;
        let other = if way == Way::Reset { Way::Verify } else { Way::Reset };
        way.ask(&app, &address).await.must(202);
        let new = app.code_for(&address).await;
        // One of another kind changes nothing.
        other.ask(&app, &person.email).await.must(202);
        app.mails_to(&person.email).await;
        if old != new {
            refused(&app, "the old one", &way.give(&address, old)).await;
        }
        app.send(&way.give(&address, new)).await.must(way.done());
    }
}
