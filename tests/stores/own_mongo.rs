//! A server of MongoDB's protocol for one test, which may break it: killed, frozen, started again with what it had. Gone with
//! the value.

use super::secret;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub(crate) struct OwnMongo {
    pub(crate) address: SocketAddr,
    password: String,
    folder: TempDir,
    process: Option<Child>,
    /// Without a name of a database.
    url: String,
}

impl OwnMongo {
    pub(crate) fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        // The server may be another user than the test.
        let mut open = fs::metadata(folder.path()).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o711);
        fs::set_permissions(folder.path(), open).unwrap();
        let mut server = Self { address, password: secret(), folder, process: None, url: String::new() };
        server.go_on();
        server
    }

    /// Of a database that is there as soon as something is written.
    pub(crate) fn url(&self) -> String {
        format!("{}keyward?authSource=admin", self.url)
    }

    /// Starts it, after [`kill`](Self::kill) with what it had, and waits until it answers.
    pub(crate) fn go_on(&mut self) {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/mongo-server"));
        command.arg("run").arg(self.folder.path().join("data")).arg(self.address.port().to_string());
        command.envs([("MONGO_USER", "keyward"), ("MONGO_PASSWORD", &self.password)]);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(said.starts_with("mongodb://"), "{said} {}", log());
        self.url = said.trim().to_owned();
        self.process = Some(process);
    }

    /// As a crash: whatever belongs to it dies with it.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Whoever asks gets no answer, until it [goes on](Self::thaw).
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().unwrap().id();
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        assert!(!children.is_empty(), "it has no child that serves");
        for child in children.split_whitespace() {
            kill_process(Pid::from_raw(child.parse().unwrap()).unwrap(), signal).unwrap();
        }
    }
}

impl Drop for OwnMongo {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
