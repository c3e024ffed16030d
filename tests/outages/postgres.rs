//! PostgreSQL gone, silent, slow, locked, read-only: 503 in time, nothing wrong, and back without a restart.

use super::*;
use crate::app::{Setup, TestClock, all, get, post};
use crate::stores::{Kind, Place, Proxy, through_proxy};
use serde_json::json;
use std::path::PathBuf;

/// The service on PostgreSQL behind a proxy.
async fn behind_proxy(prepare: impl FnOnce(Setup) -> Setup) -> (TestApp, Proxy) {
    let place = Place::empty(Kind::Postgres, PathBuf::new()).await;
    let (_, url) = place.settings().into_iter().find(|(key, _)| *key == "store.url").unwrap();
    let (proxy, url) = through_proxy(&url);
    (TestApp::on(place, |setup| prepare(setup.set("store.url", &url))).await, proxy)
}

async fn lasts(begun: Instant) {
    until("the end of the outage", 2 * OUTAGE, async || begun.elapsed() > OUTAGE).await;
}

/// Everybody is refused in time for as long as this lasts, and served soon after.
async fn outage(app: &TestApp, load: &Load, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    let begun = Instant::now();
    begin().await;
    load.all_refused().await;
    let (status, detail) = readiness(app).await;
    assert!(status == 503 && detail == "postgres does not answer, or cannot be written", "{status} {detail}");
    app.anonymous().get("/health/live").await.must(200);
    app.anonymous().get("/openapi.json").await.must(200);
    lasts(begun).await;
    load.all_refused().await;
    end().await;
    let back = load.all_served().await;
    assert!(is_ready(app).await, "everybody was served after {back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_database_that_is_gone_is_a_503_and_comes_back() {
    let (app, proxy) = behind_proxy(|setup| setup).await;
    let load = Load::on(&app).await;
    outage(&app, &load, async || proxy.vanish(), async || proxy.restore()).await;
    outage(&app, &load, async || proxy.silence(), async || proxy.restore()).await;
    load.end(&app, ANSWER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_what_was_on_its_way_when_the_line_broke_is_not_claimed() {
    let (app, proxy) = behind_proxy(|setup| setup).await;
    let load = Load::on(&app).await;
    // Everything is on its way for some time, and most of what breaks breaks there.
    proxy.delay(Duration::from_millis(5));
    for count in 0..30 {
        load.served(Habit::Registers, 2 + count % 3).await;
        proxy.cut();
    }
    proxy.restore();
    load.all_served().await;
    load.end(&app, ANSWER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn f_02_a_database_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_not() {
    let (app, proxy) = behind_proxy(|setup| setup.set("store.timeout", "2s")).await;
    let load = Load::on(&app).await;
    // There and back: a tenth of a second for each question.
    proxy.delay(Duration::from_millis(50));
    for _ in 0..2 {
        load.all_served().await;
    }
    until("readiness", BACK, async || is_ready(&app).await).await;
    outage(&app, &load, async || proxy.delay(Duration::from_millis(1100)), async || proxy.restore()).await;
    load.end(&app, ANSWER).await;
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
