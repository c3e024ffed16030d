//! What the hashing machine promises to flows, with parameters that are cheap.

use super::memory::{Budget, Memory};
use super::pool::Workers;
use super::*;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

const CHEAP: HashSettings = HashSettings {
    algorithm: HashAlgorithm::Argon2id,
    memory_kib: 64,
    passes: 1,
    bcrypt_cost: 4,
    threads: 2,
    queue: 8,
    memory_budget_mib: 1,
};

fn settings(algorithm: HashAlgorithm) -> HashSettings {
    HashSettings { algorithm, ..CHEAP }
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::stored(text.into())
}

#[tokio::test]
async fn right_wrong_and_nobody() {
    for (algorithm, start) in
        [(HashAlgorithm::Argon2id, "$argon2id$v=19$m=64,t=1,p=1$"), (HashAlgorithm::Bcrypt, "$2b$04$")]
    {
        let pool = HashPool::new(&settings(algorithm)).unwrap();
        let hash = pool.hash(&password("tr\u{e4}nen und salz")).await.unwrap();
        assert!(hash.expose().starts_with(start), "{}", hash.expose());
        assert_ne!(pool.hash(&password("tr\u{e4}nen und salz")).await.unwrap(), hash, "salts differ");
        for (text, hash, verdict) in [
            ("tr\u{e4}nen und salz", Some(&hash), Verdict::Right),
            ("tr\u{e4}nen und salz ", Some(&hash), Verdict::Wrong),
            ("Tr\u{e4}nen und salz", Some(&hash), Verdict::Wrong),
            ("tr\u{e4}nen und salz", None, Verdict::Wrong),
        ] {
            assert_eq!(pool.verify(&password(text), hash).await, Ok(verdict), "{text}");
        }
    }
}

#[tokio::test]
async fn another_algorithm_or_other_parameters_are_outdated() {
    let variants = [
        CHEAP,
        HashSettings { memory_kib: 128, ..CHEAP },
        HashSettings { passes: 2, ..CHEAP },
        settings(HashAlgorithm::Bcrypt),
        HashSettings { bcrypt_cost: 5, ..settings(HashAlgorithm::Bcrypt) },
    ];
    let secret = password("correct horse battery");
    for (i, old) in variants.iter().enumerate() {
        let hash = HashPool::new(old).unwrap().hash(&secret).await.unwrap();
        for (j, new) in variants.iter().enumerate() {
            let pool = HashPool::new(new).unwrap();
            let right = if i == j { Verdict::Right } else { Verdict::RightButOutdated };
            assert_eq!(pool.verify(&secret, Some(&hash)).await, Ok(right), "{i} under {j}");
            assert_eq!(pool.verify(&password("another one"), Some(&hash)).await, Ok(Verdict::Wrong));
        }
    }
}

