//! MongoDB: one file for each record, under the names that they have in `sql`, and documents that a person can read in a
//! shell. Every intention is one atomic write on one document. There are no transactions: what goes along with a change
//! waits inside the document that changes ([`along`]), and the guard of administrators takes three ([`guard`]).

mod along;
mod audit;
mod codes;
mod document;
mod documents;
mod guard;
mod keys;
mod leases;
mod leftovers;
mod mails;
mod open_error;
mod schema;
mod sessions;
mod shapes;
mod trouble;
mod url;
mod users;

pub use open_error::OpenError;
pub use url::MongoUrl;

use crate::MigrationStatus;
use crate::memory;
use async_trait::async_trait;
use documents::Documents;
use keyward_auth::records::{Part, Store, StoreError};
use keyward_auth::values::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use trouble::Trouble;

const USERS: &str = "keyward_users";
const SESSIONS: &str = "keyward_sessions";
const CODES: &str = "keyward_codes";
const MAILS: &str = "keyward_mails";
const EVENTS: &str = "keyward_events";
const KEYS: &str = "keyward_keys";
const LEASES: &str = "keyward_leases";
const LEFTOVERS: &str = "keyward_leftovers";
const GUARDS: &str = "keyward_guards";
const SCHEMA: &str = "keyward_schema";

/// The oldest version that is asked of a server: updates by pipeline, and any key in a document.
const OLDEST: i32 = 5;
/// How long anything at a start may take.
const START: Duration = Duration::from_secs(5);
/// How long a connection may take to be made, and how long a server may say nothing until it is looked for anew.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a start waits for the first server, so that there is time left to say why there is none.
const FAR: Duration = Duration::from_secs(3);
/// How long the only server may be away until a request is told so; it is looked for twice meanwhile.
const ALONE: Duration = Duration::from_secs(1);
/// How long making indexes may take, on collections that are large already.
const MAKING: Duration = Duration::from_secs(1800);

#[derive(Debug, Clone)]
pub struct MongoSettings {
    pub url: MongoUrl,
    /// How many at most.
    pub connections: usize,
    /// For each call, from asking for a connection to the answer.
    pub timeout: Duration,
}

/// A database of a server or a cluster, with connections to it. Clones and stores share them.
#[derive(Clone)]
pub struct Mongo {
    url: MongoUrl,
    documents: Documents,
}

impl Mongo {
    /// Connects once, so that everything that is wrong is told of now, within some seconds. The indexes may be missing: see
    /// [`migrate`](Self::migrate). Needs a tokio runtime, then and later.
    ///
    /// # Errors
    /// [`OpenError`]: one line for the operator that says what is wrong, and what to do.
    pub async fn open(settings: &MongoSettings) -> Result<Self, OpenError> {
        let url = settings.url.clone();
        let late =
            || OpenError::Unreachable { url: url.to_string(), cause: format!("no answer within {START:?}") };
        let told = |error| OpenError::of(&url, &error);
        // Here names of `mongodb+srv` are resolved.
        let options =
            timeout(START, ClientOptions::parse(&url.text)).await.map_err(|_| late())?.map_err(told)?;
        let client = Client::with_options(with_limits(options, settings)).map_err(told)?;
        let database = client.database(&url.database);
        let info = timeout(START, first(&database)).await;
        check(&url, &info.map_err(|_| late())?.map_err(told)?)?;
        // Not everything needs to be signed in for, but this does.
        let asked = timeout(START, database.collection::<Document>(SCHEMA).find_one(doc! {})).await;
        asked.map_err(|_| late())?.map_err(told)?;
        Ok(Self { url, documents: Documents::new(database, settings.timeout) })
    }

    /// The one step there is, made or to be made. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError::Newer`] if a newer Keyward made it.
    pub async fn status(&self) -> Result<Vec<MigrationStatus>, OpenError> {
        let made = schema::made(&self.documents, &self.url).await?;
        let at = |(version, at): (i64, String)| {
            (version == schema::VERSION).then(|| document::read_time(&at)).flatten()
        };
        Ok(vec![step(made.and_then(at))])
    }

