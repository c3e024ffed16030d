//! A Redis server for one test: its own port, its own folder, gone with the value. Can be killed, frozen and started
//! again. And records to keep in it.

use keyward_auth::outside::Random;
use keyward_auth::records::{
    Actor, Along, Code, CodePlace, Event, EventKind, Mail, MailState, Purpose, Session, Store, StoreError,
    Topic, User,
};
use keyward_auth::values::{Email, EventId, MailId, Metadata, Role, Roles, SessionId, Timestamp, UserId};
use keyward_store::redis::{OpenError, Redis, RedisSettings, RedisUrl};
use keyward_store::sql::Sqlite;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// What comes soon or promptly comes before a test gives up on it: how fast is what `bench/` measures, and a machine
/// that runs other tests may stand still for seconds.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    options: Vec<String>,
    child: Child,
}

impl Server {
    /// With these options of its command line, such as `--requirepass secret`.
    pub(crate) fn start(options: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let child = run(port, folder.path(), &options);
        Self { port, folder, options, child }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As a crash: nothing is saved.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// With what is in its folder.
    pub(crate) fn start_again(&mut self) {
        self.child = run(self.port, self.folder.path(), &self.options);
    }

    /// It takes connections, since the system does that for it, and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// How many are connected besides whoever asks; none while it does not answer.
    pub(crate) fn clients(&self) -> usize {
        let list = redis::Client::open(self.url())
            .unwrap()
            .get_connection()
            .and_then(|mut connection| redis::cmd("CLIENT").arg("LIST").query::<String>(&mut connection));
        list.map_or(0, |list| list.lines().count() - 1)
    }

    /// Asks it something over another connection.
    pub(crate) fn tell(&self, words: &[&str]) -> redis::Value {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).unwrap()
    }

    pub(crate) fn keys(&self, pattern: &str) -> Vec<String> {
        redis::from_redis_value(self.tell(&["KEYS", pattern])).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(port: u16, folder: &Path, options: &[String]) -> Child {
    let log = folder.join("log");
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes", "--dir"]).arg(folder);
    command.arg("--logfile").arg(&log);
    if !options.iter().any(|option| option == "--port") {
        command.args(["--port", &port.to_string()]);
    }
    command.args(options.iter().map(|option| option.replace("PORT", &port.to_string())));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("these tests need redis-server: apt install redis-server");
    let deadline = Instant::now() + Duration::from_secs(20);
    // In the log of this start: an earlier one may have said so, too.
    let is_ready = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let own = text.rsplit(&format!("pid={}", child.id())).next().unwrap_or_default();
        own.contains("Ready to accept connections")
            && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    };
    while !is_ready() {
        assert!(Instant::now() < deadline, "redis-server does not start");
        std::thread::yield_now();
    }
    child
}

pub(crate) async fn open(url: &str) -> Result<Redis, OpenError> {
    let url = RedisUrl::parse(url).unwrap();
    Redis::open(&RedisSettings { url, prefix: "kw".into(), timeout: TIMEOUT }).await
}

/// A store in an SQLite file of its own and this server, with one user in it.
pub(crate) async fn beside(server: &Server) -> (Store, User, TempDir) {
    beside_url(&server.url()).await
}

pub(crate) async fn beside_url(url: &str) -> (Store, User, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    sqlite.migrate(Timestamp::from_micros(1)).unwrap();
    let store = open(url).await.unwrap().beside(sqlite.store());
    let ada = user();
    store.users.insert(&ada, Along::default()).await.unwrap();
    (store, ada, folder)
}

/// Waits until it is so, for `patience` at most.
pub(crate) async fn until(patience: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < patience, "not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What comes of it, and how long that takes.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let since = Instant::now();
    let done = work.await;
    (done, since.elapsed())
}

pub(crate) fn is_backend<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Backend(_)))
}

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_254_000_000_000);

struct Numbered(u8);

impl Random for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId::new(NOW, &Numbered(1)),
        version: 1,
        username: None,
        email: None,
        email_verified_at: None,
        pending_email: None,
        first_name: None,
        last_name: None,
        locale: None,
        picture: None,
        metadata: Metadata::stored("{}".into()),
        roles: Roles::new([Role::user()]),
        disabled_at: None,
        password: None,
        epoch: 0,
        kept_session: None,
        undone: None,
        created_at: NOW,
        updated_at: NOW,
        last_login_at: None,
    }
}

/// Its agent is its number, so that a mixed-up answer shows.
pub(crate) fn session(number: u8, user: &User) -> Session {
    Session {
        id: SessionId::new(NOW, &Numbered(number)),
        user: user.id,
        epoch: user.epoch,
        generation: 1,
        rotated_at: NOW,
        created_at: NOW + Duration::from_secs(number.into()),
        last_used_at: NOW,
        idle_at: NOW + Duration::from_secs(1000),
        ends_at: NOW + Duration::from_secs(5000),
        address: Some([192, 0, 2, 7].into()),
        agent: Some(number.to_string()),
    }
}

pub(crate) fn event(number: u8, kind: EventKind, user: &User) -> Event {
    Event {
        id: EventId::new(NOW, &Numbered(number)),
        at: NOW,
        kind,
        actor: Actor::User(user.id),
        user: Some(user.id),
        session: None,
        address: None,
        agent: None,
        request_id: None,
        is_intent: false,
    }
}

pub(crate) const PLACE: CodePlace = CodePlace([1; 16]);

/// Asked for so many seconds from now, as if its mail had waited for no moment.
pub(crate) fn code(number: u8, user: Option<UserId>) -> Code {
    let asked_at = NOW + Duration::from_secs(number.into());
    Code {
        place: PLACE,
        user,
        id: MailId::new(asked_at, &Numbered(number)),
        asked_at,
        purpose: Purpose::Reset,
        email: None,
        epoch: 0,
        tries: 0,
        digits_until: Some(asked_at + Duration::from_secs(600)),
        expires_at: asked_at + Duration::from_secs(3600),
    }
}

pub(crate) fn mail(number: u8, user: &User) -> Mail {
    Mail {
        id: MailId::new(NOW, &Numbered(number)),
        topic: Topic::SessionEnded,
        to: Email::parse("ada@example.com").unwrap(),
        user: Some(user.id),
        languages: None,
        asked_from: None,
        created_at: NOW,
        state: MailState::Waiting,
        due_at: NOW,
        attempts: 0,
        reason: None,
    }
}

/// Whether a token of this session is good now, as every request asks.
pub(crate) async fn gets_in(store: &Store, session: &Session) -> bool {
    let found = store.sessions.with_user(session.id, session.user).await;
    matches!(found, Ok(Some((kept, user))) if kept.is_live(&user, NOW))
}
