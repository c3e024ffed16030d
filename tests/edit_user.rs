//! Profiles: what is sent changes, nothing else does, and nobody's change is lost.

use crate::app::{Reply, TestApp, all, get, patch, put};
use crate::register::RIGHTS;
use serde_json::{Value, json};

#[tokio::test]
async fn numbers_in_metadata_come_back_to_the_last_digit() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let numbers = "[0.9604650554382443,1e-7,5e-324,1.7976931348623157e308,9007199254740993,-0.0,0.1]";
    let body = format!(r#"{{"metadata":{{"n":{numbers}}}}}"#);
    let request = put("/users/me").body("application/json", body).bearer(&ada.access);
    let kept = |reply: Reply| String::from_utf8(reply.body).unwrap();
    let of = |text: &str| -> Vec<String> {
        let list = text.split("\"n\":[").nth(1).unwrap().split(']').next().unwrap();
        list.split(',').map(str::to_owned).collect()
    };
    let sent: Vec<f64> = of(&format!("\"n\":{numbers}")).iter().map(|n| n.parse().unwrap()).collect();
    for reply in [app.send(&request).await.must(200), ada.get("/users/me").await.must(200)] {
        let text = kept(reply);
        let back: Vec<f64> = of(&text).iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(back, sent, "{text}");
        assert!(text.contains("9007199254740993"), "{text}");
    }
}

#[tokio::test]
async fn what_is_sent_changes_and_the_rest_stays() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.clock.advance(std::time::Duration::from_secs(1));
    let body = json!({"first_name": " Ada ", "locale": "en", "metadata": {"a": [1, 2.5, null]}});
    let reply = ada.put("/users/me", body).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    200
    {
      "created_at": "2026-11-21T10:00:00Z",
      "email": "ada@example.com",
      "email_verified": false,
      "first_name": "Ada",
      "id": "[id]",
      "last_login_at": "2026-11-21T10:00:00Z",
      "last_name": null,
      "locale": "en",
      "metadata": {
        "a": [
          1,
          2.5,
          null
        ]
      },
      "pending_email": null,
      "picture": null,
      "roles": [
        "user"
      ],
      "status": "active",
      "updated_at": "2026-11-21T10:00:01Z",
      "username": "ada"
    }
    "#);
    assert_eq!(reply.header("etag"), "\"v2\"");
    let reply = ada
        .patch("/profile", json!({"first_name": null, "last_name": "Byron", "metadata": {}}))
        .await
        .must(200);
    let after = reply.json();
    assert_eq!((&after["first_name"], &after["last_name"]), (&Value::Null, &json!("Byron")));
    assert_eq!((&after["locale"], &after["metadata"]), (&json!("en"), &json!({})));
    let seen = ada.get("/users/me").await.must(200);
    assert_eq!((seen.json(), seen.header("etag")), (after, "\"v3\""));
}

#[tokio::test]
async fn get_change_put_works_on_every_name_of_the_route() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (by_id, by_name) = (format!("/users/{}", ada.id), "/users/ada".to_owned());
    let profile = format!("/profile/{}", ada.id);
    for path in ["/users/me", "/me", "/profile", "/me/", &by_id, &by_name, &profile] {
        let mut body = ada.get(path).await.must(200).json();
        assert_eq!(body["id"], ada.id.as_str());
        body["last_name"] = path.into();
        let reply = ada.put(path, body.clone()).await.must(200);
        assert_eq!(reply.text("last_name"), path);
        // The same once more changes nothing, not even the version.
        let again = ada.put(path, body).await.must(200);
        assert_eq!(again.header("etag"), reply.header("etag"));
    }
    assert_eq!(ada.get(&profile).await.must(200).text("user"), "ada", "under the name of /profile/{{id}}");
}

