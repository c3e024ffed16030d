//! A PostgreSQL server of the test's own, which may be stopped, frozen and set up as no other test would like it. Needs
//! PostgreSQL's programs on this machine.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

pub(super) struct Server {
    process: Option<Child>,
    pub(super) port: u16,
    pub(super) folder: TempDir,
}

/// Who logs in how: the superuser `postgres` without a word, `keyward` with the password `hunter2`.
const LOGINS: &str = "host all postgres 127.0.0.1/32 trust\n";
pub(super) const WITH_PASSWORD: &str = "host all all 127.0.0.1/32 scram-sha-256\n";

impl Server {
    /// With the role `keyward`, and a database of that name which it owns.
    pub(super) async fn start() -> Self {
        Self::start_with("", WITH_PASSWORD).await
    }

    pub(super) async fn start_with(settings: &str, logins: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        give(folder.path());
        let data = folder.path().join("data");
        run(Command::new("cp").arg("-a").arg(template()).arg(&data));
        fs::write(data.join("pg_hba.conf"), format!("{LOGINS}{logins}")).unwrap();
        let fast = "fsync = off\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n";
        fs::write(data.join("postgresql.conf"), format!("{fast}port = {port}\n{settings}\n")).unwrap();
        let mut server = Self { process: None, port, folder };
        server.go_on().await;
        server.run("CREATE ROLE keyward LOGIN PASSWORD 'hunter2'").await;
        server.run("CREATE DATABASE keyward OWNER keyward").await;
        server
    }

    /// Starts it again after [`stop`](Self::stop), and waits until it takes connections.
    pub(super) async fn go_on(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.folder.path().join("data")).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.client("postgres").await.is_err() {
            assert!(Instant::now() < deadline, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `INT` lets everybody go, `QUIT` is a crash, `STOP` and `CONT` freeze and thaw the one that listens.
    pub(super) fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id();
        run(Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]));
    }

    pub(super) fn stop(&mut self, signal: &str) {
        self.signal(signal);
        self.process.take().unwrap().wait().unwrap();
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://keyward:hunter2@127.0.0.1:{}/keyward", self.port)
    }

    async fn client(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}?application_name=admin", self.port);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection of the superuser to the database `keyward`.
    pub(super) async fn admin(&self) -> Client {
        self.client("keyward").await.unwrap()
    }

    /// A statement of the superuser, in the database `postgres`.
    pub(super) async fn run(&self, text: &str) {
        self.client("postgres").await.unwrap().batch_execute(text).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            for signal in ["-CONT", "-QUIT"] {
                run(Command::new("kill").args([signal, &process.id().to_string()]));
            }
            process.wait().unwrap();
        }
    }
}

/// A folder of data to copy, made once: making one takes longer than most tests.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let kept = Path::new(env!("OUT_DIR")).join("postgres-template");
        if !kept.exists() {
            let folder = tempfile::tempdir().unwrap();
            give(folder.path());
            let data = folder.path().join("data");
            let options = ["-U", "postgres", "-E", "UTF8", "--no-sync", "-A", "trust", "-D"];
            run(program("initdb").args(options).arg(&data));
            let half = kept.with_extension(std::process::id().to_string());
            run(Command::new("cp").arg("-a").arg(&data).arg(&half));
            // Of two that make it at once, the first one's stays.
            if fs::rename(&half, &kept).is_err() {
                fs::remove_dir_all(&half).unwrap();
            }
        }
        kept
    })
}

/// PostgreSQL's programs, which refuse to be root's.
fn program(name: &str) -> Command {
    let newest = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = newest.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.exists()).max();
    let path = newest.unwrap_or_else(|| name.into());
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

pub(super) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Hands a file or folder to the server's user.
pub(super) fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(path));
    }
}
