//! Redis gone, frozen, full, demoted: who is signed in cannot be told then, so nobody gets in; everything else goes on.

use super::*;
use crate::app::{Person, Setup, get, patch, post, put};
use crate::stores::{OwnRedis, Place, through_proxy};
use serde_json::json;

/// What needs a session is answered within this while Redis is gone.
const QUICK: Duration = Duration::from_secs(3);

async fn beside(redis: &OwnRedis, prepare: impl FnOnce(Setup) -> Setup) -> TestApp {
    TestApp::on(Place::with_redis(&redis.url()).await, prepare).await
}

fn log_in(person: &Person, password: &str) -> Request {
    post("/auth/login").json(json!({"email": person.email, "password": password}))
}

fn refresh(person: &Person) -> Request {
    post("/auth/refresh").json(json!({"refresh_token": person.refresh}))
}

fn registration(name: &str) -> Request {
    post("/auth/register")
        .json(json!({"email": format!("{name}@example.com"), "password": "a long enough one"}))
}

/// Refused in time, for want of the store.
async fn is_503(app: &TestApp, what: &str, request: &Request) {
    let (reply, took) = timed(app, request).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "store_unavailable"), "{what}: {reply}");
    assert!(took < QUICK, "{what}: {took:?}");
}

/// Who is here while Redis fails.
struct People {
    ada: Person,
    admin: Person,
    /// Signed out, one session and all of them.
    out: Person,
    out_everywhere: Person,
}

impl People {
    async fn of(app: &TestApp) -> Self {
        let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
        let (out, out_everywhere) = (app.again(&ada).await, app.signed_in("eve").await);
        out.post("/auth/logout", json!({})).await.must(204);
        out_everywhere.post("/auth/logout", json!({"everywhere": true})).await.must(204);
        Self { ada, admin, out, out_everywhere }
    }

    /// A token that ended is good for nothing, whatever the store does.
    async fn nobody_is_back(&self, app: &TestApp) {
        for person in [&self.out, &self.out_everywhere] {
            for request in [person.by(get("/users/me")), person.by(get("/auth/check")), refresh(person)] {
                let reply = app.send(&request).await;
                assert!(matches!(reply.status, 401 | 503), "{reply}");
            }
        }
    }
}

/// Redis answers nothing, or is no place to write to: sessions cannot be told.
async fn without_redis(app: &TestApp, people: &People, name: &str) {
    let People { ada, admin, .. } = people;
    let new = json!({"email": "new@example.com", "password": "a long enough one"});
    for (what, request) in [
        ("me", ada.by(get("/users/me"))),
        ("check", ada.by(get("/auth/check"))),
        ("edit", ada.by(put("/users/me").json(json!({"first_name": "x"})))),
        ("sessions", ada.by(get("/users/me/sessions"))),
        ("refresh", refresh(ada)),
        ("sign out", ada.by(post("/auth/logout"))),
        ("sign out everywhere", ada.by(post("/auth/logout").json(json!({"everywhere": true})))),
        (
            "change",
            ada.by(post("/auth/password/change")
                .json(json!({"current_password": ada.password, "password": "another long one"}))),
        ),
        ("sign in", log_in(ada, &ada.password)),
        ("list", admin.by(get("/users"))),
        ("create", admin.by(post("/users").json(new))),
        ("disable", admin.by(patch(&format!("/users/{}", ada.id)).json(json!({"status": "disabled"})))),
    ] {
        is_503(app, &format!("{name}: {what}"), &request).await;
    }
    people.nobody_is_back(app).await;
    let (ready, took) = timed(app, &get("/health/ready")).await;
    let detail = ready.must(503).text("detail");
    assert!(detail == "redis does not answer, or cannot be written" && took < QUICK, "{detail} {took:?}");
    // What needs no session goes on.
    app.send(&registration(&format!("new{}", name.len()))).await.must(201);
    app.send(&registration("ada")).await.must(409);
    app.send(&log_in(ada, "not the password")).await.must(401);
    app.send(&get("/users/me").bearer("nonsense")).await.must(401);
    for path in ["/.well-known/jwks.json", "/health/live", "/openapi.json", "/docs"] {
        app.send(&get(path)).await.must(200);
    }
}

