//! The one connection, shared by all, and the task that keeps it: makes it anew when it breaks, when nothing is
//! answered any more, or when the server is no longer one to write to. Knows no record.
//!
//! A command waits for its answer for the time that the settings give, and no longer. While Redis is known to be gone it
//! fails at once.

use super::RedisSettings;
use super::tls;
use super::trouble::{Failure, Trouble, is_full, is_passing};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, Value};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// How long the keeper waits before it tries again.
const RETRY: Duration = Duration::from_millis(250);
/// How often it writes when all is well, to notice what breaks in silence: a cable, or a primary that was demoted.
const PULSE: Duration = Duration::from_secs(5);
/// How many commands may wait to be written before their senders wait.
const QUEUE: usize = 1024;

/// How to reach the server.
pub(super) struct Server {
    settings: RedisSettings,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection that was good when it was made.
pub(super) struct Link {
    pub(super) connection: MultiplexedConnection,
    /// Moves the bytes; ends with the connection, and ends it when it is dropped.
    driver: JoinSet<()>,
}

impl Server {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, Trouble> {
        let url = &settings.url;
        let tls = url.tls.as_ref().map(|files| -> Result<_, Trouble> {
            let config: Arc<ClientConfig> = tls::config(files)?;
            let name =
                ServerName::try_from(url.host.clone()).map_err(|cause| Trouble::Tls(cause.to_string()))?;
            Ok((TlsConnector::from(config), name))
        });
        Ok(Self { tls: tls.transpose()?, settings: settings.clone() })
    }

