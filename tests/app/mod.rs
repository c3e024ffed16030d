//! The service under test: the real wiring on a real socket and a database in a folder of its own, in a world that a
//! test can move. It ends with the test, and no panic of the product goes unnoticed.

mod client;
mod contract;
mod jwt;
mod people;
mod raw;
mod rows;
mod world;

pub(crate) use client::{Reply, Request, delete, get, patch, post, put, request};
pub(crate) use jwt::{BASE64, Jwt, hs};
pub(crate) use people::Person;
pub(crate) use raw::{announce, exchange};
pub(crate) use world::{TestClock, TestHasher};

use client::Wire;
use keyward::config::{Config, Sources};
use keyward::wiring::{self, World};
use keyward_auth::Keyward;
use keyward_auth::records::Counters;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    config: Config,
    wire: Arc<Wire>,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// What a test may choose before the start.
#[derive(Default)]
pub(crate) struct Setup {
    env: Vec<(String, String)>,
    real_hashing: bool,
    counters: Option<Arc<dyn Counters>>,
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

    /// Other counters than the wiring's.
    pub(crate) fn counters(mut self, counters: impl Counters + 'static) -> Self {
        self.counters = Some(Arc::new(counters));
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
        watch_for_panics();
        let folder = folder();
        let database = format!("sqlite:{}", folder.path().join("keyward.db").display());
        // Most tests ask for more in a moment than anybody in an hour, from one address, while the clock stands still.
        let setup = Setup::default().set("store.url", &database).set("limits.scale", "1000000");
        let setup = prepare(setup);
        let sources = Sources { env: setup.env, ..Sources::default() };
        let config = Config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));

        let clock = Arc::new(TestClock::start());
        let hasher = Arc::new(TestHasher::default());
        let mut world =
            World { clock: clock.clone(), random: Arc::new(TestRandom::seeded()), hasher: hasher.clone() };
        if setup.real_hashing {
            world.hasher = World::real(&config).unwrap().hasher;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut keyward = wiring::open(&config, address, world).await.unwrap();
        if let Some(counters) = setup.counters {
            Arc::get_mut(&mut keyward).unwrap().store.counters = counters;
        }
        let web = wiring::web(&config, address, keyward.clone());
        let (stop, stopped) = oneshot::channel();
        let serving = config.clone();
        let server = tokio::spawn(async move {
            wiring::serve(&serving, listener, web, async { drop(stopped.await) }).await;
        });
        let wire = Arc::new(Wire::to(address));
        let (stop, server) = (Some(stop), Some(server));
        Self { address, clock, hasher, keyward, config, wire, folder, stop, server }
    }

    /// Stops as a signal would make it stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.server.take().unwrap().await.unwrap();
    }

    /// What a command beside the running service is: another opening of the same database, at the same time.
    pub(crate) async fn other_process(&self) -> Arc<Keyward> {
        let world = World { clock: self.clock.clone(), ..World::real(&self.config).unwrap() };
        wiring::open(&self.config, self.address, world).await.unwrap()
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
        if !std::thread::panicking() {
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "the product panicked during this run, see above");
        }
    }
}

/// Memory if there is such a place: `synchronous = FULL` makes a disk the slowest part of a test.
fn folder() -> TempDir {
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
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never so: {what}");
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
