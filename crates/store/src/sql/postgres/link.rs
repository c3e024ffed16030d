//! The way to the server: hosts, limits of time, and what is known of its health. Owns how connections are made and which
//! of those that were made are still good; keeps none itself.

use super::error;
use super::session::Session;
use super::tls::{Tls, TlsError};
use super::url::TlsMode;
use super::{PostgresSettings, PostgresUrl};
use keyward_auth::records::StoreError;
use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;

/// How long making a connection may take, all hosts together.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an idle connection that is doubted may take to answer.
const PROOF: Duration = Duration::from_millis(500);
/// A client that a network has swallowed keeps a place on the server for a minute, not for the two hours of most
/// systems: else a few cuts use up all places.
const NOTICED_WHEN_GONE: &str =
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3";
/// How long asking the server to cancel may take.
const CANCEL: Duration = Duration::from_secs(2);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoSession {
    Late(Duration),
    /// The server answers, and lets nobody write.
    ReadOnly,
    Failed(tokio_postgres::Error),
}

impl NoSession {
    pub(super) fn as_error(&self) -> StoreError {
        StoreError::Backend(match self {
            Self::Late(limit) => format!("PostgreSQL: no connection within {limit:?}"),
            Self::ReadOnly => "PostgreSQL: no server that can be written".into(),
            Self::Failed(error) => error::text(error),
        })
    }

    /// Whether the server has no place for one more connection.
    pub(super) fn is_crowded(&self) -> bool {
        matches!(self, Self::Failed(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS))
    }

    /// Of several hosts' answers, the most telling one is told of.
    fn telling(&self) -> u8 {
        match self {
            Self::Late(_) => 0,
            Self::Failed(error) if error.as_db_error().is_none() => 1,
            Self::ReadOnly => 2,
            Self::Failed(_) => 3,
        }
    }
}

/// What a server says of itself.
pub(super) struct Greeting {
    pub(super) version: String,
    pub(super) encoding: String,
    pub(super) is_cockroach: bool,
}

pub(super) struct Link {
    /// One for each host.
    configs: Vec<Config>,
    mode: TlsMode,
    tls: Tls,
    /// For one call, from asking for a connection to the answer.
    pub(super) timeout: Duration,
    connect: Duration,
    pub(super) pgbouncer: bool,
    /// The host that answered last.
    last: AtomicUsize,
    /// Raised when the server behind all present connections may not be the right one any more.
    generation: AtomicU64,
    /// Raised when an answer did not come: idle connections may be dead without knowing.
    doubt: AtomicU64,
}

impl Link {
    pub(super) fn new(settings: &PostgresSettings) -> Result<Self, TlsError> {
        let PostgresSettings { url, timeout, .. } = settings;
        let pgbouncer = settings.pgbouncer || url.pgbouncer;
        let connect = url.connect_timeout.unwrap_or(CONNECT).min(*timeout);
        Ok(Self {
            configs: url.hosts.iter().map(|host| config(url, host, *timeout, pgbouncer)).collect(),
            mode: url.tls.mode,
            tls: Tls::new(&url.tls)?,
            timeout: *timeout,
            connect,
            pgbouncer,
            last: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
            doubt: AtomicU64::new(0),
        })
    }

    pub(super) async fn connect(&self) -> Result<Session, NoSession> {
        self.connect_with(None).await.map(|(session, _)| session)
    }

    /// A connection to the first host that can be written, beginning with the one that was it last. `options` go to the
    /// server in place of the limits of time.
    pub(super) async fn connect_with(&self, options: Option<&str>) -> Result<(Session, Greeting), NoSession> {
        let generation = self.generation.load(Ordering::Acquire);
        let (first, count) = (self.last.load(Ordering::Relaxed), self.configs.len());
        // A host that swallows everything must not use up the time of the next one.
        let share = self.connect / u32::try_from(count).unwrap_or(u32::MAX);
        let mut worst: Option<NoSession> = None;
        for index in (first..count).chain(0..first) {
            let mut config = self.configs[index].clone();
            // Nor one address of a name that has several.
            config.connect_timeout(share * 2 / 3);
            if let (Some(options), false) = (options, self.pgbouncer) {
                config.options(options);
            }
            // On the heap: it is large, and part of every call that may have to connect.
            let greeting = Box::pin(self.greet(config, generation));
            let failed = match timeout_at(Instant::now() + share, greeting).await {
                Ok(Ok(session)) => {
                    self.last.store(index, Ordering::Relaxed);
                    return Ok(session);
                }
                Ok(Err(error)) => error,
                Err(_) => NoSession::Late(share),
            };
            if worst.as_ref().is_none_or(|worst| worst.telling() <= failed.telling()) {
                worst = Some(failed);
            }
        }
        Err(worst.unwrap_or(NoSession::Late(self.connect)))
    }

