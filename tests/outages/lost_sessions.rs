//! A Redis that forgot everything, or came back as it was some time ago. What ended all of a user's sessions stands in
//! the main store and is not undone. What ended a single one is as durable as Redis is set to be.

use super::*;
use crate::app::{Person, post};
use crate::stores::{OwnRedis, Place};
use serde_json::json;

async fn beside(redis: &OwnRedis) -> TestApp {
    TestApp::on(Place::with_redis(&redis.url()).await, |setup| setup).await
}

async fn is_out(person: &Person) {
    assert_eq!(person.me().await, 401, "{}", person.email);
    person.refreshes().await.must(401);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_an_emptied_redis_ends_sessions_and_loses_nothing_else() {
    let mut redis = OwnRedis::start(&[]);
    let app = beside(&redis).await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    ada.put("/users/me", json!({"first_name": "Ada"})).await.must(200);
    let keys = app.anonymous().get("/.well-known/jwks.json").await.json();
    let database = async || {
        let tables = ["keyward_users", "keyward_keys", "keyward_guards", "keyward_events"];
        let sql: Vec<String> = tables.iter().map(|table| format!("SELECT * FROM {table}")).collect();
        let mut rows = Vec::new();
        for sql in &sql {
            rows.push(app.rows(sql).await);
        }
        rows
    };
    for restarted in [false, true] {
        let before = database().await;
        if restarted {
            redis.kill();
            redis.go_on();
            until("readiness", BACK, async || is_ready(&app).await).await;
        } else {
            redis.tell(&["FLUSHALL"]);
            redis.tell(&["SCRIPT", "FLUSH"]);
        }
        is_out(&ada).await;
        is_out(&admin).await;
        assert_eq!(database().await, before, "nothing else was touched");
        // The service is not a new one: there is an administrator.
        let link = format!("/setup/{}", app.keyward.setup.expose());
        assert_eq!(app.anonymous().get(&link).await.status, 404);
        let (ada, admin) = (app.again(&ada).await, app.again(&admin).await);
        assert_eq!(ada.get("/users/me").await.must(200).text("first_name"), "Ada");
        admin.get("/users").await.must(200);
        assert_eq!(app.anonymous().get("/.well-known/jwks.json").await.json(), keys);
        ada.refreshes().await.must(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(keyward_test_postgres, keyward_test_redis)),
    ignore = "PostgreSQL or Redis was not there when this was built"
)]
async fn f_03_a_redis_rolled_back_brings_back_nobody_whose_sessions_all_ended() {
    let mut redis = OwnRedis::start(&[]);
    let app = beside(&redis).await;
    let admin = app.admin().await;
    let names = ["everywhere", "byadmin", "changed", "edited", "disabled", "enabled", "deleted", "demoted"];
    let mut people = Vec::new();
    for name in names {
        let person = app.administrator(name).await;
        // Two sessions each; what is done is done in the second.
        people.push((name, person.clone(), app.again(&person).await));
    }
    let (single, refreshed) = (app.signed_in("single").await, app.signed_in("refreshed").await);
    redis.tell(&["SAVE"]);

    for (name, person, acting) in &people {
        let path = format!("/users/{}", person.id);
        match *name {
            "everywhere" => acting.post("/auth/logout", json!({"everywhere": true})).await.must(204),
            "byadmin" => admin.post(&format!("{path}/logout"), json!({})).await.must(204),
            "changed" => {
                let change = json!({"current_password": person.password, "password": "another secret"});
                acting.post("/auth/password/change", change).await.must(200)
            }
            "edited" => acting.put("/users/me", json!({"password": "another secret"})).await.must(200),
            "disabled" => admin.patch(&path, json!({"status": "disabled"})).await.must(200),
            "enabled" => {
                admin.patch(&path, json!({"status": "disabled"})).await.must(200);
                admin.patch(&path, json!({"status": "active"})).await.must(200)
            }
            "deleted" => admin.delete(&path).await.must(204),
            _ => admin.patch(&path, json!({"roles": ["user"]})).await.must(200),
        };
    }
    single.send(post("/auth/logout")).await.must(204);
    let newer = refreshed.with(&refreshed.refreshes().await.must(200));
    redis.kill();
    redis.go_on();
    until("readiness", BACK, async || is_ready(&app).await).await;

    for (name, person, acting) in &people {
        match *name {
            // Signed in still, and no more than what the user's row says.
            "demoted" => {
                assert_eq!((person.me().await, person.get("/users").await.status), (200, 403));
                continue;
            }
            // The one that changed the password was kept, and is.
            "edited" => assert_eq!(acting.me().await, 200),
            _ => is_out(acting).await,
        }
        is_out(person).await;
    }
    // Documented: as durable as Redis is set to be.
    assert_eq!(single.me().await, 200);
    // A token that is newer than what Redis knows: there are two who say they are this session, so it ends.
    newer.refreshes().await.must(401);
    is_out(&refreshed).await;
    assert_eq!(app.noted("refresh_token_reused").await, 1);
}
