//! The OpenAPI document against the router, both ways. That replies have the status and the members that it documents
//! is checked by the harness, on every reply of every test.

use crate::app::{TestApp, request};
use keyward_web::{openapi, table};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    assert_eq!(openapi::undocumented(&table()), Vec::<String>::new());
    assert_eq!(openapi::unrouted(&table()), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_documented_is_answered() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let mail = app.mail_to(&ada.email).await;
    let document = app.anonymous().get("/openapi.json").await.must(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters")
        {
            let method = method.to_uppercase();
            documented.insert((method.clone(), path.clone()));
            let address = path.replace("/link/{token}", &mail.path());
            let address = address.replace("{token}", app.keyward.setup.expose()).replace(['{', '}'], "");
            let reply = app.send(&request(&method, &address)).await;
            assert!(!matches!(reply.status, 404 | 405), "{method} {path}: {reply}");
            let needs_token = !operation["security"].as_array().unwrap().is_empty();
            assert_eq!(needs_token, reply.status == 401, "{method} {path}: {reply}");
        }
    }
    let routed: BTreeSet<(String, String)> =
        table().iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    assert_eq!(documented, routed);
}

#[tokio::test]
async fn every_operation_has_its_own_id_and_words() {
    let app = TestApp::start().await;
    let document = app.anonymous().get("/openapi.json").await.must(200).json();
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for (_, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty());
            let success =
                operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2'));
            assert!(success, "{operation}");
        }
    }
    assert_eq!(ids.len(), table().len());
    // Swagger UI's Authorize button signs in.
    let flow = &document["components"]["securitySchemes"]["signIn"]["flows"]["password"]["tokenUrl"];
    assert!(flow.as_str().is_some_and(|address| address.ends_with("/auth/login")), "{flow}");
}

#[tokio::test]
async fn no_reference_leads_nowhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(place) = members.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(place.trim_start_matches('#')).is_some(), "{place}");
                }
                members.values().for_each(|value| walk(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(document, value)),
            _ => {}
        }
    }
    let app = TestApp::start().await;
    let document = app.anonymous().get("/openapi.json").await.must(200).json();
    walk(&document, &document);
}
