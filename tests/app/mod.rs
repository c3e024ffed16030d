//! The service under test: the real wiring on a real socket, in an empty place on the chosen store, in a world that a test
//! can move. It ends with the test, and no panic of the product goes unnoticed.

mod client;
mod contract;
mod jwt;
mod mails;
mod people;
mod raw;
mod rows;
mod world;

pub(crate) use client::{Reply, Request, delete, get, patch, post, put, request};
pub(crate) use jwt::{BASE64, Jwt, hs};
pub(crate) use mails::{InboxMail, shown};
pub(crate) use people::{Person, address, password};
pub(crate) use raw::{announce, exchange};
pub(crate) use world::{TestClock, TestHasher};

use crate::stores::{Kind, Place};
use client::Wire;
use keyward::config::{Config, PicturePlace, Sources};
use keyward::wiring::{self, World};
use keyward_auth::Keyward;
use keyward_auth::outside::Painter;
use keyward_auth::records::Counters;
use mails::Inboxes;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use world::TestRandom;

pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) hasher: Arc<TestHasher>,
    pub(crate) keyward: Arc<Keyward>,
    wire: Arc<Wire>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    ground: Arc<Ground>,
}

/// What all nodes of one test stand on.
struct Ground {
    config: Config,
    clock: Arc<TestClock>,
    nodes: AtomicU64,
    inboxes: Inboxes,
    place: Place,
    _folder: TempDir,
}

/// Where people reach a service that sends mails.
pub(crate) const PUBLIC: &str = "https://accounts.example.com";

/// What a test may choose before the start.
#[derive(Default)]
pub(crate) struct Setup {
    env: Vec<(String, String)>,
    real_hashing: bool,
    counters: Option<Arc<dyn Counters>>,
    painter: Option<Arc<dyn Painter>>,
    clock: Option<Arc<TestClock>>,
}

