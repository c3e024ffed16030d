//! A PostgreSQL server for one test, which may break it: killed, replaced by its replica, set up as no other test would
//! like it. Gone with the value.

use super::{postgres, secret};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct OwnPostgres {
    pub(crate) address: SocketAddr,
    password: String,
    folder: TempDir,
    process: Option<Child>,
}

impl OwnPostgres {
    /// With the role `keyward`, and a database of that name which it owns.
    pub(crate) async fn start() -> Self {
        Self::start_with(Self::unmade(secret()), "").await
    }

    /// One that speaks TLS, with these files in PEM.
    pub(crate) async fn with_certificate(certificate: &str, key: &str) -> Self {
        let server = Self::unmade(secret());
        for (from, name) in [(certificate, "cert.pem"), (key, "key.pem")] {
            let to = server.folder.path().join(name);
            fs::copy(from, &to).unwrap();
            give(&to);
        }
        let folder = server.folder.path().display().to_string();
        let files = format!("ssl_cert_file = '{folder}/cert.pem'\nssl_key_file = '{folder}/key.pem'\n");
        Self::start_with(server, &format!("ssl = on\n{files}")).await
    }

    /// `settings` are lines of `postgresql.conf`.
    async fn start_with(mut server: Self, settings: &str) -> Self {
        run(program("initdb")
            .args(["-U", "postgres", "-E", "UTF8", "--no-sync", "-A", "trust", "-D"])
            .arg(server.data()));
        let logins =
            "host all,replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(server.data().join("pg_hba.conf"), logins).unwrap();
        fs::write(server.data().join("postgresql.conf"), settings).unwrap();
        server.go_on().await;
        server.run(&format!("CREATE ROLE keyward LOGIN PASSWORD '{}'", server.password)).await;
        server.run("CREATE DATABASE keyward OWNER keyward").await;
        server
    }

    /// A server that follows this one, and can only be read until it is promoted. From here on nothing is acknowledged
    /// before both have it.
    pub(crate) async fn replica(&self) -> Self {
        let mut replica = Self::unmade(self.password.clone());
        run(program("pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string(), "-U", "postgres"])
            .args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--pgdata"])
            .arg(replica.data()));
        replica.go_on().await;
        self.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        self.run("SELECT pg_reload_conf()").await;
        replica
    }

    fn unmade(password: String) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        give(folder.path());
        Self { address, password, folder, process: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://keyward:{}@{}/keyward", self.password, self.address)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it, after [`kill`](Self::kill) with what it had, and waits until it takes connections.
    pub(crate) async fn go_on(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.address.port().to_string()]);
        command.args(["-c", "fsync=off", "-c", "unix_socket_directories=", "-c", "shared_buffers=32MB"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while postgres::connect(&self.admin()).await.is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(Instant::now() < deadline, "{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As a crash.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        // Its own children end at once, too; killed outright, they would live a moment longer.
        run(Command::new("kill").args(["-QUIT", &process.id().to_string()]));
        process.wait().unwrap();
    }

    /// A statement of the superuser.
    pub(crate) async fn run(&self, sql: &str) {
        postgres::connect(&self.admin()).await.unwrap().batch_execute(sql).await.unwrap();
    }

    fn admin(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.address)
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// PostgreSQL's programs, which `scripts/servers` puts into the PATH, and which refuse to be root's.
fn program(name: &str) -> Command {
    if !is_root() {
        return Command::new(name);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(name).current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Hands a file to the server's user.
fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres:").arg(path));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
