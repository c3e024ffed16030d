//! A folder to run Keyward in, its commands, and the service as a child process. A test that ends, however it ends,
//! leaves no process behind; a panic in a service's log fails the test.

use super::http::{Call, Reply, call};
use crate::app::folder;
pub(super) use crate::stores::secret;
use crate::stores::{Kind, Place, aside};
use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Everything that should happen at once happens within this, also on a machine that is busy.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer, or the time is over.
#[expect(clippy::disallowed_methods, reason = "this is the wait for a condition")]
pub(super) fn wait<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let answer = condition();
        if answer.is_some() || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
pub(super) fn until<T>(what: &str, limit: Duration, condition: impl FnMut() -> Option<T>) -> T {
    wait(limit, condition).unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
}

/// The working directory, the store and the environment of one Keyward.
pub(super) struct Home {
    ground: Arc<Ground>,
    env: Vec<(String, String)>,
}

/// There as long as a service runs on it.
struct Ground {
    place: Place,
    folder: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Done {
    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(!self.stderr.contains("panicked at"), "{self:?}");
        self
    }

    /// The JSON of one line.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl Home {
    /// As a newcomer has it: SQLite in a folder. The limits on rates are for people, of whom tests do the work of many.
    pub(super) fn new() -> Self {
        Self::on(Kind::Sqlite)
    }

    /// On the store that the tests run on.
    pub(super) fn on_chosen_store() -> Self {
        let mut home = Self::on(Kind::chosen());
        let ground = home.ground.clone();
        for (key, value) in ground.place.settings().into_iter().chain(ground.place.patience()) {
            home.change(&format!("KEYWARD_{}", key.replace('.', "_").to_uppercase()), &value);
        }
        // Where SQLite has it by itself.
        if !ground.place.has_s3() {
            home.change("KEYWARD_PICTURES_FOLDER", "./keyward-data/pictures");
        }
        home
    }

    fn on(kind: Kind) -> Self {
        let folder = folder();
        let place = aside(Place::empty(kind, folder.path().join("keyward-data/keyward.db")));
        let env = vec![("KEYWARD_LIMITS_SCALE".into(), "1000000".into())];
        Self { ground: Arc::new(Ground { place, folder }), env }
    }

    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.change(name, value);
        self
    }

    /// For the next start.
    pub(super) fn change(&mut self, name: &str, value: &str) {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.into(), value.into()));
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.ground.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn place(&self) -> &Place {
        &self.ground.place
    }

    /// A look into the database, from another process than the service's.
    pub(super) fn rows(&self, sql: &str) -> Vec<String> {
        aside(self.ground.place.rows(sql))
    }

    pub(super) fn execute(&self, sql: &str) {
        aside(self.ground.place.execute(sql));
    }

    /// A connection to the file, where the database is one.
    pub(super) fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(self.path("keyward-data/keyward.db"), flags).unwrap();
        connection.busy_timeout(SOON).unwrap();
        connection
    }

    pub(super) fn count(&self, sql: &str) -> i64 {
        self.rows(sql)[0].parse().unwrap()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.ground.folder.path()).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // The usual port may be somebody's.
        let named = |name: &str| self.env.iter().any(|(n, _)| n == name);
        if !named("KEYWARD_SERVER_LISTEN") && !named("PORT") && !self.path(".env").exists() {
            command.env("KEYWARD_SERVER_LISTEN", "127.0.0.1:0");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A command that ends by itself.
    pub(super) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, "")
    }

    pub(super) fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self.command(BINARY, arguments).stdin(Stdio::piped()).spawn().unwrap();
        // Whoever refuses at once does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let mut running = Running::of(child);
        let code = running.ended(SOON).code().unwrap();
        running.drained();
        Done { code, stdout: running.stdout.text(), stderr: running.stderr.text() }
    }

    /// A start that must be refused; what it says about that.
    #[track_caller]
    pub(super) fn refused(&self) -> String {
        let done = self.run(&["serve", "--json"]).expect(1);
        assert_eq!(done.stdout, "", "it listened");
        let error: Value = serde_json::from_str(&done.stderr).unwrap_or_else(|_| panic!("{done:?}"));
        error["error"].as_str().unwrap().to_owned()
    }

    pub(super) fn start(&self) -> Server {
        self.starting().started()
    }

    pub(super) fn starting(&self) -> Starting {
        self.starting_by(BINARY, &["serve", "--json"])
    }

    /// For a start through a shell, which can set what the environment cannot.
    pub(super) fn start_by(&self, program: &str, arguments: &[&str]) -> Server {
        self.starting_by(program, arguments).started()
    }

    fn starting_by(&self, program: &str, arguments: &[&str]) -> Starting {
        let mut command = self.command(program, arguments);
        Starting(Running::of(command.spawn().unwrap()), self.ground.clone())
    }
}