    /// Connects to one host, with or without TLS as libpq would.
    async fn greet(&self, mut config: Config, generation: u64) -> Result<(Session, Greeting), NoSession> {
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let attempts: &[SslMode] = match self.mode {
            _ if is_local => &[SslMode::Disable],
            TlsMode::Disable => &[SslMode::Disable],
            TlsMode::Allow => &[SslMode::Disable, SslMode::Require],
            TlsMode::Prefer => &[SslMode::Prefer, SslMode::Disable],
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => &[SslMode::Require],
        };
        let last = attempts.len() - 1;
        let mut attempts = attempts.iter().enumerate();
        let (client, connection) = loop {
            let Some((index, attempt)) = attempts.next() else { return Err(NoSession::ReadOnly) };
            config.ssl_mode(*attempt);
            match config.connect(self.tls.clone()).await {
                Ok(connected) => break connected,
                Err(error) if index < last && is_about_tls(&error) => {}
                Err(error) if is_read_only(&error) => return Err(NoSession::ReadOnly),
                Err(error) => return Err(NoSession::Failed(error)),
            }
        };
        let parameter = |name| connection.parameter(name).unwrap_or_default().to_owned();
        let greeting = Greeting {
            version: parameter("server_version"),
            encoding: parameter("server_encoding"),
            is_cockroach: connection.parameter("crdb_version").is_some(),
        };
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = error::text(&error), "a connection ended");
            }
        });
        let session = Session::new(client, task.abort_handle(), generation, !self.pgbouncer);
        session.trusted.store(self.doubt.load(Ordering::Acquire), Ordering::Relaxed);
        Ok((session, greeting))
    }

    /// Whether a connection may be used: it is open, and of the present time.
    pub(super) fn is_good(&self, session: &Session) -> bool {
        session.is_idle() && session.generation == self.generation.load(Ordering::Acquire)
    }

    /// The same, for one that was idle: where others did not answer lately, it is asked.
    pub(super) async fn proves_good(&self, session: &Session) -> bool {
        let doubt = self.doubt.load(Ordering::Acquire);
        if !self.is_good(session) {
            return false;
        }
        if session.trusted.load(Ordering::Relaxed) != doubt {
            let proof = timeout_at(Instant::now() + PROOF, session.client.check_connection()).await;
            if !matches!(proof, Ok(Ok(()))) {
                return false;
            }
            session.trusted.store(doubt, Ordering::Relaxed);
        }
        true
    }

    /// Learns from a failure: this connection, or all of its time, may be of no more use.
    pub(super) fn learn(&self, session: &Session, error: &tokio_postgres::Error) {
        if error::is_of_connection(error) {
            session.begin();
            // What broke this one may have broken others, which do not know it yet.
            self.doubt.fetch_add(1, Ordering::AcqRel);
        }
        if error::is_of_server(error) {
            let next = session.generation + 1;
            let of_now = self.generation.compare_exchange(
                session.generation,
                next,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if of_now.is_ok() {
                tracing::warn!(error = error::text(error), "connecting to PostgreSQL anew");
            }
        }
    }

    /// An answer did not come: the server is asked to stop, and other connections have to prove themselves.
    pub(super) fn give_up(&self, session: &Session) {
        self.doubt.fetch_add(1, Ordering::AcqRel);
        session.begin();
        if self.pgbouncer {
            // It stops by itself when the client goes, and might cancel whatever runs on that connection next.
            return;
        }
        let (token, tls) = (session.client.cancel_token(), self.tls.clone());
        tokio::spawn(async move {
            // Whether it came in time cannot be known.
            let _ = timeout_at(Instant::now() + CANCEL, token.cancel_query(tls)).await;
        });
    }
}

fn config(url: &PostgresUrl, (host, port): &(String, u16), timeout: Duration, pgbouncer: bool) -> Config {
    let mut config = url.config.clone();
    config.host(host).port(*port).tcp_user_timeout(timeout);
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if !pgbouncer {
        // The server gives up as well, should nobody be able to tell it to.
        let millis = timeout.as_millis();
        let own = format!(
            "-c statement_timeout={millis} -c idle_in_transaction_session_timeout={millis} {NOTICED_WHEN_GONE}"
        );
        config.options(with_options(url, &own));
    }
    config
}

/// What the URL asks for, then Keyward's own.
pub(super) fn with_options(url: &PostgresUrl, own: &str) -> String {
    url.config.get_options().map_or_else(|| own.to_owned(), |asked| format!("{asked} {own}"))
}

/// Whether the server answered, and was not taken since it cannot be written.
fn is_read_only(error: &tokio_postgres::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        cause.kind() == io::ErrorKind::PermissionDenied && cause.raw_os_error().is_none()
    })
}

/// Whether the other way, with or without TLS, may be the one that the server wants.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        None => error.to_string().contains("TLS"),
    }
}
