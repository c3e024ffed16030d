//! What is an operator to a database is a text here, or of the wrong type: `{"$gt": ""}` and its like in every member of every
//! body, in queries, paths, headers and metadata. The same on every store, whichever of them it is aimed at.

use crate::app::{Person, Request, TestApp, delete, get, post, put, request};
use serde_json::{Map, Value, json};

fn operators() -> Vec<Value> {
    vec![
        json!({"$gt": ""}),
        json!({"$ne": null}),
        json!({"$regex": "^"}),
        json!({"$where": "return true"}),
        json!({"$or": [{}, {"a": "a"}]}),
        json!([{"$gt": ""}]),
    ]
}

/// What each member may be, so that only one is wrong.
fn good(name: &str, person: &Person) -> Value {
    match name {
        "email" | "login" => json!(person.email),
        "password" | "current_password" => json!(person.password),
        "refresh_token" | "token" => json!(person.refresh),
        "username" => json!("somebody"),
        "code" => json!("123456"),
        "roles" => json!(["user"]),
        "status" => json!("active"),
        "everywhere" | "email_verified" => json!(true),
        "locale" => json!("en"),
        _ => json!("x"),
    }
}

/// Every member of the body of every route that reads JSON, once as each operator, by an administrator.
async fn hostile(app: &TestApp, admin: &Person, ada: &Person) -> Vec<(String, Request)> {
    let document = app.anonymous().get("/openapi.json").await.must(200).json();
    let follow = |value: &Value| match value["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap().clone(),
        None => value.clone(),
    };
    let mut requests = Vec::new();
    for route in keyward_web::table() {
        let operation = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        let schema = follow(&follow(&operation["requestBody"])["content"]["application/json"]["schema"]);
        let members = schema["properties"].as_object().cloned().unwrap_or_default();
        for name in members.keys().filter(|name| *name != "metadata") {
            let needed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let body: Map<String, Value> =
                needed.map(|needed| (needed.to_owned(), good(needed, ada))).collect();
            let path = route.path.replace("{user}", &ada.id).replace("{id}", &ada.id);
            for operator in operators() {
                let mut body = body.clone();
                body.insert(name.clone(), operator);
                let body = Value::Object(body);
                let request = admin.by(request(route.method, &path)).json(body.clone());
                requests.push((format!("{} {path} {body}", route.method), request));
            }
        }
    }
    requests
}

#[tokio::test]
async fn an_operator_in_a_body_is_of_the_wrong_type() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.signed_in("ada").await);
    let requests = hostile(&app, &admin, &ada).await;
    assert!(requests.len() > 200, "{}", requests.len());
    let before = app.everything().await;
    for (name, request) in &requests {
        let reply = app.send(request).await;
        // What can only be read is passed over in an edit: then nothing changes.
        let is_edit = matches!(request.method.as_str(), "PUT" | "PATCH");
        assert!(matches!(reply.status, 400 | 401 | 422) || is_edit && reply.status == 200, "{name}: {reply}");
    }
    assert_eq!(app.everything().await, before);
    // As a form has it where bodies are read loosely.
    for form in [[("email[$gt]", ""), ("password[$gt]", "")], [("login[$ne]", "x"), ("password", "x")]] {
        let reply = app.send(&post("/auth/login").form(&form)).await;
        assert!(matches!(reply.status, 400 | 401 | 415 | 422), "{form:?}: {reply}");
    }
    assert_eq!((ada.me().await, admin.me().await), (200, 200));
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn an_operator_in_a_query_or_a_path_finds_nobody() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.signed_in("ada").await);
    let before = app.everything().await;
    let texts =
        [r#"{"$gt":""}"#, "$where", "[$ne]", "$gt", "{$ne:null}", "';return true;//", "$$ROOT", "^", ".*"];
    for text in texts {
        let reply = admin.get(&format!("/users?q={}", escaped(text))).await.must(200);
        assert_eq!(reply.json()["items"], json!([]), "{text}: {reply}");
        for name in ["limit", "after", "role", "status", "verified"] {
            let reply = admin.get(&format!("/users?{name}={}", escaped(text))).await;
            // A role may have any name, and nobody has that one.
            let is_nobody = reply.status == 200 && reply.json()["items"] == json!([]);
            assert!(reply.status == 422 || is_nobody, "{name}={text}: {reply}");
        }
        for path in [format!("/users/{}", escaped(text)), format!("/profile/{}", escaped(text))] {
            for request in [get(&path), put(&path).json(json!({"first_name": "x"})), delete(&path)] {
                let reply = admin.send(request.clone()).await;
                assert!(matches!(reply.status, 400 | 404 | 405 | 422), "{} {path}: {reply}", request.method);
            }
        }
        let session = delete(&format!("/users/me/sessions/{}", escaped(text)));
        assert_eq!(admin.send(session).await.status, 404, "{text}");
        app.send(&get("/users/me").bearer(text)).await.must(401);
    }
    let everybody = admin.get("/users").await.must(200).json();
    for name in ["q[$ne]", "role[$gt]", "status[$in][]", "$where", "email[$gt]"] {
        // As any parameter that nobody knows.
        let reply = admin.get(&format!("/users?{}=", escaped(name))).await.must(200);
        assert_eq!(reply.json(), everybody, "{name}");
    }
    assert_eq!(app.everything().await, before);
    assert_eq!((ada.me().await, admin.me().await), (200, 200));
}