pub(super) const BINARY: &str = env!("CARGO_BIN_EXE_keyward");

/// What a process has written so far.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    fn collect(&self, mut from: impl Read + Send + 'static) -> JoinHandle<()> {
        let output = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                output.0.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        })
    }
}

struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    fn of(mut child: Child) -> Self {
        let (stdout, stderr) = (Output::default(), Output::default());
        let readers =
            vec![stdout.collect(child.stdout.take().unwrap()), stderr.collect(child.stderr.take().unwrap())];
        Self { child, stdout, stderr, readers }
    }

    #[track_caller]
    fn ended(&mut self, limit: Duration) -> ExitStatus {
        let ended = wait(limit, || self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("it still runs after {limit:?}: {}", self.stderr.text()))
    }

    /// All that it wrote is here; it has ended.
    fn drained(&mut self) {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "what the service said helps to see why the test failed")]
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.readers.drain(..).for_each(|reader| drop(reader.join()));
        let log = self.stderr.text();
        if std::thread::panicking() {
            log.lines().rev().take(20).for_each(|line| eprintln!("said at the end, the last first: {line}"));
        } else {
            assert!(!log.contains("panicked at") && !log.contains("panicked\""), "{log}");
        }
    }
}

/// A service that has not said yet where it is.
pub(super) struct Starting(Running, Arc<Ground>);

impl Starting {
    #[track_caller]
    pub(super) fn started(mut self) -> Server {
        let said = until("the address of the service", SOON, || {
            assert!(
                self.0.child.try_wait().unwrap().is_none_or(|status| status.success()),
                "it did not start: {}",
                self.0.stderr.text()
            );
            self.0.stdout.text().ends_with('\n').then(|| self.0.stdout.text())
        });
        let said: Value = serde_json::from_str(&said).unwrap();
        let listen: SocketAddr = said["listen"].as_str().unwrap().parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], listen.port()));
        Server { running: self.0, address, said, _ground: self.1 }
    }
}

/// A service that listens.
pub(super) struct Server {
    running: Running,
    pub(super) address: SocketAddr,
    /// The line that it printed.
    pub(super) said: Value,
    _ground: Arc<Ground>,
}

impl Server {
    #[track_caller]
    pub(super) fn send(&self, call: &Call) -> Reply {
        call.send_to(self.address).unwrap()
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send(&call("GET", path))
    }

    pub(super) fn register(&self, email: &str, password: &str) -> Reply {
        self.send(&registration(email, password))
    }

    pub(super) fn login(&self, email: &str, password: &str) -> Reply {
        self.send(&sign_in(email, password))
    }

    /// An access token of somebody who exists.
    #[track_caller]
    pub(super) fn token(&self, email: &str, password: &str) -> String {
        let reply = self.login(email, password).expect(200);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(super) fn me(&self, token: &str) -> Reply {
        self.send(&call("GET", "/users/me").bearer(token))
    }

    /// The path of the printed set-up link.
    pub(super) fn setup(&self) -> Option<String> {
        let link = self.said["setup"].as_str()?;
        Some(link[link.find("/setup/").unwrap()..].to_owned())
    }

    /// All of the log so far.
    pub(super) fn log(&self) -> String {
        self.running.stderr.text()
    }

    /// The most memory that it ever held, in MiB.
    pub(super) fn peak_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.running.child)
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end that was asked for: exit code 0, and everything written. Gives what it printed and logged.
    #[track_caller]
    pub(super) fn ended(mut self, limit: Duration) -> (String, String) {
        let status = self.running.ended(limit);
        self.running.drained();
        let log = self.running.stderr.text();
        assert_eq!(status.code(), Some(0), "{log}");
        (self.running.stdout.text(), log)
    }

    /// Stops in order.
    #[track_caller]
    pub(super) fn stop(self) -> (String, String) {
        self.signal(Signal::TERM);
        self.ended(SOON)
    }

    /// Stops as a loss of power would.
    pub(super) fn kill(mut self) {
        self.running.child.kill().unwrap();
        self.running.child.wait().unwrap();
    }
}

pub(super) fn registration(email: &str, password: &str) -> Call {
    call("POST", "/auth/register").json(json!({"email": email, "password": password}))
}

pub(super) fn sign_in(email: &str, password: &str) -> Call {
    call("POST", "/auth/login").json(json!({"email": email, "password": password}))
}

/// A password that the rules like.
pub(super) const PASSWORD: &str = "a quiet blue harbour";
