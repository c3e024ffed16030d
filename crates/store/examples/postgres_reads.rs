//! How many indexed reads PostgreSQL gives through this crate, and what each costs this process. To be held against
//! `pgbench -M prepared -S` on the same server:
//!
//!     KEYWARD_TEST_POSTGRES_URL=postgres://... cargo run --release -p keyward-store --example postgres_reads -- 16 10
//!
//! takes the number of tasks that read and the seconds. The database should be empty; its tables are left in place.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement by hand")]

use keyward_auth::outside::Random;
use keyward_auth::records::{Along, Session, SignIn, Store, User};
use keyward_auth::values::{Email, Metadata, Role, Roles, SessionId, Timestamp, UserId};
use keyward_store::sql::{Postgres, PostgresSettings, PostgresUrl};
use std::time::{Duration, Instant};

/// Task by task, so that none waits for the row of another.
struct Number(u64);

impl Random for Number {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(u8::try_from(self.0).unwrap());
    }
}

fn user_id(number: u64) -> UserId {
    UserId::new(NOW, &Number(number))
}

fn session_id(number: u64) -> SessionId {
    SessionId::new(NOW, &Number(number))
}

const NOW: Timestamp = Timestamp::from_micros(1_795_254_000_000_000);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap());
    let (tasks, seconds) = (arguments.next().unwrap_or(16), arguments.next().unwrap_or(10));
    let url = PostgresUrl::parse(&std::env::var("KEYWARD_TEST_POSTGRES_URL").unwrap()).unwrap();
    let timeout = Duration::from_secs(4);
    let settings = PostgresSettings { url, connections: 10, timeout, pgbouncer: false };
    let postgres = Postgres::open(&settings).await.unwrap();
    postgres.migrate(NOW).await.unwrap();
    let store = postgres.store();
    for number in 0..tasks {
        if store.users.by_id(user_id(number)).await.unwrap().is_none() {
            fill(&store, number).await;
        }
    }
    measure("read a user by id", tasks, seconds, &store, |store, number| async move {
        assert!(store.users.by_id(user_id(number)).await.unwrap().is_some());
    })
    .await;
    measure("read a session with its user", tasks, seconds, &store, |store, number| async move {
        let both = store.sessions.with_user(session_id(number), user_id(number)).await.unwrap();
        assert!(both.is_some());
    })
    .await;
    measure("write one row", tasks, seconds, &store, |store, number| async move {
        let sign_in = SignIn { user: user_id(number), at: NOW, rehash: None };
        store.users.signed_in(&sign_in).await.unwrap();
    })
    .await;
}

async fn fill(store: &Store, number: u64) {
    let user = User {
        id: user_id(number),
        version: 1,
        username: None,
        email: Some(Email::parse(&format!("ada{number}@example.com")).unwrap()),
        email_verified_at: None,
        pending_email: None,
        first_name: None,
        last_name: None,
        locale: None,
        picture: None,
        metadata: Metadata::default(),
        roles: Roles::new([Role::user()]),
        disabled_at: None,
        password: None,
        epoch: 0,
        kept_session: None,
        undone: None,
        created_at: NOW,
        updated_at: NOW,
        last_login_at: None,
    };
    store.users.insert(&user, Along::default()).await.unwrap();
    let session = Session {
        id: session_id(number),
        user: user.id,
        epoch: 0,
        generation: 1,
        rotated_at: NOW,
        created_at: NOW,
        last_used_at: NOW,
        idle_at: NOW,
        ends_at: NOW,
        address: None,
        agent: None,
    };
    store.sessions.insert(&session, 100, &[]).await.unwrap();
}

async fn measure<R, F>(what: &str, tasks: u64, seconds: u64, store: &Store, run: R)
where
    R: Fn(Store, u64) -> F + Copy + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (begin, spent) = (Instant::now(), processor_time());
    let end = begin + Duration::from_secs(seconds);
    let work = move |store: Store, number| async move {
        let mut count = 0_u64;
        while Instant::now() < end {
            run(store.clone(), number).await;
            count += 1;
        }
        count
    };
    let handles: Vec<_> = (0..tasks).map(|number| tokio::spawn(work(store.clone(), number))).collect();
    let mut count = 0;
    for handle in handles {
        count += handle.await.unwrap();
    }
    let each = (processor_time() - spent).as_secs_f64() * 1e6 / count as f64;
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    println!("{what}: {rate:.0}/s, {each:.1} us of this process's processor time each");
}

/// What this process has used, of Linux's 100 ticks a second.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