    /// Makes collections, indexes and the guard where they are missing, and mends what a crash has left. Safe beside others
    /// that do so, or serve. Returns what was made for the first time, with `now` for its time.
    ///
    /// # Errors
    /// As [`status`](Self::status); and [`OpenError::NoRight`] if the user may not make indexes.
    pub async fn migrate(&self, now: Timestamp) -> Result<Vec<MigrationStatus>, OpenError> {
        let made = schema::made(&self.documents, &self.url).await?;
        let other = |cause: String| OpenError::Other { url: self.url.to_string(), cause };
        let making = async {
            schema::make(&self.documents, &self.url, now).await?;
            guard::prepare(&self.documents).await.map_err(|trouble| other(trouble.to_string()))?;
            guard::repair(&self.documents).await.map_err(|error| other(error.to_string()))?;
            along::drain_all(&self.documents).await.map_err(|error| other(error.to_string()))
        };
        timeout(MAKING, making).await.map_err(|_| other(format!("not done within {MAKING:?}")))??;
        let is_new = made.is_none_or(|(version, _)| version < schema::VERSION);
        Ok(if is_new { vec![step(Some(now))] } else { Vec::new() })
    }

    /// The records, all kept here but the counters, which are this process's own. Needs what [`migrate`](Self::migrate) makes.
    pub fn store(&self) -> Store {
        let documents = || self.documents.clone();
        Store {
            users: Arc::new(users::Users(documents())),
            sessions: Arc::new(sessions::Sessions(documents())),
            keys: Arc::new(keys::Keys(documents())),
            audit: Arc::new(audit::Audit(documents())),
            leases: Arc::new(leases::Leases(documents())),
            counters: Arc::new(memory::Counters::default()),
            codes: Arc::new(codes::Codes(documents())),
            mails: Arc::new(mails::Mails(documents())),
            leftovers: Arc::new(leftovers::Leftovers(documents())),
            parts: vec![Arc::new(Server(documents()))],
        }
    }
}

fn step(applied_at: Option<Timestamp>) -> MigrationStatus {
    MigrationStatus { version: schema::VERSION, name: "collections".into(), applied_at }
}

/// What the URL may not set otherwise: a write is durable when it is answered, and nothing is waited for without an end.
fn with_limits(mut options: ClientOptions, settings: &MongoSettings) -> ClientOptions {
    options.app_name.get_or_insert_with(|| "keyward".into());
    options.connect_timeout = Some(CONNECT);
    // One server that is not there is away; of several, another may take over.
    let is_alone = options.hosts.len() == 1 && options.repl_set_name.is_none() && !settings.url.is_srv();
    let selection = if is_alone { settings.timeout.min(ALONE) } else { settings.timeout };
    options.server_selection_timeout = Some(selection);
    options.heartbeat_freq = Some(CONNECT);
    options.max_pool_size = Some(u32::try_from(settings.connections).unwrap_or(u32::MAX).max(1));
    options.retry_writes = Some(true);
    options.retry_reads = Some(true);
    options.write_concern = Some(
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(settings.timeout).build(),
    );
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options
}

/// What the server says of itself. Until one is found: to make the first connection to a far one takes longer than a request
/// waits for it.
async fn first(database: &Database) -> Result<Document, Error> {
    let begun = Instant::now();
    loop {
        match database.run_command(doc! { "buildInfo": 1 }).await {
            Err(error)
                if matches!(*error.kind, ErrorKind::ServerSelection { .. }) && begun.elapsed() < FAR => {}
            said => return said,
        }
    }
}

fn check(url: &MongoUrl, info: &Document) -> Result<(), OpenError> {
    let major = info.get_array("versionArray").ok().and_then(|parts| parts.first().and_then(Bson::as_i32));
    if major.is_some_and(|major| major < OLDEST) {
        let version = info.get_str("version").unwrap_or("unknown").chars().take(40).collect();
        return Err(OpenError::Old { url: url.to_string(), version });
    }
    Ok(())
}

/// The database as readiness sees it.
struct Server(Documents);

/// How long readiness waits: whoever asks has little patience, and a slow answer is one.
const PROMPT: Duration = Duration::from_secs(1);

#[async_trait]
impl Part for Server {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    /// Writes a document, and asks for the time.
    async fn check(&self) -> Result<Option<Timestamp>, StoreError> {
        let both = async {
            let documents = self.0.clone();
            let asking = async move {
                leases::touch(&documents).await?;
                Ok(documents.database().run_command(doc! { "hello": 1 }).await.map_err(Trouble::from)?)
            };
            let told = self.0.whole(asking).await?;
            let time = told.get_datetime("localTime").ok();
            Ok(time.map(|time| Timestamp::from_micros(time.timestamp_millis().saturating_mul(1000))))
        };
        let late = |_| StoreError::Backend(format!("mongodb: no answer within {} s", PROMPT.as_secs()));
        timeout(PROMPT, both).await.map_err(late)?
    }
}
