//! PostgreSQL gone, silent, slow, locked, read-only: 503 in time, nothing wrong, and back without a restart.

use super::database::outage;
use super::*;
use crate::app::{Setup, TestClock, all, get, post};
use crate::stores::{Kind, Place, Proxy};
use serde_json::json;
use std::path::PathBuf;

async fn behind_proxy(prepare: impl FnOnce(Setup) -> Setup) -> (TestApp, Proxy) {
    database::behind_proxy(Kind::Postgres, prepare).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_database_that_is_gone_is_a_503_and_comes_back() {
    database::gone(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_what_was_on_its_way_when_the_line_broke_is_not_claimed() {
    database::broken(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_database_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_not() {
    database::slow(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_database_that_can_only_be_read_is_a_503_and_comes_back() {
    let (app, _proxy) = behind_proxy(|setup| setup).await;
    let load = Load::on(&app).await;
    let name = app.rows("SELECT current_database()").await.remove(0);
    let read_only = |how: &str| format!("ALTER DATABASE {name} {how}");
    let everybody_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let begin = async || {
        app.execute(&read_only("SET default_transaction_read_only = on")).await;
        app.execute(everybody_out).await;
    };
    outage(&app, &load, begin, async || app.execute(&read_only("RESET ALL")).await).await;
    load.end(&app, ANSWER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_when_every_connection_waits_the_next_are_refused_in_time_and_reads_go_on() {
    let (app, _proxy) = behind_proxy(|setup| setup.set("store.connections", "4")).await;
    let ada = app.signed_in("ada").await;
    let lock = app.place().hold("LOCK TABLE keyward_users IN EXCLUSIVE MODE").await;
    let register = |number: usize| {
        let body = json!({"email": format!("late{number}@example.com"), "password": "a long enough one"});
        post("/auth/register").json(body)
    };
    let waiting = all((0..40).map(|number| {
        let (sender, request) = (app.sender(), register(number));
        async move {
            let begun = Instant::now();
            (sender.send(&request).await, begun.elapsed())
        }
    }));
    let reading = async {
        // The writers fill the pool by now and for some seconds more.
        for _ in 0..20 {
            let (reply, took) = timed(&app, &ada.by(get("/users/me"))).await;
            reply.must(200);
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
    };
    let (waited, ()) = tokio::join!(waiting, reading);
    for (reply, took) in waited {
        assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{reply}");
        assert!(took < ANSWER, "{took:?}");
    }
    drop(lock);
    until("readiness", BACK, async || is_ready(&app).await).await;
    assert_eq!(app.count("keyward_users").await, 1, "what was refused has not happened");
    app.send(&register(0)).await.must(201);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_07_readiness_says_that_the_clocks_are_apart() {
    let place = Place::empty(Kind::Postgres, PathBuf::new()).await;
    let app = TestApp::on(place, |setup| setup.set("store.clock_skew", "30s")).await;
    let now = app.rows("SELECT CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)").await.remove(0);
    let now: i64 = now.parse().unwrap();
    for (seconds, status) in [(0, 200), (20, 200), (-20, 200), (40, 503), (-40, 503), (300, 503)] {
        let node = app.second_node_at(TestClock::at((now + seconds) * 1_000_000)).await;
        let reply = node.send(&get("/health/ready")).await.must(status);
        if status == 503 {
            assert!(reply.text("detail").contains("clocks of postgres"), "{seconds}: {reply}");
        }
    }
}
