//! Every key that can be set: its meaning, its default and what it accepts, in one table. The structs, the names in the
//! environment, the sample file and the checks all come from here; a new key is one entry and nothing else.

use super::layers::{Effective, Layers};
use super::origin::Origin;
use super::readers::{
    Address, Callers, Choice, Count, DAY, HOUR, Hidden, MILLISECOND, MINUTE, Many, Optional, Parsed, Reader,
    SECOND, Secrecy, Shape, Span, Strong,
};
use super::secret::Secret;
use super::store_url::{SHAPES, StoreUrl};
use super::values::{
    Caller, InboxChoice, LogFormat, PasswordAlgorithm, Registration, UnknownFields, bucket_name, key_prefix,
    language, listen, log_filter, logo, network, path, product_name, word,
};
use ipnet::IpNet;
use keyward_auth::policy::Verification;
use keyward_auth::tokens::Algorithm;
use keyward_mail::{Colour, Sender, SmtpUrl};
use keyward_store::redis::RedisUrl;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A row of the table, for those who look at all keys alike.
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) section: &'static str,
    pub(super) section_meaning: &'static [&'static str],
    pub(super) meaning: &'static [&'static str],
    pub(super) accepts: String,
    /// As it would be written; empty where nothing is.
    pub(super) default: &'static str,
    /// The name in the environment that other services use too.
    pub(super) plain: &'static [&'static str],
    pub(super) shape: Shape,
    pub(super) secrecy: Secrecy,
}