#[tokio::test]
async fn refused() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let me = "/users/me";
    for (name, body, pointer) in [
        ("another's id", json!({"id": bob.id}), "/id"),
        ("a pending address", json!({"pending_email": "new@example.com"}), "/pending_email"),
        ("no address", json!({"email": null}), "/email"),
        ("a malformed address", json!({"email": "x"}), "/email"),
        ("a name of another type", json!({"first_name": 1}), "/first_name"),
        ("a status of another type", json!({"status": 1}), "/status"),
        ("a status that is none", json!({"status": "asleep"}), "/status"),
        ("a role that is none", json!({"roles": ["root"]}), "/roles"),
        ("roles of another type", json!({"roles": "admin"}), "/roles"),
        ("a flag of another type", json!({"email_verified": "yes"}), "/email_verified"),
        ("an unknown field", json!({"nickname": "x"}), "/nickname"),
        ("a short password", json!({"password": "seven77"}), "/password"),
    ] {
        app.refused(name, &ada.by(put(me).json(body)), 422, "invalid", pointer).await;
    }
    for (name, body, pointer) in [
        ("a taken address", json!({"email": "BOB@example.com"}), "/email"),
        ("a taken username", json!({"username": "B0B"}), "/username"),
    ] {
        app.refused(name, &ada.by(put(me).json(body)), 409, "taken", pointer).await;
    }
}

#[tokio::test]
async fn z_03_nobody_gives_oneself_rights() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let (by_id, by_name) = (format!("/users/{}", ada.id), "/users/ada".to_owned());
    for path in ["/users/me", &by_id, &by_name] {
        for body in [
            json!({"roles": ["admin"]}),
            json!({"roles": ["admin", "user"], "first_name": "Ada"}),
            json!({"roles": []}),
            json!({"status": "disabled"}),
            json!({"email_verified": true}),
        ] {
            for request in [put(path), patch(path)] {
                app.refused(&body.to_string(), &ada.by(request.json(body.clone())), 403, "forbidden", "")
                    .await;
            }
        }
        for name in RIGHTS {
            let mut body = json!({"first_name": "Ada"});
            body[name] = json!(true);
            app.refused(name, &ada.by(put(path).json(body)), 422, "invalid", &format!("/{name}")).await;
        }
    }
    // Present values may be sent back.
    ada.put("/users/me", json!({"roles": ["user"], "status": "active", "email_verified": false}))
        .await
        .must(200);
}

#[tokio::test]
async fn z_07_an_address_of_ones_own_waits_and_does_not_count() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let reply = ada.put("/users/me", json!({"email": "new@example.com"})).await.must(200);
    assert_eq!(
        (reply.text("email"), reply.text("pending_email")),
        (ada.email.clone(), "new@example.com".into())
    );
    app.login("new@example.com", &ada.password).await.must(401);
    app.login(&ada.email, &ada.password).await.must(200);
    // Waiting takes nothing from anybody.
    let body = json!({"email": "new@example.com", "password": "a long enough one"});
    app.anonymous().post("/auth/register", body).await.must(201);

    let off = TestApp::with(|setup| setup.set("accounts.verification", "off")).await;
    let bob = off.signed_in("bob").await;
    let reply = bob.put("/users/me", json!({"email": "new@example.com"})).await.must(200);
    assert_eq!(
        (reply.text("email"), &reply.json()["pending_email"]),
        ("new@example.com".into(), &Value::Null)
    );
    off.login("new@example.com", &bob.password).await.must(200);
    off.login(&bob.email, &bob.password).await.must(401);
}

#[tokio::test]
async fn administrators_edit_others() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    for path in [format!("/users/{}", ada.id), "/users/ada".into(), format!("/profile/{}", ada.id)] {
        admin.put(&path, json!({"last_name": path, "email_verified": true})).await.must(200);
        let reply = ada.get("/users/me").await.must(200);
        assert_eq!((reply.text("last_name"), reply.json()["email_verified"].clone()), (path, json!(true)));
    }
    let reply = admin.put("/users/ada", json!({"email": "new@example.com"})).await.must(200);
    assert_eq!(reply.text("email"), "new@example.com", "what an administrator enters counts at once");
    assert_eq!(reply.json()["email_verified"], json!(false), "and is not proven");
    assert_eq!(ada.me().await, 200);
    let events = app.events_with("kind, actor, user_id").await;
    assert_eq!(events.last().unwrap(), &format!("email_changed|{}|{}", admin.id, ada.id));
    for (name, path, body, status, code, pointer) in [
        ("nobody", "/users/nobody1", json!({"first_name": "x"}), 404, "not_found", ""),
        ("no address", "/users/ada", json!({"email": null}), 422, "invalid", "/email"),
        ("another id", "/users/ada", json!({"id": admin.id}), 422, "invalid", "/id"),
        ("a password", "/users/ada", json!({"password": "quite another secret"}), 403, "forbidden", ""),
    ] {
        app.refused(name, &admin.by(put(path).json(body)), status, code, pointer).await;
    }
}