#[tokio::test]
async fn a_text_with_a_dollar_is_that_text() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.signed_in("ada").await);
    for key in ["$where", "$set", "a.b", "$", "roles.0", "$$ROOT", "."] {
        for metadata in [json!({key: {"roles": ["admin"]}}), json!({"a": [{key: "admin"}]})] {
            let edit = ada.by(put("/users/me").json(json!({"metadata": metadata})));
            app.refused(key, &edit, 422, "invalid", "/metadata").await;
        }
    }
    let metadata = json!({
        "_id": {"oid": "$password"},
        "a": ["$$ROOT", "{\"$gt\": \"\"}", {"b$": "$set"}],
        "deleted": true,
        "pending": [{"into": "keyward_users", "document": {"roles": ["admin"]}}],
    });
    let names = json!({"first_name": "$password", "last_name": "$$ROOT", "metadata": metadata});
    ada.put("/users/me", names).await.must(200);
    for profile in [ada.get("/users/me").await, admin.get(&format!("/users/{}", ada.id)).await] {
        let profile = profile.must(200).json();
        assert_eq!(profile["metadata"], metadata);
        assert_eq!((&profile["first_name"], &profile["last_name"]), (&json!("$password"), &json!("$$ROOT")));
        assert_eq!(profile["roles"], json!(["user"]));
    }
    // In what goes along with a session and with its end.
    let agent = "$password {\"$literal\": 1} $$ROOT";
    let body = json!({"email": ada.email, "password": ada.password});
    let login = app.send(&post("/auth/login").json(body).header("user-agent", agent)).await.must(200);
    let other = ada.with(&login);
    let shown = ada.get("/users/me/sessions").await.must(200).json();
    let agents: Vec<&Value> =
        shown["items"].as_array().unwrap().iter().map(|session| &session["agent"]).collect();
    assert!(agents.contains(&&json!(agent)), "{shown}");
    app.send(&other.by(post("/auth/logout")).header("user-agent", agent)).await.must(204);
    assert_eq!(other.me().await, 401);
    let gone = json!({"password": ada.password});
    app.send(&ada.by(delete("/users/me")).json(gone).header("user-agent", agent)).await.must(204);
    let noted = app.events_with("kind, agent").await;
    for kind in ["signed_in", "signed_out", "user_deleted"] {
        assert!(noted.contains(&format!("{kind}|{agent}")), "{kind}: {noted:?}");
    }
}
