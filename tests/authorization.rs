//! Who may do what: every route for every kind of person, and what is nobody's to see.

use crate::app::{InboxMail, Person, Reply, Request, TestApp, delete, get, patch, post, put, request};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PNG: &[u8] = include_bytes!("../crates/pictures/corpus/pillow-1x1.png");

/// Who asks. Each has a token, but for the first.
#[derive(Debug, Clone, Copy)]
enum Who {
    Anonymous,
    /// A user on what is the user's own, where the path names somebody.
    Owner,
    /// A user on what is another's.
    Other,
    /// Somebody whose token is good but who is disabled now.
    Disabled,
    Administrator,
}

const ALL: [Who; 5] = [Who::Anonymous, Who::Owner, Who::Other, Who::Disabled, Who::Administrator];

/// Method, path, and what each of [`ALL`] is answered to a request that is right in itself.
const MATRIX: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/auth/register", [201, 201, 201, 201, 201]),
    ("POST", "/register", [201, 201, 201, 201, 201]),
    ("POST", "/auth/login", [200, 200, 200, 401, 200]),
    ("POST", "/login", [200, 200, 200, 401, 200]),
    ("POST", "/auth/logout", [401, 204, 204, 401, 204]),
    ("POST", "/logout", [401, 204, 204, 401, 204]),
    ("POST", "/auth/refresh", [200, 200, 200, 401, 200]),
    ("POST", "/refresh", [200, 200, 200, 401, 200]),
    ("POST", "/auth/verify", [200, 200, 200, 422, 200]),
    ("POST", "/verify", [200, 200, 200, 422, 200]),
    ("POST", "/auth/verify/resend", [202, 202, 202, 202, 202]),
    ("POST", "/auth/password/forgot", [202, 202, 202, 202, 202]),
    ("POST", "/forgot-password", [202, 202, 202, 202, 202]),
    ("POST", "/auth/password/reset", [204, 204, 204, 422, 204]),
    ("POST", "/reset-password", [204, 204, 204, 422, 204]),
    ("POST", "/auth/password/change", [401, 200, 200, 401, 200]),
    ("GET", "/auth/check", [401, 200, 200, 401, 200]),
    ("POST", "/auth/introspect", [401, 403, 403, 401, 200]),
    ("GET", "/users/me", [401, 200, 200, 401, 200]),
    ("GET", "/me", [401, 200, 200, 401, 200]),
    ("GET", "/profile", [401, 200, 200, 401, 200]),
    ("PUT", "/users/me", [401, 200, 200, 401, 200]),
    ("PUT", "/me", [401, 200, 200, 401, 200]),
    ("PUT", "/profile", [401, 200, 200, 401, 200]),
    ("PATCH", "/users/me", [401, 200, 200, 401, 200]),
    ("PATCH", "/profile", [401, 200, 200, 401, 200]),
    ("DELETE", "/users/me", [401, 204, 204, 401, 204]),
    ("DELETE", "/me", [401, 204, 204, 401, 204]),
    ("PUT", "/users/me/picture", [401, 200, 200, 401, 200]),
    ("PUT", "/profile/picture", [401, 200, 200, 401, 200]),
    ("POST", "/profile/picture", [401, 200, 200, 401, 200]),
    ("GET", "/users/me/picture", [401, 200, 200, 401, 200]),
    ("DELETE", "/users/me/picture", [401, 204, 204, 401, 204]),
    ("GET", "/users/me/sessions", [401, 200, 200, 401, 200]),
    ("DELETE", "/users/me/sessions/{session}", [401, 204, 404, 401, 404]),
    ("GET", "/users", [401, 403, 403, 401, 200]),
    ("POST", "/users", [401, 403, 403, 401, 201]),
    ("GET", "/users/{user}", [401, 200, 404, 401, 200]),
    ("GET", "/profile/{id}", [401, 200, 404, 401, 200]),
    ("PUT", "/users/{user}", [401, 200, 404, 401, 200]),
    ("PUT", "/profile/{id}", [401, 200, 404, 401, 200]),
    ("PATCH", "/users/{user}", [401, 200, 404, 401, 200]),
    ("DELETE", "/users/{user}", [401, 403, 403, 401, 204]),
    ("PUT", "/users/{user}/picture", [401, 200, 404, 401, 200]),
    ("GET", "/users/{user}/picture", [401, 200, 404, 401, 200]),
    ("DELETE", "/users/{user}/picture", [401, 204, 404, 401, 204]),
    ("GET", "/pictures/{picture}/{square}", [403, 403, 403, 403, 403]),
    ("POST", "/users/{user}/logout", [401, 403, 403, 401, 204]),
    ("POST", "/users/{user}/password-reset", [401, 403, 403, 401, 202]),
    ("GET", "/.well-known/jwks.json", [200, 200, 200, 200, 200]),
    ("GET", "/health/live", [200, 200, 200, 200, 200]),
    ("GET", "/health/ready", [200, 200, 200, 200, 200]),
    ("GET", "/health", [200, 200, 200, 200, 200]),
    ("GET", "/openapi.json", [200, 200, 200, 200, 200]),
    ("GET", "/docs", [200, 200, 200, 200, 200]),
    ("GET", "/redoc", [200, 200, 200, 200, 200]),
    ("GET", "/dev/mail", [200, 200, 200, 200, 200]),
    ("GET", "/dev/mail.json", [200, 200, 200, 200, 200]),
    ("GET", "/link/{token}", [200, 200, 200, 404, 200]),
    ("POST", "/link/{token}", [200, 200, 200, 404, 200]),
    ("GET", "/setup/{token}", [404, 404, 404, 404, 404]),
    ("POST", "/setup/{token}", [404, 404, 404, 404, 404]),
    // As the GET beside each.
    ("HEAD", "/users/me", [401, 200, 200, 401, 200]),
    ("HEAD", "/users", [401, 403, 403, 401, 200]),
    ("HEAD", "/users/{user}", [401, 200, 404, 401, 200]),
    ("HEAD", "/profile/{id}", [401, 200, 404, 401, 200]),
    ("HEAD", "/auth/check", [401, 200, 200, 401, 200]),
];