/// Vectors of the reference implementations: Argon2's `test.c`, and bcrypt's of OpenBSD and crypt_blowfish.
#[tokio::test]
async fn hashes_of_others_are_verified() {
    let pool = HashPool::new(&HashSettings { memory_budget_mib: 80, ..CHEAP }).unwrap();
    for (text, hash) in [
        (
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ),
        ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
        ("password", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
        ("password", "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ] {
        assert_eq!(
            pool.verify(&password(text), Some(&stored(hash))).await,
            Ok(Verdict::RightButOutdated),
            "{hash}"
        );
        assert_eq!(
            pool.verify(&password("passwort"), Some(&stored(hash))).await,
            Ok(Verdict::Wrong),
            "{hash}"
        );
    }
}

#[tokio::test]
async fn what_is_no_hash_or_asks_for_too_much_verifies_nothing() {
    let salt_and_hash = "c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    let mut texts: Vec<String> = [
        "",
        "$",
        "plain",
        "$argon2id",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=1,p=1",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
        "$argon2id$v=99$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAA",
        "$argon9$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAA",
        "$2b$",
        "$2b$04$",
        "\u{1F511}",
        "$argon2\u{e9}",
        "$2b$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$00$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$0\u{e9}CCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$1$abc$0123456789",
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
    ]
    .map(Into::into)
    .into();
    for parameters in [
        "m=4294967295,t=1,p=1",
        "m=64,t=4294967295,p=1",
        "m=64,t=17,p=1",
        "m=8192,t=1,p=9",
        "m=0,t=0,p=0",
        "m=-1,t=1,p=1",
        "m=2048,t=1,p=1",
    ] {
        texts.push(format!("$argon2id$v=19${parameters}${salt_and_hash}"));
    }
    texts.push("\u{e9}".repeat(30));
    texts.push("$".repeat(100_000));
    for algorithm in [HashAlgorithm::Argon2id, HashAlgorithm::Bcrypt] {
        let pool = HashPool::new(&settings(algorithm)).unwrap();
        for text in &texts {
            let verdict = pool.verify(&password("password"), Some(&stored(text))).await;
            assert_eq!(verdict, Ok(Verdict::Wrong), "{text:.60}");
        }
    }
}

/// An account that does not exist, or whose hash is broken, takes the very same work as one that does.
#[test]
fn nothing_to_compare_with_costs_one_hash() {
    for (scheme, work) in [
        (Scheme::Argon2id(Params::new(64, 2, 1, None).unwrap()), "Argon2, 64 KiB, 2 passes"),
        (Scheme::Bcrypt { cost: 4 }, "bcrypt, cost 4"),
    ] {
        let mut memory = Memory::new(Budget::new(64, 1, 1024));
        let hash = scheme.hash(b"password", &mut memory).unwrap();
        for hash in [
            Some(hash.as_str()),
            None,
            Some("garbage"),
            Some("$argon2id$v=19$m=9999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA"),
        ] {
            algorithms::DONE.take();
            assert_eq!(scheme.verify(b"not the password", hash, &mut memory), Verdict::Wrong);
            assert_eq!(algorithms::DONE.take(), [work], "{hash:?}");
        }
    }
}

#[tokio::test]
async fn bcrypt_never_cuts() {
    let pool = HashPool::new(&settings(HashAlgorithm::Bcrypt)).unwrap();
    assert_eq!(pool.most_bytes(), 72);
    assert_eq!(HashPool::new(&CHEAP).unwrap().most_bytes(), Password::MOST_BYTES);
    let longest = "a".repeat(72);
    let hash = pool.hash(&password(&longest)).await.unwrap();
    assert_eq!(pool.verify(&password(&longest), Some(&hash)).await, Ok(Verdict::Right));
    for longer in [format!("{longest}a"), format!("{longest}{longest}")] {
        assert_eq!(pool.verify(&password(&longer), Some(&hash)).await, Ok(Verdict::Wrong));
        assert_eq!(
            pool.hash(&password(&longer)).await,
            Err(Busy),
            "refused, whoever forgot to ask `most_bytes`"
        );
    }
}

/// A pool of one thread, held until the sender is dropped.
fn held(places: usize) -> (Arc<Workers>, mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Busy>>) {
    let workers = Arc::new(Workers::start(1, places, &Budget::new(8, 1, 8)).unwrap());
    let (release, released) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel();
    let first = tokio::spawn({
        let workers = workers.clone();
        async move {
            workers
                .run(move |_| {
                    began.send(()).unwrap();
                    let _ = released.recv();
                })
                .await
        }
    });
    tokio::task::block_in_place(|| begun.recv().unwrap());
    (workers, release, first)
}

/// Polls once: what is submitted now waits in the queue.
async fn queue_up<T>(mut work: Pin<&mut impl Future<Output = T>>) {
    let pending = poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await;
    assert!(pending);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_busy_at_once() {
    let (workers, release, first) = held(2);
    let mut waiting = Vec::new();
    for number in 0..2 {
        let mut work = Box::pin({
            let workers = workers.clone();
            async move { workers.run(move |_| number).await }
        });
        queue_up(work.as_mut()).await;
        waiting.push(work);
    }
    assert_eq!(workers.run(|_| 9).await, Err(Busy));
    drop(release);
    first.await.unwrap().unwrap();
    for (number, work) in waiting.into_iter().enumerate() {
        assert_eq!(work.await, Ok(number));
    }
    assert_eq!(workers.run(|_| 9).await, Ok(9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_nobody_waits_for_is_skipped() {
    let (workers, release, first) = held(2);
    let (ran, observed) = mpsc::channel();
    let mut work = Box::pin(workers.run(move |_| ran.send(()).unwrap()));
    queue_up(work.as_mut()).await;
    drop(work);
    drop(release);
    first.await.unwrap().unwrap();
    assert_eq!(workers.run(|_| 1).await, Ok(1));
    assert!(observed.try_recv().is_err());
}

#[tokio::test]
async fn a_panic_takes_nobody_with_it() {
    let workers = Workers::start(1, 4, &Budget::new(8, 1, 8)).unwrap();
    assert_eq!(workers.run(|_| panic!("as the test wants it")).await, Err::<(), _>(Busy));
    assert_eq!(workers.run(|_| 7).await, Ok(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_pool_ends_its_threads() {
    struct Alive(#[expect(dead_code, reason = "dropped with the thread's memory")] mpsc::Sender<()>);
    thread_local!(static GUARD: std::cell::RefCell<Option<Alive>> = const { std::cell::RefCell::new(None) });
    let workers = Workers::start(1, 4, &Budget::new(8, 1, 8)).unwrap();
    let (alive, ended) = mpsc::channel();
    workers.run(move |_| GUARD.with(|guard| *guard.borrow_mut() = Some(Alive(alive)))).await.unwrap();
    drop(workers);
    let end = tokio::task::block_in_place(|| ended.recv_timeout(Duration::from_secs(10)));
    assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn threads_have_a_name_and_a_lower_priority() {
    let workers = Workers::start(1, 4, &Budget::new(8, 1, 8)).unwrap();
    let stat = workers.run(|_| std::fs::read_to_string("/proc/thread-self/stat").unwrap()).await.unwrap();
    let (before, after) = stat.rsplit_once(')').unwrap();
    assert!(before.ends_with("(hash-0"), "{stat}");
    // proc_pid_stat(5): field 19 is nice; the first after the name is field 3.
    let nice: i32 = after.split_whitespace().nth(16).unwrap().parse().unwrap();
    assert!(nice >= 10, "{nice}");
}
