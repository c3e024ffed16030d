//! From a configuration to a running service. Stores are chosen in `stores`, the way of mails in `mail`, the place of
//! pictures in `pictures`, and what runs by the clock is in `periodic`, with the sending of mails in `sending`.

mod mail;
mod periodic;
mod pictures;
mod sending;
mod stores;

pub use mail::{check_templates, send_test as send_test_mail};
pub use stores::Database;

use crate::config::{
    Config, Master, PasswordAlgorithm, Problem, Registration, UnknownFields, lacks_key_file, master,
};
use crate::hashing::{HashAlgorithm, HashPool, HashSettings};
use crate::system::{SystemClock, SystemRandom, most_files};
use axum::http::HeaderValue;
use keyward_auth::Keyward;
use keyward_auth::flows::{KeysError, SetupLink};
use keyward_auth::outside::{Clock, Hasher, Random};
use keyward_auth::policy::{Limits as RateLimits, Policy, Verification};
use keyward_auth::records::Rate;
use keyward_auth::tokens::{
    AccessTokens, CodeKeys, CounterKeys, Issuer, KeyError, Master as MasterSecret, PictureKeys,
    RefreshTokens, Sealer, Tokens,
};
use keyward_mail::OpenError as MailError;
#[cfg(feature = "mongodb")]
use keyward_store::mongo::OpenError as MongoError;
use keyward_store::objects::OpenError as GalleryError;
use keyward_store::redis::OpenError as RedisError;
use keyward_store::sql::OpenError;
use keyward_web::{Inbox, Limits, Settings, Shared, Unknown, Web};
use std::net::SocketAddr;
use std::sync::Arc;
use std::{future::Future, io};
use tokio::net::TcpListener;

/// Why the service does not start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] Problem),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[cfg(feature = "mongodb")]
    #[error(transparent)]
    Mongo(#[from] MongoError),
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    #[error("the thread that paints pictures: {0}")]
    Painting(io::Error),
    #[error(
        "the signing keys in the database were sealed with another secret: give back the SECRET_KEY, KEYWARD_SECRETS_MASTER or keyward.key that they were made with"
    )]
    OtherSecret,
    #[error("the signing keys: {0}")]
    Keys(KeysError),
    #[error("the hashing threads: {0}")]
    Hashing(io::Error),
    #[error("cannot listen on {0}: {1}; is something else there? Set server.listen or PORT")]
    Listen(SocketAddr, io::Error),
}

impl From<KeysError> for StartError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Key(KeyError::Sealed) => Self::OtherSecret,
            other => Self::Keys(other),
        }
    }
}

impl From<KeyError> for StartError {
    fn from(error: KeyError) -> Self {
        KeysError::Key(error).into()
    }
}

/// The outside world; tests bring one that they can move.
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub hasher: Arc<dyn Hasher>,
}

impl World {
    pub fn real(config: &Config) -> Result<Self, StartError> {
        let hasher = HashPool::new(&hash_settings(config)).map_err(StartError::Hashing)?;
        Ok(Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), hasher })
    }
}

/// Everything but HTTP.
pub struct Opened {
    pub keyward: Arc<Keyward>,
    /// Where mails end up that go nowhere.
    inbox: Option<Arc<dyn Inbox>>,
}

impl Opened {
    /// Looks beside everything else whether what is not needed to start is there, and tells the log if it is not.
    pub fn look_around(&self) {
        tokio::spawn(pictures::look_around(self.keyward.gallery.clone()));
    }
}

/// The store, migrated, the keys, loaded, and the mailer. `bound` is where the service listens, which is its own URL if no
/// other is set.
pub async fn open(config: &Config, bound: SocketAddr, world: World) -> Result<Opened, StartError> {
    let post = mail::open(config, bound)?;
    let database = Database::open(config).await?;
    for done in database.migrate(world.clock.now()).await? {
        tracing::info!(version = done.version, name = %done.name, "migrated");
    }
    let store = stores::store(config, &database).await?;
    // A lost key file is not replaced by a new one, which somebody might then keep a copy of. The keys are looked at first:
    // another process that starts now makes the file before it makes a key.
    let has_keys = !store.keys.all().await.map_err(KeysError::from)?.is_empty();
    if has_keys && lacks_key_file(config) {
        return Err(StartError::OtherSecret);
    }
    let master = master(config)?;
    let gallery = stores::gallery(config).await?;
    let keyward = Arc::new(Keyward {
        store,
        setup: SetupLink::new(world.random.as_ref()),
        tokens: tokens(config, &master, bound)?,
        policy: policy(config, post.is_some()),
        clock: world.clock,
        random: world.random,
        hasher: world.hasher,
        mailer: mail::mailer(post.as_ref()),
        painter: pictures::painter(config)?,
        gallery,
    });
    keyward.load_keys().await?;
    Ok(Opened { keyward, inbox: post.as_deref().and_then(mail::inbox) })
}

