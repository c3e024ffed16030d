//! A redis-server for one test, which may break it: killed, frozen, filled, demoted, rolled back. Gone with the value.

use super::secret;
use redis::{FromRedisValue, Value};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct OwnRedis {
    pub(crate) address: SocketAddr,
    password: String,
    folder: TempDir,
    options: Vec<String>,
    process: Option<Child>,
}

impl OwnRedis {
    /// With these options of its command line, such as `--appendonly yes`. It saves nothing by itself.
    pub(crate) fn start(options: &[&str]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut redis = Self { address, password: secret(), folder, options, process: None };
        redis.go_on();
        redis
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://:{}@{}/0", self.password, self.address)
    }

    /// Starts it again after [`kill`](Self::kill), with what is in its folder, and waits until it takes connections.
    pub(crate) fn go_on(&mut self) {
        let mut command = Command::new("redis-server");
        let port = self.address.port().to_string();
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--requirepass", &self.password]);
        command.arg("--dir").arg(self.folder.path()).args(&self.options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap_or_else(|error| panic!("redis-server: {error}")));
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.asked::<String>(&["PING"]).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not start");
            std::thread::yield_now();
        }
    }

    /// As a crash: nothing is saved.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// It takes connections, since the system does that for it, and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Asks it something over a connection of its own.
    pub(crate) fn tell(&self, words: &[&str]) -> Value {
        self.asked(words).unwrap()
    }

    fn asked<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        // Whoever asks for the port before anybody listens is refused at once.
        TcpStream::connect(self.address)?;
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
