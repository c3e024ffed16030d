//! Registration: who may have an account, under which names and passwords, and that one of many racers gets it.

use crate::app::{TestApp, all, get, post};
use serde_json::{Value, json};

/// A body that would be accepted, with some members replaced; `null` takes one away.
#[expect(clippy::needless_pass_by_value, reason = "tests write json!() in place")]
fn body(changes: Value) -> Value {
    let mut body = json!({"email": "ada@example.com", "username": "ada", "password": "a long enough one"});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

#[tokio::test]
async fn a_new_user() {
    let app = TestApp::start().await;
    let body = json!({
        "email": " Ada@Example.COM ", "username": "Ada", "password": "a long enough one", "first_name": "Ada",
        "last_name": "Lovelace", "locale": "en-GB", "metadata": {"plan": "free"},
    });
    let reply = app.anonymous().post("/auth/register", body).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    201
    {
      "created_at": "2026-11-21T10:00:00Z",
      "email": "Ada@example.com",
      "email_verified": false,
      "first_name": "Ada",
      "id": "[id]",
      "last_login_at": null,
      "last_name": "Lovelace",
      "locale": "en-GB",
      "message": "the account is made; sign in with it, and confirm the address: a mail is on its way",
      "metadata": {
        "plan": "free"
      },
      "pending_email": null,
      "picture": null,
      "roles": [
        "user"
      ],
      "status": "active",
      "updated_at": "2026-11-21T10:00:00Z",
      "username": "ada"
    }
    "#);
    let location = format!("http://{}/users/{}", app.address, reply.text("id"));
    assert_eq!(reply.header("location"), location);
    assert_eq!(reply.header("etag"), "\"v1\"");
    assert_eq!(app.events().await, ["registered"]);
    assert_eq!(app.hasher.work(), 1);
    app.login("ada@example.com", "a long enough one").await.must(200);
}

#[tokio::test]
async fn every_name_of_the_route_registers() {
    let app = TestApp::start().await;
    for (path, name) in [("/auth/register", "one"), ("/register", "two"), ("/register/", "three")] {
        let body = body(json!({"email": format!("{name}@example.com"), "username": null, "user": name}));
        let reply = app.anonymous().post(path, body).await.must(201);
        assert_eq!(reply.text("username"), name);
    }
    assert_eq!(app.count("keyward_users").await, 3);
}

#[tokio::test]
async fn refused() {
    let app = TestApp::start().await;
    let long = "x".repeat(101);
    let deep: Value = (0..9).fold(json!(1), |inner, _| json!({"a": inner}));
    for (name, changes, pointer) in [
        ("no email", json!({"email": null}), "/email"),
        ("no password", json!({"password": null}), "/password"),
        ("empty email", json!({"email": ""}), "/email"),
        ("an email of another type", json!({"email": 7}), "/email"),
        ("an email in a list", json!({"email": ["ada@example.com"]}), "/email"),
        ("a password of another type", json!({"password": {"$ne": ""}}), "/password"),
        ("a short password", json!({"password": "seven77"}), "/password"),
        ("a username that is an address", json!({"username": "ada@example.com"}), "/username"),
        ("a reserved username", json!({"username": "admin"}), "/username"),
        ("two usernames", json!({"user": "eve"}), "/user"),
        ("a long name", json!({"first_name": long}), "/first_name"),
        ("an empty name", json!({"last_name": " "}), "/last_name"),
        ("a name with a line break", json!({"first_name": "a\nb"}), "/first_name"),
        ("no language", json!({"locale": "en_GB"}), "/locale"),
        ("metadata that is a list", json!({"metadata": []}), "/metadata"),
        ("metadata with a dollar", json!({"metadata": {"$set": 1}}), "/metadata"),
        ("metadata too deep", json!({"metadata": deep}), "/metadata"),
        ("metadata too large", json!({"metadata": {"a": "x".repeat(17_000)}}), "/metadata"),
        ("an unknown field", json!({"nickname": "a"}), "/nickname"),
        ("a pointer to be escaped", json!({"a/b~c": 1}), "/a~1b~0c"),
    ] {
        let request = post("/auth/register").json(body(changes));
        app.refused(name, &request, 422, "invalid", pointer).await;
    }
    for whole in ["[]", "null", "\"x\"", "7"] {
        let request = post("/auth/register").body("application/json", whole);
        app.refused(whole, &request, 422, "invalid", "/").await;
    }
    assert_eq!(app.hasher.work(), 0, "nothing was hashed for what was refused");
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let app = TestApp::start().await;
    let request =
        post("/auth/register").json(json!({"email": "x", "password": "short", "locale": 1, "role": "admin"}));
    let reply = app.send(&request).await;
    insta::assert_snapshot!(reply.shown(), @r#"
    422
    {
      "code": "invalid",
      "detail": "email: an e-mail address needs an @",
      "errors": [
        {
          "code": "invalid_email",
          "detail": "an e-mail address needs an @",
          "pointer": "/email"
        },
        {
          "code": "wrong_type",
          "detail": "this must be a string",
          "pointer": "/locale"
        },
        {
          "code": "unknown_field",
          "detail": "there is no such field here",
          "pointer": "/role"
        }
      ],
      "instance": "[request]",
      "status": 422,
      "title": "Some fields are not valid",
      "type": "urn:keyward:problem:invalid"
    }
    "#);
}

#[tokio::test]
async fn c_04_what_is_taken_is_named_and_nothing_of_its_owner() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for (name, changes, pointer) in [
        ("the email", json!({"username": "eve"}), "/email"),
        ("the email in other letters", json!({"email": "ADA@example.com", "username": "eve"}), "/email"),
        ("the username", json!({"email": "eve@example.com"}), "/username"),
        ("both", json!({}), "/email"),
    ] {
        let request = post("/auth/register").json(body(changes));
        let reply = app.refused(name, &request, 409, "taken", pointer).await;
        let text = String::from_utf8(reply.body).unwrap();
        assert!(!text.contains(&ada.id) && !text.contains("active") && !text.contains('@'), "{name}: {text}");
    }
}

/// Fields that would give rights, wherever somebody tries them.
pub(crate) const RIGHTS: [&str; 14] = [
    "role",
    "is_admin",
    "admin",
    "permissions",
    "verified_at",
    "password_hash",
    "token_version",
    "disabled",
    "is_superuser",
    "scope",
    "epoch",
    "version",
    "user_id",
    "active",
];

#[tokio::test]
async fn z_03_rights_cannot_be_registered() {
    let app = TestApp::start().await;
    for name in RIGHTS.iter().chain(&["roles", "id", "email_verified", "created_at", "status"]) {
        for value in [json!("admin"), json!(true), json!(["admin"]), json!(null)] {
            let mut body = body(json!({}));
            body[*name] = value;
            let request = post("/auth/register").json(body);
            app.refused(name, &request, 422, "invalid", &format!("/{name}")).await;
        }
    }
}

#[tokio::test]
async fn z_03_rights_are_refused_also_where_unknown_fields_are_ignored() {
    let app = TestApp::with(|setup| setup.set("http.unknown_fields", "ignore")).await;
    for name in RIGHTS.iter().chain(&["roles", "id", "email_verified", "status"]) {
        let mut body = body(json!({}));
        body[*name] = json!("admin");
        app.refused(name, &post("/auth/register").json(body), 422, "invalid", &format!("/{name}")).await;
    }
    let reply =
        app.anonymous().post("/auth/register", body(json!({"nickname": "a", "repeat": "b"}))).await.must(201);
    assert_eq!(reply.json()["roles"], json!(["user"]));
}

#[tokio::test]
async fn z_08_closed_is_closed_on_every_way() {
    let app = TestApp::with(|setup| setup.set("accounts.registration", "closed")).await;
    for path in ["/auth/register", "/register", "/register/"] {
        app.refused(path, &post(path).json(body(json!({}))), 403, "registration_closed", "").await;
        let form = post(path).form(&[("email", "ada@example.com"), ("password", "a long enough one")]);
        app.refused(path, &form, 415, "unsupported_media_type", "").await;
    }
    let path = "/users";
    app.refused(path, &post(path).json(body(json!({}))), 401, "unauthenticated", "").await;
    let admin = app.admin().await;
    admin.post("/users", body(json!({}))).await.must(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_01_of_a_hundred_who_register_one_address_one_gets_it() {
    let app = TestApp::start().await;
    for round in 0..4 {
        let before = app.count("keyward_users").await;
        let racers = (0..100).map(|racer| {
            let name = format!("racer{round}@Example.com");
            let email = match racer % 3 {
                0 => name.to_uppercase(),
                1 => name.to_lowercase(),
                _ => format!(" {name} "),
            };
            let sender = app.sender();
            async move {
                let body = json!({"email": email, "password": "a long enough one"});
                sender.send(&post("/auth/register").json(body)).await.status
            }
        });
        let mut statuses = all(racers).await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 99][..]), "round {round}");
        assert_eq!(app.count("keyward_users").await, before + 1);
        assert_eq!(app.events().await.len(), before + 1, "one event for one user");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_01_of_many_who_look_alike_one_gets_the_name() {
    let app = TestApp::start().await;
    let names = ["modern", "MODERN", "m0dern", "rnodern", "M0DERN", "rnodem", "modem", "m0dem"];
    let racers = names.iter().cycle().take(40).enumerate().map(|(racer, name)| {
        let (sender, name) = (app.sender(), (*name).to_owned());
        async move {
            let body = json!({"email": format!("r{racer}@example.com"), "username": name, "password": "a long enough one"});
            sender.send(&post("/auth/register").json(body)).await.status
        }
    });
    let statuses = all(racers).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    assert_eq!(app.count("keyward_users").await, 1);
}

#[tokio::test]
async fn a_registered_user_is_nobody_special() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let reply = app.send(&ada.by(get("/users/me"))).await.must(200);
    assert_eq!(reply.json()["roles"], json!(["user"]));
    assert_eq!(reply.json()["email_verified"], json!(false));
    assert_eq!(app.rows("SELECT members FROM keyward_guards").await, ["0"]);
}