/// A request to this route that is right in itself; `whom` is whose the path's parameter is, `mail` what `by` was sent for
/// it.
fn right(
    app: &TestApp,
    (method, pattern): (&str, &str),
    by: &Person,
    whom: &Person,
    fresh: &str,
    mail: &InboxMail,
) -> Request {
    let session = whom.refresh[4..40].to_owned();
    let path = pattern.replace("{session}", &session).replace("{id}", &whom.id).replace("{user}", &whom.id);
    let path = path.replace("/link/{token}", &mail.path());
    let path = path.replace("{token}", app.keyward.setup.expose());
    let path = if (method, pattern.ends_with("/picture")) == ("GET", true) {
        path + "?fallback=initials"
    } else {
        path
    };
    let new = json!({"email": format!("{fresh}@example.com"), "password": "a long enough one"});
    let asked = request(method, &path);
    match (method, pattern) {
        ("POST", "/auth/register" | "/register" | "/users") => asked.json(new),
        ("POST", "/auth/login" | "/login") => asked.json(json!({"email": by.email, "password": by.password})),
        ("POST", "/auth/refresh" | "/refresh") => asked.json(json!({"refresh_token": by.refresh})),
        ("POST", "/auth/password/change") => {
            asked.json(json!({"current_password": by.password, "password": "quite another secret"}))
        }
        ("POST", "/auth/verify" | "/verify") => asked.json(json!({"email": by.email, "code": mail.code()})),
        ("POST", "/auth/verify/resend" | "/auth/password/forgot" | "/forgot-password") => {
            asked.json(json!({"email": by.email}))
        }
        ("POST", "/auth/password/reset" | "/reset-password") => {
            asked.json(json!({"token": mail.token(), "password": "quite another secret"}))
        }
        ("POST", "/link/{token}") => asked.form(&[]),
        ("POST", "/auth/introspect") => asked.form(&[("token", &by.access)]),
        ("POST", "/setup/{token}") => {
            asked.form(&[("email", "root@example.com"), ("password", "a long enough one")])
        }
        ("PUT" | "POST", path) if path.ends_with("/picture") => asked.body("image/png", PNG),
        ("PUT" | "PATCH", _) => asked.json(json!({"last_name": "Changed"})),
        ("DELETE", "/users/me" | "/me") => asked.json(json!({"password": by.password})),
        _ => asked,
    }
}