impl Key {
    /// `KEYWARD_SERVER_LISTEN` of `server.listen`.
    pub(super) fn variable(&self) -> String {
        format!("KEYWARD_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}

/// Completes a row with what its reader says.
fn key_of<R: Reader>(reader: &R, mut key: Key) -> Key {
    key.accepts = reader.accepts();
    key.shape = R::SHAPE;
    key.secrecy = R::SECRECY;
    key
}

/// `key: Type = default, reader [, or PLAIN_NAME | ANOTHER];` in sections; the comments are the meanings that people read.
macro_rules! settings {
    ($( $(#[doc = $about:literal])* $section:ident: $Section:ident {
        $( $(#[doc = $meaning:literal])* $key:ident: $Type:ty = $default:literal, $reader:expr $(, or $($plain:literal)|+)?; )*
    } )*) => {
        /// What the binary runs with, every value checked.
        #[derive(Debug, Clone)]
        pub struct Config {
            $( $(#[doc = $about])* pub $section: $Section, )*
            /// Each key with the value and where that came from; secrets only as being set.
            pub effective: Vec<Effective>,
        }

        $( $(#[doc = $about])* #[derive(Debug, Clone)]
        pub struct $Section { $( $(#[doc = $meaning])* pub $key: $Type, )* } )*

        impl Config {
            /// Reads all keys, also behind the first that is wrong. `None` where one was; `layers` has the problems.
            pub(super) fn read(layers: &mut Layers) -> Option<Self> {
                $( let $section = $Section::read(layers); )*
                Some(Self { $( $section: $section?, )* effective: Vec::new() })
            }
        }

        $( impl $Section {
            fn read(layers: &mut Layers) -> Option<Self> {
                $( let $key = layers.read(concat!(stringify!($section), ".", stringify!($key)), &$reader); )*
                Some(Self { $( $key: $key?, )* })
            }
        } )*

        /// The table's rows, in its order.
        pub(super) fn keys() -> Vec<Key> {
            let mut keys = Vec::new();
            $( let section_meaning = &[$($about),*];
            keys.extend([ $( key_of(&$reader, Key {
                path: concat!(stringify!($section), ".", stringify!($key)),
                section: stringify!($section),
                section_meaning,
                meaning: &[$($meaning),*],
                accepts: String::new(),
                default: $default,
                plain: &[$( $($plain),+ )?],
                shape: Shape::Text,
                secrecy: Secrecy::Open,
            }), )* ]); )*
            keys
        }
    };
}

settings! {
    /// Where the service listens and how people reach it.
    server: Server {
        /// The address to listen on; `:8000` is every address. `PORT` alone means 0.0.0.0 with that port.
        listen: SocketAddr = "127.0.0.1:8000", Parsed("an address and port", listen), or "PORT";
        /// Where people reach the service: for links, and as the issuer of tokens. Known by itself on loopback.
        public_url: Option<Origin> = "", Optional(Parsed("https://host or http://host:port", Origin::parse_public));
        /// The proxies in front, whose X-Forwarded-For and Forwarded are believed.
        trusted_proxies: Vec<IpNet> = "", Many(Parsed("an address or a range such as 10.0.0.0/8", network));
        /// How long a request may take in all.
        request_timeout: Duration = "30s", Span(SECOND, 10 * MINUTE);
        /// How long a client may take to send the header of a request.
        header_timeout: Duration = "15s", Span(SECOND, 30 * SECOND);
        /// How long requests may go on when the service is told to stop.
        shutdown_grace: Duration = "20s", Span(Duration::ZERO, 10 * MINUTE);
        /// The most connections at a time; the next ones wait.
        max_connections: usize = "10000", Count(1, 1_000_000);
    }

    /// What HTTP clients may send, and from where.
    http: Http {
        /// What becomes of a field of a JSON body that is not known.
        unknown_fields: UnknownFields = "refuse",
            Choice(&[("refuse", UnknownFields::Refuse), ("ignore", UnknownFields::Ignore)]);
        /// The origins whose pages may call from a browser (CORS). None: pages of other origins may not.
        cors_origins: Vec<Origin> = "", Many(Parsed("scheme://host or scheme://host:port", Origin::parse));
    }

    /// Where the data is kept.
    store: Store {
        /// The database: a file of SQLite (a relative path counts from the working directory), PostgreSQL, or MongoDB, whose
        /// database is `keyward` if the URL names none.
        url: StoreUrl = "sqlite:./keyward-data/keyward.db",
            Address(SHAPES, StoreUrl::parse), or "DATABASE_URL" | "MONGO_URI";
        /// The most connections to PostgreSQL or MongoDB.
        connections: usize = "20", Count(3, 1000);
        /// How long PostgreSQL or MongoDB may take for what is asked of it, waiting included; with SQLite, how long a write
        /// waits for another process that writes.
        timeout: Duration = "4s", Span(100 * MILLISECOND, MINUTE);
        /// Whether PgBouncer stands before PostgreSQL in transaction mode (`yes`).
        pgbouncer: bool = "no", Choice(&[("no", false), ("yes", true), ("false", false), ("true", true)]);
        /// How far this machine's clock may be from the database server's before the service is not ready; 0 does not look.
        clock_skew: Duration = "30s", Span(Duration::ZERO, DAY);
    }

    /// Redis, for what expires: sessions, one-time codes and the counters of limits. Without it the database keeps sessions
    /// and codes, and each process counts for itself.
    redis: RedisStore {
        /// Where it is; rediss:// is TLS.
        url: Option<RedisUrl> = "",
            Optional(Address("redis://user:password@host:port/db", RedisUrl::parse)), or "REDIS_URL";
        /// What the names of all keys begin with.
        prefix: String = "keyward", Parsed("a text without blanks", word);
        /// How long it may take for a command.
        timeout: Duration = "1s", Span(50 * MILLISECOND, 10 * SECOND);
    }

    /// Secrets. Without any, a random one is kept beside SQLite's file in `keyward.key`; a database server needs one of these.
    /// Each can be read from a file instead: append _FILE to its name in the environment.
    secrets: Secrets {
        /// What all internal keys are derived from; without it, `secrets.key` or the key file.
        master: Option<Secret> = "", Strong("KEYWARD_SECRETS_MASTER");
        /// The secret that HS256 signs with; who verifies tokens offline has it too.
        key: Option<Secret> = "", Strong("SECRET_KEY"), or "SECRET_KEY";
    }

    /// Access tokens.
    tokens: Tokens {
        /// How they are signed. With HS256 everybody who verifies a token can also make one.
        algorithm: Algorithm = "ES256", Choice(&[
            ("ES256", Algorithm::Es256), ("EdDSA", Algorithm::EdDsa),
            ("RS256", Algorithm::Rs256), ("HS256", Algorithm::Hs256),
        ]), or "ALGORITHM";
        /// The claim `iss`. By default the public URL, or `keyward` where none is known.
        issuer: Option<String> = "", Optional(Parsed("a text without blanks", word));
        /// The claim `aud`.
        audience: String = "keyward", Parsed("a text without blanks", word);
        /// The claim `client_id`.
        client_id: String = "keyward", Parsed("a text without blanks", word);
        /// How long an access token is good.
        access_ttl: Duration = "15m", Span(10 * SECOND, 24 * HOUR);
    }

    /// Sessions, which refresh tokens keep alive.
    sessions: Sessions {
        /// How long a session lives unused.
        idle: Duration = "30d", Span(10 * SECOND, 3650 * DAY);
        /// How long a session lives in all; at least as long as `idle`.
        lifetime: Duration = "180d", Span(10 * SECOND, 3650 * DAY);
        /// The most sessions of one user; a new one ends the oldest.
        per_user: usize = "100", Count(1, 10_000);
    }

    /// Passwords and how they are hashed. Hashes made otherwise stay good and are renewed at the next login.
    passwords: Passwords {
        /// With bcrypt, a password of more than 72 bytes is refused.
        algorithm: PasswordAlgorithm = "argon2id",
            Choice(&[("argon2id", PasswordAlgorithm::Argon2id), ("bcrypt", PasswordAlgorithm::Bcrypt)]);
        /// The fewest characters of a password.
        min_length: usize = "8", Count(8, 64);
        /// Memory of one Argon2id hash, in KiB.
        argon2_memory: u32 = "19456", Count(19_456, 1_048_576);
        /// Passes of Argon2id over its memory.
        argon2_passes: u32 = "2", Count(2, 16);
        /// Work factor of bcrypt; one more takes twice as long.
        bcrypt_cost: u32 = "12", Count(10, 15);
    }

    /// The machine that hashes passwords: threads of its own behind a queue.
    hashing: Hashing {
        /// How many passwords are hashed at a time; 0 is one for each core.
        threads: usize = "0", Count(0, 256);
        /// How many may wait; the next is answered 503 at once.
        queue: usize = "256", Count(1, 100_000);
        /// What all threads together may use, in MiB; fewer threads start where it is too little.
        memory: usize = "256", Count(19, 65_536);
    }

    /// Who may have an account.
    accounts: Accounts {
        /// Whether anybody may register, or only administrators make users.
        registration: Registration = "open", Choice(&[("open", Registration::Open), ("closed", Registration::Closed)]);
        /// Whether a new e-mail address counts at once (`off`), waits until it is proven (`optional`), or nobody signs in
        /// before it is (`required`). Off where there is no way to send mails.
        verification: Verification = "optional", Choice(&[
            ("off", Verification::Off), ("optional", Verification::Optional), ("required", Verification::Required),
        ]);
        /// Whether registration hides that an address has an account (`yes`): the owner is told by mail instead. Signing in
        /// tells it all the same, unless `verification` is `required`; and so does a username that was sent along, by being
        /// taken afterwards or not.
        conceal: bool = "no", Choice(&[("no", false), ("yes", true), ("false", false), ("true", true)]);
    }

    /// How mails and pages look.
    product: Product {
        /// What people call the service.
        name: String = "Keyward", Parsed("a text of 1 to 60 characters", product_name);
        /// The colour of buttons and links.
        colour: Colour = "#1f5fbf", Parsed("a colour such as #1f5fbf", Colour::parse);
        /// A picture for the head of mails.
        logo: Option<String> = "", Optional(Parsed("an https:// URL", logo));
    }

    /// How mails are sent: to a mail server, into a folder, or into the development inbox; one of them. Without any, the
    /// inbox is there while nobody but this machine reaches the service, at /dev/mail. A proxy that server.trusted_proxies
    /// names means that others do.
    mail: Mail {
        /// The mail server. smtp:// changes to TLS by STARTTLS, smtps:// is TLS from the start.
        url: Option<SmtpUrl> = "",
            Optional(Address("smtp://user:password@host:587 or smtps://user:password@host:465", SmtpUrl::parse)),
            or "SMTP_URL";
        /// A folder into which each mail is written as a file.
        folder: Option<PathBuf> = "", Optional(Parsed("the path of a folder", path));
        /// The development inbox; auto has it where there is no other way and nobody else reaches the service.
        inbox: InboxChoice = "auto", Choice(&[
            ("auto", InboxChoice::Auto), ("yes", InboxChoice::Yes), ("no", InboxChoice::No),
            ("true", InboxChoice::Yes), ("false", InboxChoice::No),
        ]);
        /// Who mails are from. By default the product's name and no-reply@ the public URL's host.
        from: Option<Sender> = "", Optional(Parsed("Name <address>, or an address", Sender::parse));
        /// Who gets the answers; by default who they are from.
        reply_to: Option<Sender> = "", Optional(Parsed("Name <address>, or an address", Sender::parse));
        /// How long a mail may take, from connecting to the server's word that it has taken it.
        timeout: Duration = "30s", Span(SECOND, 5 * MINUTE);
        /// How long mails are listed after they were sent or given up.
        keep: Duration = "30d", Span(HOUR, 3650 * DAY);
        /// A folder of templates that take the place of the built-in ones.
        templates: Option<PathBuf> = "", Optional(Parsed("the path of a folder", path));
        /// The language for whoever asks for none that there are words in.
        language: String = "en", Parsed("a language tag such as en or pt-BR", language);
    }

    /// Pictures of users: where they are kept, and how they are made. A folder is for one server; several need a bucket of
    /// S3, or of what speaks like it.
    pictures: Pictures {
        /// The folder. By default `pictures` beside SQLite's file; with PostgreSQL, ./keyward-data/pictures.
        folder: Option<PathBuf> = "", Optional(Parsed("the path of a folder", path));
        /// The bucket.
        bucket: Option<String> = "", Optional(Parsed("the name of a bucket", bucket_name)), or "S3_BUCKET";
        /// Where S3 is, if not at AWS.
        endpoint: Option<Origin> = "", Optional(Parsed("https://host or http://host:port", Origin::parse)),
            or "S3_ENDPOINT";
        /// The region. By default AWS_DEFAULT_REGION, or us-east-1.
        region: Option<String> = "", Optional(Parsed("the name of a region", word)), or "AWS_REGION";
        /// Whether the bucket's name stands in the path (`yes`) or before the host (`no`); auto is yes with an endpoint.
        path_style: Option<bool> = "auto", Choice(&[
            ("auto", None), ("yes", Some(true)), ("no", Some(false)), ("true", Some(true)), ("false", Some(false)),
        ]);
        /// What the names of all objects begin with.
        prefix: String = "", Parsed("a path such as accounts/pictures", key_prefix);
        /// The keys. Without them, the role that the machine or its container has.
        access_key_id: Option<String> = "", Optional(Parsed("the id of an access key", word)), or "AWS_ACCESS_KEY_ID";
        secret_access_key: Option<Secret> = "", Hidden("the secret of the access key"), or "AWS_SECRET_ACCESS_KEY";
        /// Only with keys that are lent for a while.
        session_token: Option<Secret> = "", Hidden("the token of a lent access key"), or "AWS_SESSION_TOKEN";
        /// How long a picture may take to be written or read, trying again included.
        timeout: Duration = "5s", Span(100 * MILLISECOND, MINUTE);
        /// How long a link to a picture is good, at most; it is at least two thirds of that.
        link_ttl: Duration = "15m", Span(MINUTE, 7 * DAY);
        /// How many pictures are painted at a time: each may need 300 MB of memory.
        threads: usize = "1", Count(1, 64);
        /// How many may wait; the next is answered 503 at once.
        queue: usize = "16", Count(1, 1000);
    }

    /// How often something may be asked for before the answer is 429. Behind a proxy, server.trusted_proxies must name it:
    /// else everybody shares the proxy's address, and with it these limits.
    limits: Limits {
        /// Multiplies every limit; for tests and measurements.
        scale: u32 = "1", Count(1, 1_000_000);
        /// Registrations from one address in an hour.
        registrations: u32 = "60", Count(1, 1_000_000);
        /// Requests from one address in a minute that hash a password or cause a mail, such as sign-ins.
        passwords: u32 = "120", Count(1, 1_000_000);
        /// Wrong passwords from one address in an hour, whoever's.
        failures: u32 = "200", Count(1, 1_000_000);
        /// Wrong passwords for one account from one network in five minutes.
        tries: u32 = "10", Count(1, 1_000_000);
        /// Wrong passwords for one account in a day; a quarter of them from one network.
        tries_per_day: u32 = "100", Count(1, 1_000_000);
        /// Mails to one address in an hour that somebody asked for.
        mails: u32 = "5", Count(1, 1_000_000);
        /// The same in a day.
        mails_per_day: u32 = "10", Count(1, 1_000_000);
        /// How often one account may set another password, or sign out everywhere, in an hour.
        endings: u32 = "10", Count(1, 1_000_000);
        /// How often one account may ask for another address in an hour.
        addresses: u32 = "10", Count(1, 1_000_000);
        /// How many pictures one account may upload in an hour.
        pictures: u32 = "30", Count(1, 1_000_000);
    }

    /// Rules about what a session may do.
    policy: Policy {
        /// How long after signing in e-mail and password may be changed without the password; 0 always asks for it.
        fresh_for: Duration = "10m", Span(Duration::ZERO, 30 * DAY);
    }

    /// Token introspection (RFC 7662).
    introspection: Introspection {
        /// Who may ask with HTTP Basic, each as name:secret.
        callers: Vec<Caller> = "", Callers;
    }

    /// The record of security events.
    audit: Audit {
        /// How long events are kept.
        keep: Duration = "365d", Span(DAY, 36_500 * DAY);
    }

    /// The log on standard error.
    log: Log {
        /// How much is said.
        level: String = "info",
            Parsed("error, warn, info, debug, trace, or directives such as info,keyward_web=debug", log_filter);
        /// Pretty for people, JSON for machines; auto is pretty on a terminal.
        format: LogFormat = "auto",
            Choice(&[("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]);
    }
}