fn tokens(config: &Config, master: &Master, bound: SocketAddr) -> Result<Tokens, StartError> {
    let secret = MasterSecret::new(master.secret.expose());
    let algorithm = config.tokens.algorithm;
    let issuer = Issuer {
        issuer: config.issuer(bound),
        audience: config.tokens.audience.clone(),
        client_id: config.tokens.client_id.clone(),
    };
    let shared = config.secrets.key.as_ref().filter(|_| algorithm.is_symmetric());
    Ok(Tokens {
        access: AccessTokens::new(issuer, Policy::default().clock_leeway),
        refresh: RefreshTokens::new(&secret),
        sealer: Sealer::new(&secret)?,
        counters: CounterKeys::new(&secret),
        codes: CodeKeys::new(&secret),
        pictures: PictureKeys::new(&secret),
        algorithm,
        shared_secret: shared.map(|key| MasterSecret::new(key.expose())),
    })
}

fn policy(config: &Config, has_mail: bool) -> Policy {
    Policy {
        registration_open: config.accounts.registration == Registration::Open,
        // Who cannot be written to cannot prove an address.
        verification: if has_mail { config.accounts.verification } else { Verification::Off },
        conceal: config.accounts.conceal,
        has_mail,
        mail_timeout: config.mail.timeout,
        mail_kept: config.mail.keep,
        password_min_length: config.passwords.min_length,
        access_ttl: config.tokens.access_ttl,
        session_idle: config.sessions.idle,
        session_lifetime: config.sessions.lifetime,
        sessions_per_user: config.sessions.per_user,
        fresh_for: config.policy.fresh_for,
        audit_kept: config.audit.keep,
        limits: rate_limits(config),
        clock_skew: config.store.clock_skew,
        picture_links: config.pictures.link_ttl,
        ..Policy::default()
    }
}

fn rate_limits(config: &Config) -> RateLimits {
    let (set, shipped) = (&config.limits, RateLimits::default());
    let rate = |shipped: Rate, most: u32| Rate { most: most.saturating_mul(set.scale), ..shipped };
    RateLimits {
        registrations: rate(shipped.registrations, set.registrations),
        passwords: rate(shipped.passwords, set.passwords),
        failures: rate(shipped.failures, set.failures),
        tries: rate(shipped.tries, set.tries),
        tries_per_day: rate(shipped.tries_per_day, set.tries_per_day),
        mails: rate(shipped.mails, set.mails),
        mails_per_day: rate(shipped.mails_per_day, set.mails_per_day),
        endings: rate(shipped.endings, set.endings),
        addresses: rate(shipped.addresses, set.addresses),
        pictures: rate(shipped.pictures, set.pictures),
    }
}

fn hash_settings(config: &Config) -> HashSettings {
    HashSettings {
        algorithm: match config.passwords.algorithm {
            PasswordAlgorithm::Argon2id => HashAlgorithm::Argon2id,
            PasswordAlgorithm::Bcrypt => HashAlgorithm::Bcrypt,
        },
        memory_kib: config.passwords.argon2_memory,
        passes: config.passwords.argon2_passes,
        bcrypt_cost: config.passwords.bcrypt_cost,
        threads: config.hashing.threads,
        queue: config.hashing.queue,
        memory_budget_mib: config.hashing.memory,
    }
}

/// The web layer over an open Keyward.
pub fn web(config: &Config, bound: SocketAddr, opened: Opened) -> Shared {
    let callers = config.introspection.callers.iter();
    let settings = Settings {
        public_url: config.public_url(bound).unwrap_or_default(),
        is_https: config.server.public_url.as_ref().is_some_and(|url| url.is_https()),
        unknown_fields: match config.http.unknown_fields {
            UnknownFields::Refuse => Unknown::Refuse,
            UnknownFields::Ignore => Unknown::IgnoreHarmless,
        },
        cors_origins: config
            .http
            .cors_origins
            .iter()
            .filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok())
            .collect(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        request_timeout: config.server.request_timeout,
        introspection_callers: callers
            .map(|caller| (caller.name.clone(), String::from_utf8_lossy(caller.secret.expose()).into_owned()))
            .collect(),
        product: mail::product(config),
        inbox: opened.inbox,
    };
    Web::new(opened.keyward, settings)
}

/// Serves on the listener, with the periodic work beside it, until `stop` is done.
pub async fn serve(config: &Config, listener: TcpListener, web: Shared, stop: impl Future<Output = ()>) {
    let limits = Limits {
        header_timeout: config.server.header_timeout,
        shutdown_grace: config.server.shutdown_grace,
        max_connections: max_connections(config),
    };
    let keyward = web.keyward.clone();
    let periodic = periodic::start(&keyward);
    keyward_web::serve(listener, web.clone(), keyward_web::router(web), limits, stop).await;
    periodic.stop(&keyward).await;
}

/// How many files stay free for the database, the log and the listener.
const FILES_KEPT: usize = 64;

/// As configured, as far as the limit of open files allows: beyond it the database could not be opened either.
fn max_connections(config: &Config) -> usize {
    let room = most_files().saturating_sub(FILES_KEPT).max(1);
    if room < config.server.max_connections {
        tracing::warn!(
            "the limit of open files allows for {room} connections; raise it (ulimit -n, LimitNOFILE)"
        );
    }
    room.min(config.server.max_connections)
}