#[tokio::test]
async fn z_01_every_route_for_everybody() {
    for route in keyward_web::table() {
        let listed = MATRIX.iter().any(|(method, path, _)| (*method, *path) == (route.method, route.path));
        assert!(listed, "{} {} is not in the matrix", route.method, route.path);
    }
    let app = TestApp::start().await;
    let root = app.admin().await;
    for (line, (method, pattern, expected)) in MATRIX.iter().enumerate() {
        for (column, who) in ALL.iter().enumerate() {
            let name = |role: &str| format!("{role}{line}-{column}");
            let other = app.signed_in(&name("other")).await;
            let by = match who {
                Who::Administrator => app.administrator(&name("admin")).await,
                _ => app.signed_in(&name("user")).await,
            };
            let mut mail = app.mail_to(&by.email).await;
            if pattern.ends_with("/reset") || *pattern == "/reset-password" {
                app.anonymous().post("/auth/password/forgot", json!({"email": by.email})).await.must(202);
                mail = app.mail_to(&by.email).await;
            }
            let whom = if matches!(who, Who::Other | Who::Administrator) { &other } else { &by };
            if matches!(who, Who::Disabled) {
                root.patch(&format!("/users/{}", by.id), json!({"status": "disabled"})).await.must(200);
            }
            let asked = right(&app, (method, pattern), &by, whom, &name("fresh"), &mail);
            let asked = if matches!(who, Who::Anonymous) { asked } else { by.by(asked) };
            let before = app.rows(&format!("SELECT * FROM keyward_users WHERE id = '{}'", other.id)).await;
            let reply = app.send(&asked).await;
            assert_eq!(reply.status, expected[column], "{method} {pattern} for {who:?}: {reply}");
            if !matches!(who, Who::Administrator) {
                let after = app.rows(&format!("SELECT * FROM keyward_users WHERE id = '{}'", other.id)).await;
                assert_eq!(after, before, "{method} {pattern} for {who:?} changed another");
            }
        }
    }
}

#[tokio::test]
async fn z_02_what_is_anothers_is_not_there() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let session = &bob.refresh[4..40];
    let mut paths = Vec::new();
    for name in [
        bob.id.as_str(),
        "bob",
        "BOB",
        &bob.id.to_uppercase(),
        &bob.id.replace('-', ""),
        "..",
        "nobody1",
        "%20",
        "me%2F..%2Fbob",
        "*",
    ] {
        paths.extend([format!("/users/{name}"), format!("/profile/{name}")]);
    }
    for path in &paths {
        for asked in
            [get(path), put(path).json(json!({"first_name": "x"})), put(path).body("application/json", "{")]
        {
            if path.ends_with("..") {
                continue;
            }
            app.refused(path, &ada.by(asked), 404, "not_found", "").await;
        }
        if path.starts_with("/users/") && !path.ends_with("..") {
            app.refused(path, &ada.by(patch(path).json(json!({"roles": ["admin"]}))), 404, "not_found", "")
                .await;
            app.refused(path, &ada.by(delete(path)), 403, "forbidden", "").await;
            app.refused(path, &ada.by(post(&format!("{path}/logout"))), 403, "forbidden", "").await;
        }
    }
    app.refused("a session", &ada.by(delete(&format!("/users/me/sessions/{session}"))), 404, "not_found", "")
        .await;
    // Ids beside one's own.
    let mut near = ada.id.clone();
    let last = near.pop().unwrap();
    near.push(if last == '0' { '1' } else { '0' });
    app.refused("a neighbour", &ada.by(get(&format!("/users/{near}"))), 404, "not_found", "").await;
    assert_eq!(bob.me().await, 200);
}