#[tokio::test]
async fn if_match_is_honoured() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let path = format!("/users/{}", ada.id);
    let body = json!({"first_name": "Ada"});
    for stale in ["\"v2\"", "\"v0\"", "\"x\"", "v1", "W/\"v1\"", ""] {
        let request = put("/users/me").header("if-match", stale).json(body.clone());
        app.refused(stale, &ada.by(request), 412, "stale", "").await;
        let request = crate::app::delete(&path).header("if-match", stale);
        app.refused(stale, &admin.by(request), 412, "stale", "").await;
    }
    for fits in ["\"v1\"", "*", "\"v3\""] {
        let body = json!({"first_name": fits});
        ada.send(put("/users/me").header("if-match", fits).json(body)).await.must(200);
    }
    admin.send(crate::app::delete(&path).header("if-match", "\"v4\"")).await.must(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_02_different_fields_are_all_kept() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let admin = app.admin().await;
    for round in 0..15 {
        let value = format!("x{round}");
        let changes = [
            ("first_name", json!(value)),
            ("last_name", json!(value)),
            ("locale", json!(if round % 2 == 0 { "en" } else { "fr" })),
            ("metadata", json!({"round": round})),
            ("username", json!(format!("ada{value}"))),
        ];
        let own = changes.iter().cloned().map(|change| (ada.clone(), "/users/me".to_owned(), change));
        let verified = ("email_verified", json!(round % 2 == 0));
        let others = [(admin.clone(), format!("/users/{}", ada.id), verified.clone())];
        let writers = own.chain(others).map(|(person, path, (name, value))| async move {
            person.put(&path, json!({name: value})).await.must(200);
        });
        all(writers).await;
        let after = ada.get("/users/me").await.must(200).json();
        for (name, value) in changes.iter().chain([&verified]) {
            assert_eq!(&after[*name], value, "round {round}: {name} was lost");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_02_with_if_match_one_wins_and_the_others_hear_of_it() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for round in 0..10 {
        let version = ada.get("/users/me").await.header("etag").to_owned();
        let replies = all((0..12).map(|writer| {
            let name = format!("writer {round} {writer}");
            let request = put("/users/me").header("if-match", &version).json(json!({"first_name": name}));
            let ada = ada.clone();
            async move { ada.send(request).await }
        }))
        .await;
        let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}");
        assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 412)));
        assert_eq!(ada.get("/users/me").await.text("first_name"), won[0].text("first_name"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_02_of_many_who_want_one_username_one_gets_it() {
    let app = TestApp::start().await;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(app.signed_in(&format!("person{number}")).await);
    }
    let statuses = all(people.into_iter().enumerate().map(|(number, person)| async move {
        let wanted = if number % 2 == 0 { "wanted" } else { "VVANTED" };
        person.put("/users/me", json!({"username": wanted})).await.status
    }))
    .await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
}

#[tokio::test]
async fn z_02_an_id_in_the_body_moves_nothing() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let request = put(&format!("/profile/{}", ada.id)).json(json!({"id": bob.id, "first_name": "x"}));
    app.refused("another id in the body", &ada.by(request), 422, "invalid", "/id").await;
    let reply = app.send(&bob.by(get("/users/me"))).await.must(200);
    assert_eq!(reply.json()["first_name"], Value::Null);
}
