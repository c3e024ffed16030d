//! The first administrator, and the last.

use crate::app::{Person, TestApp, all, delete, get, patch, post, put};
use serde_json::json;

async fn members(app: &TestApp) -> usize {
    let counted = app
        .rows("SELECT count(*) FROM keyward_users WHERE roles LIKE '% admin %' AND disabled_at IS NULL")
        .await;
    let guard = app.rows("SELECT members FROM keyward_guards WHERE name = 'administrators'").await;
    assert_eq!(counted, guard, "the guard counts right");
    counted[0].parse().unwrap()
}

#[tokio::test]
async fn z_04_the_last_administrator_stays() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let ada = app.signed_in("ada").await;
    let path = format!("/users/{}", admin.id);
    for (name, request) in [
        ("demote oneself", put("/users/me").json(json!({"roles": ["user"]}))),
        ("by id", patch(&path).json(json!({"roles": []}))),
        ("by name", put("/users/adminone").json(json!({"roles": ["user"], "first_name": "x"}))),
        ("disable oneself", put("/users/me").json(json!({"status": "disabled"}))),
        ("disable by id", put(&path).json(json!({"status": "disabled"}))),
        ("delete by id", delete(&path)),
        ("delete by name", delete("/users/adminone")),
        ("delete oneself", delete("/users/me").json(json!({"password": admin.password}))),
    ] {
        app.refused(name, &admin.by(request), 409, "last_administrator", "").await;
    }
    // A disabled administrator is none that would count.
    let second = app.administrator("second").await;
    admin.patch(&format!("/users/{}", second.id), json!({"status": "disabled"})).await.must(200);
    app.refused("the other is disabled", &admin.by(delete(&path)), 409, "last_administrator", "").await;
    admin.delete(&format!("/users/{}", second.id)).await.must(204);
    app.refused("the other is gone", &admin.by(delete(&path)), 409, "last_administrator", "").await;
    // With a successor one may go.
    admin.patch(&format!("/users/{}", ada.id), json!({"roles": ["admin"]})).await.must(200);
    admin.patch("/users/me", json!({"roles": ["user"]})).await.must(200);
    assert_eq!(members(&app).await, 1);
    app.refused(
        "the successor is the last now",
        &ada.by(delete("/users/ada")),
        409,
        "last_administrator",
        "",
    )
    .await;
}

#[derive(Clone, Copy)]
enum Way {
    Demote,
    Disable,
    Delete,
    Leave,
}

