//! The administrator's list of users: filters, pages, and nothing cut silently.

use crate::app::{Person, Reply, TestApp, get};
use serde_json::json;
use std::time::Duration;

fn usernames(reply: &Reply) -> Vec<String> {
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["username"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Five users besides the administrator, each made a second after the one before.
async fn crowd() -> (TestApp, Person, Vec<Person>) {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut people = Vec::new();
    for name in ["ada", "adele", "bob", "carol", "dora"] {
        app.clock.advance(Duration::from_secs(1));
        people.push(app.signed_in(name).await);
    }
    admin.patch("/users/bob", json!({"status": "disabled"})).await.must(200);
    admin.patch("/users/carol", json!({"email_verified": true})).await.must(200);
    (app, admin, people)
}

#[tokio::test]
async fn filters() {
    let (_app, admin, _) = crowd().await;
    for (query, expected) in [
        ("", vec!["adminone", "ada", "adele", "bob", "carol", "dora"]),
        ("?q=ad", vec!["adminone", "ada", "adele"]),
        ("?q=ADA", vec!["ada"]),
        ("?q=ada@EXAMPLE", vec!["ada"]),
        ("?q=%25", vec![]),
        ("?q=_da", vec![]),
        ("?q=example", vec![]),
        ("?q=", vec!["adminone", "ada", "adele", "bob", "carol", "dora"]),
        ("?role=admin", vec!["adminone"]),
        ("?role=user&q=ad", vec!["adminone", "ada", "adele"]),
        ("?status=disabled", vec!["bob"]),
        ("?status=active&q=b", vec![]),
        ("?verified=true", vec!["carol"]),
        ("?verified=false&status=active&q=d", vec!["dora"]),
    ] {
        for path in ["/users", "/users/"] {
            let reply = admin.get(&format!("{path}{query}")).await.must(200);
            assert_eq!(usernames(&reply), expected, "{query}");
            assert!(reply.json()["next"].is_null(), "{query}");
        }
    }
}

#[tokio::test]
async fn pages() {
    let (app, admin, _) = crowd().await;
    for limit in 1..=7 {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let reply = admin.get(&format!("/users?limit={limit}{after}")).await.must(200);
            let page = usernames(&reply);
            assert!(page.len() <= limit && !page.is_empty());
            seen.extend(page);
            match reply.json()["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen, ["adminone", "ada", "adele", "bob", "carol", "dora"], "by {limit}");
    }
    // A cursor stays good when its user has gone.
    let next = admin.get("/users?limit=2").await.text("next");
    admin.delete("/users/ada").await.must(204);
    let rest = admin.get(&format!("/users?after={next}")).await.must(200);
    assert_eq!(usernames(&rest), ["adele", "bob", "carol", "dora"]);
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=x", "/limit"),
        ("limit=-1", "/limit"),
        ("after=x", "/after"),
        ("after=1%27%20OR%201=1", "/after"),
        ("role=owner", "/role"),
        ("status=asleep", "/status"),
        ("verified=maybe", "/verified"),
        (&format!("q={}", "x".repeat(255)), "/q"),
    ] {
        app.refused(query, &admin.by(get(&format!("/users?{query}"))), 422, "invalid", pointer).await;
    }
    for query in ["limit=1&limit=2", "q=%ff"] {
        app.refused(query, &admin.by(get(&format!("/users?{query}"))), 400, "malformed_request", "").await;
    }
}

#[tokio::test]
async fn a_page_as_it_is() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.clock.advance(Duration::from_secs(1));
    app.signed_in("ada").await;
    let mut page = admin.get("/users?limit=1").await;
    page.body =
        String::from_utf8(page.body).unwrap().replace(&page_cursor(&admin.id), "[cursor]").into_bytes();
    insta::assert_snapshot!(page.shown(), @r#"
    200
    {
      "items": [
        {
          "created_at": "2026-11-21T10:00:00Z",
          "email": "adminone@example.com",
          "email_verified": false,
          "first_name": null,
          "id": "[id]",
          "last_login_at": "2026-11-21T10:00:00Z",
          "last_name": null,
          "locale": null,
          "metadata": {},
          "pending_email": null,
          "picture": null,
          "roles": [
            "admin",
            "user"
          ],
          "status": "active",
          "updated_at": "2026-11-21T10:00:00Z",
          "username": "adminone"
        }
      ],
      "next": "[cursor]"
    }
    "#);
}

fn page_cursor(id: &str) -> String {
    use base64::Engine;
    crate::app::BASE64.encode(id)
}