impl Setup {
    /// A key of the configuration, by its path; given as the environment would, since secrets are no flags.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.env.push((format!("KEYWARD_{}", key.replace('.', "_").to_uppercase()), value.to_owned()));
        self
    }

    /// The limits on rates and tries as they are shipped.
    pub(crate) fn limits_as_shipped(self) -> Self {
        self.set("limits.scale", "1")
    }

    /// Mails go to this mail server, and links lead to [`PUBLIC`].
    pub(crate) fn by_smtp(self, url: &str) -> Self {
        self.set("mail.url", url).set("server.public_url", PUBLIC)
    }

    /// Behind these proxies; with the inbox, which is there by itself only without any.
    pub(crate) fn behind(self, proxies: &str) -> Self {
        self.set("server.trusted_proxies", proxies).set("mail.inbox", "yes")
    }

    /// Other counters than the wiring's.
    pub(crate) fn counters(mut self, counters: impl Counters + 'static) -> Self {
        self.counters = Some(Arc::new(counters));
        self
    }

    /// Another painter than the wiring's.
    pub(crate) fn painter(mut self, painter: Arc<dyn Painter>) -> Self {
        self.painter = Some(painter);
        self
    }

    /// Stands still at another moment than the one of all tests; its other nodes do, too.
    pub(crate) fn clock(mut self, clock: TestClock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Argon2id or bcrypt as configured, where the hash itself is what is tested.
    pub(crate) fn real_hashing(mut self) -> Self {
        self.real_hashing = true;
        self
    }
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(|setup| setup).await
    }

    pub(crate) async fn with(prepare: impl FnOnce(Setup) -> Setup) -> Self {
        let (ground, setup) = Self::ground(prepare).await;
        Self::node(ground, setup).await
    }

    /// In a place that the test has made.
    pub(crate) async fn on(place: Place, prepare: impl FnOnce(Setup) -> Setup) -> Self {
        let (ground, setup) = Self::ground_on(place, folder(), prepare);
        Self::node(ground, setup).await
    }

    /// Two servers that start at once on empty stores.
    pub(crate) async fn two_at_once(prepare: impl FnOnce(Setup) -> Setup) -> (Self, Self) {
        let (ground, _) = Self::ground(prepare).await;
        let start = || tokio::spawn(Self::node(ground.clone(), Setup::default()));
        let (one, other) = (start(), start());
        (one.await.unwrap(), other.await.unwrap())
    }

    async fn ground(prepare: impl FnOnce(Setup) -> Setup) -> (Arc<Ground>, Setup) {
        let folder = folder();
        let place = Place::empty(Kind::chosen(), folder.path().join("keyward.db")).await;
        let patience = place.patience();
        Self::ground_on(place, folder, |setup| {
            prepare(patience.iter().fold(setup, |setup, (key, value)| setup.set(key, value)))
        })
    }

    fn ground_on(
        place: Place,
        folder: TempDir,
        prepare: impl FnOnce(Setup) -> Setup,
    ) -> (Arc<Ground>, Setup) {
        watch_for_panics();
        let given = place.settings();
        let setup = given.iter().fold(Setup::default(), |setup, (key, value)| setup.set(key, value));
        // Most tests ask for more in a moment than anybody in an hour, from one address, while the clock stands still.
        let setup = setup.set("limits.scale", "1000000");
        let setup = match place.has_s3() {
            true => setup,
            false => setup.set("pictures.folder", &folder.path().join("pictures").display().to_string()),
        };
        // The clock of a test is not that of the database.
        let setup = setup.set("store.clock_skew", "0s");
        let mut setup = prepare(setup);
        let sources = Sources { env: std::mem::take(&mut setup.env), ..Sources::default() };
        let config = Config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
        let clock = setup.clock.take().unwrap_or_else(|| Arc::new(TestClock::start()));
        let nodes = AtomicU64::new(0);
        (
            Arc::new(Ground { config, clock, nodes, inboxes: Inboxes::default(), place, _folder: folder }),
            setup,
        )
    }

    /// The folder of pictures, where they are in one.
    pub(crate) fn pictures(&self) -> Option<PathBuf> {
        match self.ground.config.picture_place() {
            PicturePlace::Folder(folder) => Some(folder),
            PicturePlace::Bucket(..) => None,
        }
    }

    /// Another server on the same stores: a service of its own, with chance of its own and the same clock.
    pub(crate) async fn second_node(&self) -> Self {
        Self::node(self.ground.clone(), Setup::default()).await
    }

    /// The same with a clock of its own.
    pub(crate) async fn second_node_at(&self, clock: TestClock) -> Self {
        Self::node(self.ground.clone(), Setup { clock: Some(Arc::new(clock)), ..Setup::default() }).await
    }

    async fn node(ground: Arc<Ground>, setup: Setup) -> Self {
        let random = Arc::new(TestRandom::of_node(ground.nodes.fetch_add(1, Ordering::SeqCst)));
        let clock = setup.clock.unwrap_or_else(|| ground.clock.clone());
        let hasher = Arc::new(TestHasher::default());
        let mut world = World { clock: clock.clone(), random, hasher: hasher.clone() };
        let config = ground.config.clone();
        if setup.real_hashing {
            world.hasher = World::real(&config).unwrap().hasher;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut opened = wiring::open(&config, address, world).await.unwrap();
        let inner = Arc::get_mut(&mut opened.keyward).unwrap();
        if let Some(counters) = setup.counters {
            inner.store.counters = counters;
        }
        if let Some(painter) = setup.painter {
            inner.painter = painter;
        }
        let keyward = opened.keyward.clone();
        let web = wiring::web(&config, address, opened);
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            wiring::serve(&config, listener, web, async { drop(stopped.await) }).await;
        });
        let wire = Arc::new(Wire::to(address));
        let (stop, server) = (Some(stop), Some(server));
        ground.inboxes.opened(address);
        Self { address, clock, hasher, keyward, wire, stop, server, ground }
    }

    /// Stops as a signal would make it stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.ground.inboxes.closed(self.address);
        self.server.take().unwrap().await.unwrap();
    }

    /// What a command beside the running service is: another opening of the same database, at the same time.
    pub(crate) async fn other_process(&self) -> Arc<Keyward> {
        let config = &self.ground.config;
        let world = World { clock: self.clock.clone(), ..World::real(config).unwrap() };
        wiring::open(config, self.address, world).await.unwrap().keyward
    }

    fn inboxes(&self) -> &Inboxes {
        &self.ground.inboxes
    }

    /// Sends a request of anybody's, and checks of the reply what every reply must have.
    pub(crate) async fn send(&self, request: &Request) -> Reply {
        self.wire.send(request).await
    }

    /// The same as a thing of its own, for tasks.
    pub(crate) fn sender(&self) -> Sender {
        Sender(self.wire.clone())
    }
}

#[derive(Clone)]
pub(crate) struct Sender(Arc<Wire>);

impl Sender {
    pub(crate) async fn send(&self, request: &Request) -> Reply {
        self.0.send(request).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.ground.inboxes.closed(self.address);
        if !std::thread::panicking() {
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "the product panicked during this run, see above");
        }
    }
}

/// Memory if there is such a place: `synchronous = FULL` makes a disk the slowest part of a test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Panics that did not come from a test itself.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn watch_for_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("", std::panic::Location::file);
            if !place.starts_with("tests/") && !place.contains("insta") {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            usual(panic);
        }));
    });
}

/// Waits for something that happens by itself soon; a condition instead of a pause.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "never so: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Runs all at once and gives what they gave, in order.
pub(crate) async fn all<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<JoinHandle<T>> = tasks.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(running.len());
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}
