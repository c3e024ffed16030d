//! Users, sessions, events, codes, mails and leftovers by number: the same number is the same record in every run. And races: many
//! tasks that start together.

use keyward_auth::outside::Random;
use keyward_auth::records::{
    Actor, Along, Change, Code, CodePlace, Direction, Event, EventKind, Leftover, Mail, MailState, Outcome,
    Purpose, Session, Store, StoreError, Topic, User,
};
use keyward_auth::values::{
    AcceptLanguage, Email, EventId, Format, Locale, MailId, Metadata, Name, PasswordHash, Picture, Role,
    Roles, SessionId, Timestamp, UserId, Username,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

/// How many take part in a race.
pub const RACERS: u64 = 24;

/// The moment from which cases count.
pub const START: Timestamp = Timestamp::from_micros(1_795_254_000_000_000);

/// A moment, in seconds after [`START`].
pub fn second(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// Bytes that follow from a number (splitmix64).
struct Numbered(u64);

impl Random for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0;
        for chunk in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

pub fn user_id(number: u64) -> UserId {
    UserId::new(second(number), &Numbered(number))
}

pub fn session_id(number: u64) -> SessionId {
    SessionId::new(second(number), &Numbered(number))
}

pub fn mail_id(number: u64) -> MailId {
    MailId::new(second(number), &Numbered(number))
}

/// `user7@example.com` alias `user.7`; ids are in the order of the numbers.
pub fn user(number: u64) -> User {
    User {
        id: user_id(number),
        version: 1,
        username: Some(Username::parse(&format!("name.{number}")).unwrap()),
        email: Some(Email::parse(&format!("User{number}@example.com")).unwrap()),
        email_verified_at: None,
        pending_email: None,
        first_name: Some(Name::parse("Zoë").unwrap()),
        last_name: None,
        locale: Some(Locale::parse("pt-BR").unwrap()),
        picture: None,
        metadata: Metadata::stored(r#"{"a":[1,"ü"]}"#.into()),
        roles: Roles::new([Role::user()]),
        disabled_at: None,
        password: Some(PasswordHash::stored(format!("$hash${number}"))),
        epoch: 0,
        kept_session: None,
        undone: None,
        created_at: second(number),
        updated_at: second(number),
        last_login_at: None,
    }
}

pub fn administrator(number: u64) -> User {
    User { roles: Roles::new([Role::user(), Role::admin()]), ..user(number) }
}

/// Makes an administrator, of this version, none.
pub fn demotion(user: &User) -> Change {
    Change {
        if_version: Some(user.version),
        roles: Some(Roles::new([Role::user()])),
        administrators: Some(Direction::Leaves),
        ..Change::default()
    }
}

pub fn promotion(user: &User) -> Change {
    Change {
        if_version: Some(user.version),
        roles: Some(Roles::new([Role::user(), Role::admin()])),
        administrators: Some(Direction::Joins),
        ..Change::default()
    }
}

pub fn disabling(user: &User) -> Change {
    Change {
        if_version: Some(user.version),
        disabled_at: Some(Some(second(9))),
        end_sessions: Some(None),
        administrators: Some(Direction::Leaves),
        ..Change::default()
    }
}

/// A session that ends at second 1000 if it is not used, and at second 5000 in any case.
pub fn session(number: u64, user: &User) -> Session {
    Session {
        id: session_id(number),
        user: user.id,
        epoch: user.epoch,
        generation: 1,
        rotated_at: second(number),
        created_at: second(number),
        last_used_at: second(number),
        idle_at: second(1000),
        ends_at: second(5000),
        address: Some([192, 0, 2, 7].into()),
        agent: Some("curl/8".into()),
    }
}

pub fn event(number: u64, kind: EventKind, user: UserId) -> Event {
    Event {
        id: EventId::new(second(number), &Numbered(number)),
        at: second(number),
        kind,
        actor: Actor::User(user),
        user: Some(user),
        session: None,
        address: Some(std::net::Ipv6Addr::LOCALHOST.into()),
        agent: None,
        request_id: Some("r-1".into()),
        is_intent: false,
    }
}

pub fn place(number: u8) -> CodePlace {
    CodePlace([number; 16])
}

/// A code at place 1 whose digits are good until second 600, and whose link until second 3600. The higher the number, the
/// later it was asked for.
pub fn code(number: u64, user: Option<UserId>) -> Code {
    Code {
        place: place(1),
        user,
        id: mail_id(number),
        asked_at: second(number),
        purpose: Purpose::Reset,
        email: None,
        epoch: 0,
        tries: 0,
        digits_until: Some(second(600)),
        expires_at: second(3600),
    }
}

/// A mail that is due at once, which is the second of its number.
pub fn mail(number: u64, user: Option<UserId>) -> Mail {
    Mail {
        id: mail_id(number),
        topic: Topic::Reset,
        to: Email::parse(&format!("User{number}@example.com")).unwrap(),
        user,
        languages: AcceptLanguage::parse("de-CH, en;q=0.8"),
        asked_from: Some([192, 0, 2, 7].into()),
        created_at: second(number),
        state: MailState::Waiting,
        due_at: second(number),
        attempts: 0,
        reason: None,
    }
}

pub async fn put(store: &Store, mail: Mail) -> Mail {
    store.mails.put(std::slice::from_ref(&mail)).await.unwrap();
    mail
}

/// Claims all that are due.
pub async fn claim(store: &Store, now: u64, until: u64) -> Vec<Mail> {
    store.mails.claim(second(now), second(until), 100).await.unwrap()
}

pub async fn kept_mail(store: &Store, id: MailId) -> Option<Mail> {
    store.mails.by_id(id).await.unwrap()
}

/// What came of sending a mail at that second.
pub fn sent(at: u64) -> Outcome {
    Outcome::Sent { at: second(at) }
}

pub fn dead(at: u64) -> Outcome {
    Outcome::Dead { at: second(at), reason: "550 no such mailbox".into() }
}

/// The only mail that is due, after it was claimed and settled.
pub async fn ended(store: &Store, mail: Mail, outcome: &Outcome) -> Mail {
    let mail = put(store, mail).await;
    let claimed = claim(store, 100, 200).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(store.mails.settle(&claimed[0], outcome).await, Ok(true));
    kept_mail(store, mail.id).await.unwrap()
}

/// JPEG and PNG by turns; the names are in no order.
pub fn picture(number: u64) -> Picture {
    let mut id = [0; 16];
    Numbered(number).fill(&mut id);
    Picture::new(id, if number.is_multiple_of(2) { Format::Jpeg } else { Format::Png })
}

/// What is left of a picture of somebody's, due in the second of its number.
pub fn leftover(number: u64) -> Leftover {
    Leftover { picture: picture(number), user: user_id(number), due_at: second(number) }
}

/// Claims all that are due.
pub async fn claim_leftovers(store: &Store, now: u64, until: u64) -> Vec<Leftover> {
    store.leftovers.claim(second(now), second(until), 100).await.unwrap()
}

/// Keeps a user and hands it on.
pub async fn kept(store: &Store, user: User) -> User {
    store.users.insert(&user, Along::default()).await.unwrap();
    user
}

/// How many events of a user there are.
pub async fn events_of(store: &Store, user: &User) -> usize {
    store.audit.of_user(user.id, 1000).await.unwrap().len()
}

pub async fn read(store: &Store, user: &User) -> Option<User> {
    store.users.by_id(user.id).await.unwrap()
}

/// Starts `racers` tasks at once and returns what came of each, in their order.
pub async fn race<T, F>(store: &Store, racers: u64, run: impl Fn(Store, u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let line = Arc::new(Barrier::new(usize::try_from(racers).unwrap()));
    let start = |number| {
        let (line, run) = (Arc::clone(&line), run(store.clone(), number));
        tokio::spawn(async move {
            line.wait().await;
            run.await
        })
    };
    let tasks: Vec<_> = (0..racers).map(start).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Exactly one racer won; the others were told `refusal`.
pub fn assert_one_winner<T: std::fmt::Debug>(results: &[Result<T, StoreError>], refusal: &StoreError) {
    let losers = results.iter().filter(|result| result.as_ref().err() == Some(refusal)).count();
    let winners = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!((winners, losers), (1, results.len() - 1), "{results:?}");
}