async fn end(by: &Person, whom: &Person, way: Way) -> u16 {
    let path = format!("/users/{}", whom.id);
    let request = match way {
        Way::Demote => patch(&path).json(json!({"roles": ["user"]})),
        Way::Disable => patch(&path).json(json!({"status": "disabled"})),
        Way::Delete => delete(&path),
        Way::Leave => patch("/users/me").json(json!({"roles": ["user"]})),
    };
    by.send(request).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn z_04_administrators_who_end_each_other_on_two_nodes_leave_one() {
    let app = TestApp::start().await;
    let node = app.second_node().await;
    let there = |person: Person| Person { wire: node.sender(), ..person };
    for round in 0..12 {
        let mut ring = Vec::new();
        for number in 0..6 {
            ring.push(app.administrator(&format!("admin{round}-{number}")).await);
        }
        let left = members(&app).await;
        let racers = (0..6).map(|number| {
            let (by, whom) = (ring[number].clone(), ring[(number + 1) % 6].clone());
            let by = if number % 2 == 0 { by } else { there(by) };
            let way = [Way::Demote, Way::Disable, Way::Delete, Way::Leave][(number + round) % 4];
            async move { end(&by, &whom, way).await }
        });
        let statuses = all(racers).await;
        // 401 and 403: one's own end came first. 404: the other was deleted already.
        assert!(
            statuses.iter().all(|s| matches!(s, 200 | 204 | 401 | 403 | 404 | 409)),
            "round {round}: {statuses:?}"
        );
        assert!((1..=left).contains(&members(&app).await), "round {round}: {statuses:?}");
        // Two are left to each other, and exactly one of them stays.
        app.execute("UPDATE keyward_users SET roles = ' user '; UPDATE keyward_guards SET members = 0").await;
        let (a, b) = (
            app.administrator(&format!("left{round}")).await,
            app.administrator(&format!("right{round}")).await,
        );
        let way = [Way::Demote, Way::Disable, Way::Delete, Way::Leave][round % 4];
        let (to_b, to_a) = ((a.clone(), b.clone()), (there(b), a));
        let pair = [to_b, to_a].map(|(by, whom)| async move { end(&by, &whom, way).await });
        let statuses = all(pair).await;
        assert_eq!(members(&app).await, 1, "round {round}: {statuses:?}");
        app.execute("UPDATE keyward_users SET roles = ' user '; UPDATE keyward_guards SET members = 0").await;
    }
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_administrator_once() {
    let app = TestApp::start().await;
    app.signed_in("ada").await;
    let link = format!("/setup/{}", app.keyward.setup.expose());
    let page = app.send(&get(&link)).await.must(200);
    assert!(String::from_utf8(page.body).unwrap().contains("<form method=\"post\">"));
    let form = |email: &str, password: &str| post(&link).form(&[("email", email), ("password", password)]);
    for (name, request, status) in [
        ("no address", form("x", "a long enough one"), 422),
        ("an address with a tag", form("\"><script>alert(1)</script>", "a long enough one"), 422),
        ("a common password", form("root@example.com", "password"), 422),
        ("a taken address", form("ada@example.com", "a long enough one"), 422),
        ("nothing", post(&link).form(&[]), 422),
        (
            "JSON",
            post(&link).json(json!({"email": "root@example.com", "password": "a long enough one"})),
            415,
        ),
        (
            "another link",
            post("/setup/x").form(&[("email", "root@example.com"), ("password", "a long enough one")]),
            404,
        ),
        (
            "a cut link",
            post(&link[..link.len() - 1])
                .form(&[("email", "root@example.com"), ("password", "a long enough one")]),
            404,
        ),
    ] {
        let before = app.everything().await;
        let reply = app.send(&request).await;
        assert_eq!(reply.status, status, "{name}");
        assert!(!String::from_utf8(reply.body).unwrap().contains("<script"), "{name}");
        assert_eq!(app.everything().await, before, "{name}");
    }
    app.send(&form("root@example.com", "a long enough one")).await.must(200);
    assert_eq!(members(&app).await, 1);
    let reply = app.login("root@example.com", "a long enough one").await.must(200);
    app.send(&get("/users").bearer(&reply.text("access_token"))).await.must(200);
    app.refused("the page is gone", &get(&link), 404, "not_found", "").await;
    app.refused("the form is gone", &form("two@example.com", "a long enough one"), 404, "not_found", "")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_set_up_at_once_one_does() {
    for _ in 0..5 {
        let app = TestApp::start().await;
        let link = format!("/setup/{}", app.keyward.setup.expose());
        let racers = (0..20).map(|racer| {
            let email = format!("root{racer}@example.com");
            let request = post(&link).form(&[("email", &email), ("password", "a long enough one")]);
            let sender = app.sender();
            async move { sender.send(&request).await.status }
        });
        let mut statuses = all(racers).await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (200, &[404; 19][..]));
        assert_eq!(
            (members(&app).await, app.count("keyward_users").await, app.events().await),
            (1, 1, vec!["user_created".to_owned()])
        );
    }
}

#[tokio::test]
async fn an_administrator_closes_the_link() {
    let app = TestApp::start().await;
    let link = format!("/setup/{}", app.keyward.setup.expose());
    app.send(&get(&link)).await.must(200);
    app.admin().await;
    app.refused("there is one", &get(&link), 404, "not_found", "").await;
}

#[tokio::test]
async fn z_05_administrators_create_users_and_nobody_else_does() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let body =
        json!({"username": "carol", "password": "a long enough one", "roles": ["admin"], "status": "active"});
    for path in ["/users", "/users/"] {
        app.refused("a user", &ada.by(post(path).json(body.clone())), 403, "forbidden", "").await;
        // The permission comes before anything about the body.
        app.refused("a broken body", &ada.by(post(path).body("application/json", "{")), 403, "forbidden", "")
            .await;
    }
    for (name, body, pointer) in [
        ("nameless", json!({"password": "a long enough one"}), "/username"),
        ("nowhere to be invited at", json!({"username": "carol"}), "/email"),
        (
            "another role",
            json!({"username": "carol", "password": "a long enough one", "roles": ["owner"]}),
            "/roles",
        ),
        (
            "verified nothing",
            json!({"username": "carol", "password": "a long enough one", "email_verified": true}),
            "/email",
        ),
        ("an id", json!({"username": "carol", "password": "a long enough one", "id": ada.id}), "/id"),
    ] {
        app.refused(name, &admin.by(post("/users").json(body)), 422, "invalid", pointer).await;
    }
    let carol = admin.post("/users", body).await;
    insta::assert_snapshot!(carol.shown(), @r#"
    201
    {
      "created_at": "2026-11-21T10:00:00Z",
      "email": null,
      "email_verified": false,
      "first_name": null,
      "id": "[id]",
      "last_login_at": null,
      "last_name": null,
      "locale": null,
      "metadata": {},
      "pending_email": null,
      "picture": null,
      "roles": [
        "admin"
      ],
      "status": "active",
      "updated_at": "2026-11-21T10:00:00Z",
      "username": "carol"
    }
    "#);
    assert_eq!(members(&app).await, 2);
    let login = json!({"username": "carol", "password": "a long enough one"});
    app.anonymous().post("/auth/login", login).await.must(200);
    let asleep = json!({"email": "dora@example.com", "password": "a long enough one", "status": "disabled", "email_verified": true});
    let dora = admin.post("/users/", asleep).await.must(201);
    assert_eq!(
        (dora.text("status"), dora.json()["email_verified"].clone()),
        ("disabled".into(), json!(true))
    );
    app.login("dora@example.com", "a long enough one").await.must(401);
    let last = format!("user_created|{}|{}", admin.id, dora.text("id"));
    let events = app.events_with("kind, actor, user_id").await;
    assert_eq!(events.iter().rfind(|event| event.starts_with("user_created")), Some(&last));
}