/// Everything works, without a restart.
async fn is_well(app: &TestApp, people: &People, name: &str) {
    let back = until("readiness", BACK, async || is_ready(app).await).await;
    let ada = &people.ada;
    assert_eq!((ada.me().await, people.admin.get("/users").await.status), (200, 200), "{name}: {back:?}");
    assert_eq!(
        ada.get("/users/me").await.text("first_name"),
        "",
        "{name}: nothing that was refused was done"
    );
    app.again(ada).await.post("/auth/logout", json!({})).await.must(204);
    people.nobody_is_back(app).await;
    assert_eq!(people.out.me().await, 401, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_redis_gone_frozen_or_demoted_lets_nobody_in_and_stops_nothing_else() {
    let mut redis = OwnRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let app = beside(&redis, |setup| setup).await;
    let people = People::of(&app).await;

    redis.kill();
    without_redis(&app, &people, "killed").await;
    redis.go_on();
    is_well(&app, &people, "killed").await;

    redis.freeze();
    without_redis(&app, &people, "frozen for a time").await;
    redis.thaw();
    is_well(&app, &people, "frozen for a time").await;

    // Of a primary that is not there, so that nothing of its data is replaced.
    redis.tell(&["REPLICAOF", "127.0.0.1", "1"]);
    // Its reads are not refused, so that the demotion is noticed at the next write.
    app.send(&log_in(&people.ada, &people.ada.password)).await.must(503);
    until("it is left", BACK, async || people.ada.me().await == 503).await;
    without_redis(&app, &people, "demoted").await;
    redis.tell(&["REPLICAOF", "NO", "ONE"]);
    is_well(&app, &people, "demoted").await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_a_full_redis_takes_no_new_session_and_keeps_those_that_are_there() {
    let redis = OwnRedis::start(&["--maxmemory-policy", "noeviction"]);
    let app = beside(&redis, |setup| setup).await;
    let people = People::of(&app).await;
    let (ada, other) = (&people.ada, app.again(&people.ada).await);
    redis.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    is_503(&app, "sign in", &log_in(ada, &ada.password)).await;
    is_503(&app, "refresh", &refresh(ada)).await;
    let (ready, _) = timed(&app, &get("/health/ready")).await;
    assert!(ready.must(503).text("detail").contains("redis"));
    assert_eq!(ada.me().await, 200);
    ada.put("/users/me", json!({"first_name": "Ada"})).await.must(200);
    other.post("/auth/logout", json!({})).await.must(204);
    assert_eq!(other.me().await, 401);
    app.send(&registration("new")).await.must(201);
    app.send(&log_in(ada, "not the password")).await.must(401);
    people.nobody_is_back(&app).await;
    ada.put("/users/me", json!({"first_name": null})).await.must(200);
    redis.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    is_well(&app, &people, "full").await;
    app.send(&refresh(ada)).await.must(200);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_without_redis_every_process_counts_and_a_right_password_is_no_try() {
    let mut redis = OwnRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let app = beside(&redis, Setup::limits_as_shipped).await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    for frozen in [false, true] {
        if frozen {
            redis.freeze()
        } else {
            redis.kill()
        }
        // As often as one may be wrong, and more.
        for _ in 0..12 {
            is_503(&app, "right", &log_in(&ada, &ada.password)).await;
        }
        let mut statuses = Vec::new();
        for _ in 0..11 {
            statuses.push(app.send(&log_in(&bob, "not the password")).await.status);
        }
        // Those of the first outage count in the process still, when it is asked for the second time.
        let expected = if frozen { vec![429; 11] } else { [vec![401; 10], vec![429]].concat() };
        assert_eq!(statuses, expected);
        if frozen {
            redis.thaw()
        } else {
            redis.go_on()
        }
        until("readiness", BACK, async || is_ready(&app).await).await;
        // The shared counters know nothing of that.
        app.send(&log_in(&ada, &ada.password)).await.must(200);
        app.send(&log_in(&bob, &bob.password)).await.must(200);
        assert_eq!((ada.me().await, bob.me().await), (200, 200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_redis_that_comes_and_goes_under_load_loses_nothing_that_was_acknowledged() {
    let mut redis = OwnRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let app = beside(&redis, |setup| setup).await;
    let load = Load::on(&app).await;
    for _ in 0..3 {
        redis.kill();
        load.some_refused().await;
        redis.go_on();
        load.all_served().await;
        redis.freeze();
        load.some_refused().await;
        redis.thaw();
        load.all_served().await;
    }
    load.end(&app, ANSWER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_a_redis_that_is_slow_or_loses_lines_mixes_nobody_up() {
    let redis = OwnRedis::start(&[]);
    let (proxy, url) = through_proxy(&redis.url());
    let app = beside(&redis, |setup| setup.set("redis.url", &url)).await;
    let load = Load::on(&app).await;
    proxy.delay(Duration::from_millis(50));
    load.all_served().await;
    for _ in 0..3 {
        // There and back takes longer than anybody waits, so answers come when nobody expects them any more.
        proxy.delay(Duration::from_millis(600));
        load.some_refused().await;
        load.some_refused().await;
        proxy.restore();
        load.all_served().await;
    }
    proxy.delay(Duration::from_millis(5));
    for count in 0..30 {
        load.served(Habit::SignsOut, 1 + count % 4).await;
        proxy.cut();
    }
    proxy.restore();
    load.all_served().await;
    load.end(&app, ANSWER).await;
}