    /// Connects and signs in. The server then takes commands, writes among them unless it is full.
    pub(super) async fn connect(&self) -> Result<Link, Trouble> {
        let unreachable = |cause: std::io::Error| Trouble::Unreachable(cause.to_string());
        let url = &self.settings.url;
        let stream = TcpStream::connect((url.host.as_str(), url.port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match &self.tls {
            None => self.sign_in(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                let link = self.sign_in(stream.map_err(|cause| Trouble::Tls(cause.to_string()))?).await;
                // Whoever was not shown a certificate may hang up before it is heard why.
                let hung_up = matches!(link, Err(Trouble::Closed));
                let is_anonymous = url.tls.as_ref().is_some_and(|files| files.cert.is_none());
                if hung_up && is_anonymous { Err(Trouble::Certificate("it hung up".into())) } else { link }
            }
        }
    }

    async fn sign_in(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Link, Trouble> {
        let bare = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(QUEUE);
        let made = MultiplexedConnection::new_with_config(&bare, stream, config).await;
        let (mut connection, driver) = made.map_err(|error| Trouble::of_wire(&error))?;
        let mut running = JoinSet::new();
        running.spawn(driver);

        let url = &self.settings.url;
        if let Some(password) = &url.password {
            let mut auth = redis::cmd("AUTH");
            auth.arg(url.user.as_ref()).arg(password);
            match connection.send_packed_command(&auth).await {
                Ok(Value::ServerError(error)) => return Err(Trouble::of_auth(&error)),
                answer => answer.map_err(|error| Trouble::of_wire(&error))?,
            };
        }
        if url.database != 0 {
            let select = connection.send_packed_command(redis::cmd("SELECT").arg(url.database)).await;
            match select.map_err(|error| Trouble::of_wire(&error))? {
                Value::ServerError(error) if error.code() == "ERR" => {
                    return Err(Trouble::Database(url.database));
                }
                Value::ServerError(error) => return Err(Trouble::of_answer(&error)),
                _ => {}
            }
        }
        let probed = connection.send_packed_command(&probe(&self.settings.prefix)).await;
        match probed.map_err(|error| Trouble::of_wire(&error))? {
            // What this user may not do is for the look at the opening to tell.
            Value::ServerError(error) if !is_full(&error) && error.code() != "NOPERM" => {
                Err(Trouble::of_answer(&error))
            }
            _ => Ok(Link { connection, driver: running }),
        }
    }
}

/// Writes a key that is gone soon.
pub(super) fn probe(prefix: &str) -> Cmd {
    let mut command = redis::cmd("SET");
    command.arg(format!("{prefix}:ready")).arg(1).arg("PX").arg(60_000);
    command
}

/// What commands find.
#[derive(Clone)]
enum State {
    /// With the number of the connection.
    Up(MultiplexedConnection, u64),
    /// Lost just now, and perhaps back in a moment: worth the wait.
    Lost,
    Down(Arc<str>),
}

/// The connection as records use it.
pub(super) struct Connection {
    timeout: Duration,
    state: watch::Receiver<State>,
    /// The number of the last connection that was found to be no good.
    bad: watch::Sender<u64>,
}

impl Connection {
    /// Keeps a connection to `server`, of which `link` is the first, for as long as this is there.
    pub(super) fn keep(server: Server, link: Link) -> Self {
        let timeout = server.settings.timeout;
        let (tell, state) = watch::channel(State::Up(link.connection.clone(), 1));
        let (bad, found_bad) = watch::channel(0);
        tokio::spawn(async move {
            tokio::select! {
                () = tell.closed() => {}
                () = keep(&server, link, &tell, found_bad) => {}
            }
        });
        Self { timeout, state, bad }
    }

    /// The answer to one command.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, Failure> {
        let deadline = Instant::now() + self.timeout;
        let (mut connection, number) = self.up(deadline).await?;
        let answer = timeout_at(deadline, connection.send_packed_command(command)).await;
        self.judge(self.answered(answer, number)?, number)
    }

    /// The answers to commands that are sent together, in their order. Each is carried out whatever becomes of the
    /// others; if one is refused, that is the answer to all.
    pub(super) async fn ask_all(&self, commands: &Pipeline) -> Result<Vec<Value>, Failure> {
        let deadline = Instant::now() + self.timeout;
        let (mut connection, number) = self.up(deadline).await?;
        let answers = connection.send_packed_commands(commands, 0, commands.len());
        let answers = self.answered(timeout_at(deadline, answers).await, number)?;
        answers.into_iter().map(|answer| self.judge(answer, number)).collect()
    }

    async fn up(&self, deadline: Instant) -> Result<(MultiplexedConnection, u64), Failure> {
        let mut state = self.state.clone();
        let settled = timeout_at(deadline, state.wait_for(|state| !matches!(state, State::Lost))).await;
        match settled.as_ref().map(|state| state.as_deref()) {
            Ok(Ok(State::Up(connection, number))) => Ok((connection.clone(), *number)),
            Ok(Ok(State::Down(cause))) => Err(Failure::Refused(format!("Redis {cause}"))),
            _ => Err(Failure::Refused("Redis is being connected to again".into())),
        }
    }

    fn answered<T>(
        &self,
        answer: Result<RedisResult<T>, tokio::time::error::Elapsed>,
        number: u64,
    ) -> Result<T, Failure> {
        let cause = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => Trouble::of_wire(&error),
            Err(_) => Trouble::Late(self.timeout),
        };
        self.renew(number);
        Err(Failure::Unknown(format!("Redis {cause}")))
    }

    /// A refusal is a failure; one that says that this is not the server to ask asks for another connection.
    fn judge(&self, answer: Value, number: u64) -> Result<Value, Failure> {
        let Value::ServerError(error) = answer else { return Ok(answer) };
        if is_passing(&error) {
            self.renew(number);
        }
        Err(match error.code() {
            "NOSCRIPT" => Failure::NoScript,
            _ => Failure::Refused(format!("Redis {}", Trouble::of_answer(&error))),
        })
    }

    fn renew(&self, number: u64) {
        self.bad.send_if_modified(|bad| std::mem::replace(bad, number.max(*bad)) < number);
    }
}

/// Keeps the connection, for ever.
async fn keep(
    server: &Server,
    mut link: Link,
    tell: &watch::Sender<State>,
    mut found_bad: watch::Receiver<u64>,
) {
    let url = &server.settings.url;
    let patience = server.settings.timeout.max(Duration::from_secs(1));
    let mut number = 1;
    loop {
        tokio::select! {
            _ = link.driver.join_next() => {}
            _ = found_bad.wait_for(|bad| *bad >= number) => {}
            () = pulse(server, link.connection.clone()) => {}
        }
        tell.send_replace(State::Lost);
        // What is under way may yet be answered.
        let mut old = link.driver;
        let grace = server.settings.timeout;
        tokio::spawn(async move { timeout(grace, old.join_next()).await });

        let since = Instant::now();
        number += 1;
        link = loop {
            let late = |_| Err(Trouble::Late(patience));
            match timeout(patience, server.connect()).await.unwrap_or_else(late) {
                Ok(link) => break link,
                Err(trouble) => {
                    if !matches!(*tell.borrow(), State::Down(_)) {
                        tracing::warn!("{url} {trouble}; sessions cannot be read until it is back");
                    }
                    tell.send_replace(State::Down(trouble.to_string().into()));
                    sleep(RETRY).await;
                }
            }
        };
        tracing::info!(after = ?since.elapsed(), "connected to {url} again");
        tell.send_replace(State::Up(link.connection.clone(), number));
    }
}

/// Ends when a write is not answered in time, or shows that this is no longer the server to write to.
async fn pulse(server: &Server, mut connection: MultiplexedConnection) {
    let probe = probe(&server.settings.prefix);
    loop {
        sleep(PULSE).await;
        match timeout(server.settings.timeout, connection.send_packed_command(&probe)).await {
            Ok(Ok(Value::ServerError(error))) if is_passing(&error) => return,
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