#[tokio::test]
async fn c_08_absent_and_anothers_look_the_same() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let mut faces = BTreeSet::new();
    for path in [
        format!("/users/{}", bob.id),
        "/users/bob".into(),
        format!("/profile/{}", bob.id),
        "/users/nobody1".into(),
        "/users/01a00000-0000-7000-8000-000000000000".into(),
        "/profile/01a00000-0000-7000-8000-000000000000".into(),
        "/users/x".into(),
        "/profile/not-an-id".into(),
    ] {
        let reply = app.send(&ada.by(get(&path)).header("x-request-id", "the-same-for-all")).await;
        faces.insert((reply.status, reply.body.clone(), reply.header("etag").to_owned()));
    }
    assert_eq!(faces.len(), 1, "{faces:?}");
}

#[tokio::test]
async fn c_09_a_user_learns_nothing_of_how_many_there_are() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    for path in ["/users", "/users/", "/users?limit=1", "/users?limit=x", "/users?q=a&q=b", "/users?q=ada"] {
        let reply = app.refused(path, &ada.by(get(path)), 403, "forbidden", "").await;
        assert!(!reply.headers.contains_key("x-total-count") && !reply.headers.contains_key("link"));
    }
}

/// Every name of a member that a reply may carry.
const NAMES: &[&str] = &[
    "id",
    "username",
    "user",
    "email",
    "email_verified",
    "pending_email",
    "first_name",
    "last_name",
    "locale",
    "picture",
    "roles",
    "status",
    "metadata",
    "created_at",
    "updated_at",
    "last_login_at",
    "items",
    "to",
    "subject",
    "text",
    "html",
    "link",
    "sent_at",
    "next",
    "last_used_at",
    "address",
    "agent",
    "current",
    "keys",
    "kty",
    "crv",
    "x",
    "y",
    "n",
    "e",
    "kid",
    "alg",
    "use",
    "parts",
    "name",
    "active",
    "type",
    "title",
    "detail",
    "code",
    "instance",
    "errors",
    "pointer",
    "plan",
];

fn names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            names(value, into);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

#[tokio::test]
async fn z_06_no_reply_names_what_is_inside() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    ada.put("/users/me", json!({"metadata": {"plan": "free"}})).await.must(200);
    let mut seen = BTreeSet::new();
    for route in keyward_web::table().iter().filter(|route| route.method == "GET") {
        for by in [&ada, &admin] {
            let path = route.path.replace("{user}", &ada.id).replace("{id}", &ada.id).replace("{token}", "x");
            let reply: Reply = by.get(&path).await;
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            for secret in
                ["fake$", "kwr_", &ada.access, &ada.password, "epoch", "kept_session", "password_hash"]
            {
                let is_text = reply.header("content-type").starts_with("application/json")
                    && route.operation != "openapi";
                assert!(!is_text || !text.contains(secret), "{path} holds {secret}");
            }
            if reply.header("content-type").contains("json") && route.operation != "openapi" {
                names(&reply.json(), &mut seen);
            }
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
    let unknown: Vec<&String> = seen.iter().filter(|name| !NAMES.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn z_09_no_method_but_the_real_one() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    let path = format!("/users/{}", ada.id);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let asked = get(&path).header(name, "DELETE");
        admin.send(asked).await.must(200);
        let asked = put(&path).header(name, "DELETE").json(json!({}));
        admin.send(asked).await.must(200);
        let asked = post(&path).header(name, "DELETE").json(json!({"_method": "DELETE"}));
        app.refused(name, &admin.by(asked), 405, "method_not_allowed", "").await;
    }
    admin.get(&format!("{path}?_method=DELETE")).await.must(200);
    app.refused(
        "in the body",
        &admin.by(put(&path).json(json!({"_method": "DELETE"}))),
        422,
        "invalid",
        "/_method",
    )
    .await;
    assert_eq!(ada.me().await, 200);
}
