//! The OpenAPI document: puts the operations of `crates/web/openapi/*.json` at the paths of the router.
//!
//! Owns the assembly and tells what does not fit: a route that nobody described, a description without a route. The
//! words and schemas are data, one file per flow; which routes there are is [`routes`](crate::routes)' alone. The JSON
//! is passed on as it is written, so that members keep their order.

use crate::Shared;
use crate::routes::Route;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, value::RawValue};
use std::collections::{BTreeMap, BTreeSet};

const BASE: &str = include_str!("../openapi/base.json");

/// Each maps the name of an operation to an Operation Object without `operationId`.
const FLOWS: [&str; 21] = [
    include_str!("../openapi/register.json"),
    include_str!("../openapi/login.json"),
    include_str!("../openapi/logout.json"),
    include_str!("../openapi/refresh.json"),
    include_str!("../openapi/verify.json"),
    include_str!("../openapi/ask.json"),
    include_str!("../openapi/reset_password.json"),
    include_str!("../openapi/change_password.json"),
    include_str!("../openapi/check.json"),
    include_str!("../openapi/introspect.json"),
    include_str!("../openapi/profile.json"),
    include_str!("../openapi/pictures.json"),
    include_str!("../openapi/sessions.json"),
    include_str!("../openapi/users.json"),
    include_str!("../openapi/send_reset.json"),
    include_str!("../openapi/link.json"),
    include_str!("../openapi/setup.json"),
    include_str!("../openapi/keys.json"),
    include_str!("../openapi/health.json"),
    include_str!("../openapi/documents.json"),
    include_str!("../openapi/inbox.json"),
];

/// The members of a JSON object, each as it is written.
type Object = BTreeMap<String, Box<RawValue>>;

/// `GET /openapi.json`.
pub(crate) async fn get(State(web): State<Shared>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, web.document.clone()).into_response()
}

/// The whole document, for every route that has an operation. `public_url` is where clients reach the service; without
/// one it is where the document comes from.
pub fn document(routes: &[Route], public_url: &str) -> String {
    let base = object(BASE);
    let mut info = object(raw(&base, "info"));
    if let Ok(version) = RawValue::from_string(quoted(env!("CARGO_PKG_VERSION"))) {
        info.insert("version".into(), version);
    }
    let info = join(info.iter().map(|(name, value)| (name.as_str(), value.get().to_owned())));
    let server = if public_url.is_empty() { "/" } else { public_url };
    join([
        ("openapi", raw(&base, "openapi").to_owned()),
        ("info", info),
        ("servers", format!("[{{\"url\":{}}}]", quoted(server))),
        ("tags", raw(&base, "tags").to_owned()),
        ("paths", paths(routes)),
        ("components", raw(&base, "components").to_owned()),
    ])
}

/// The routes that lack a description: of the operation, or of a parameter of the path.
pub fn undocumented(routes: &[Route]) -> Vec<String> {
    let operations = operations();
    let base = object(BASE);
    let parameters = object(raw(&object(raw(&base, "components")), "parameters"));
    let lacks = |route: &&Route| {
        !operations.contains_key(route.operation)
            || names(route.path).any(|name| !parameters.contains_key(name))
    };
    routes.iter().filter(lacks).map(|route| format!("{} {}", route.method, route.path)).collect()
}

/// The operations that are described and are at no route, or have not exactly one canonical route.
pub fn unrouted(routes: &[Route]) -> Vec<String> {
    let canonical =
        |operation: &str| routes.iter().filter(|r| r.operation == operation && r.canonical).count();
    operations().into_keys().filter(|operation| canonical(operation) != 1).collect()
}

fn operations() -> Object {
    FLOWS.iter().flat_map(|text| object(text)).collect()
}

/// The Paths Object, in the order of the router.
fn paths(routes: &[Route]) -> String {
    let operations = operations();
    let mut seen = BTreeSet::new();
    let in_order = routes.iter().map(|route| route.path).filter(|path| seen.insert(*path));
    join(in_order.map(|path| {
        let parameters = std::iter::once("RequestId").chain(names(path));
        let parameters = parameters.map(|name| format!("{{\"$ref\":\"#/components/parameters/{name}\"}}"));
        let shared = ("parameters".to_owned(), format!("[{}]", parameters.collect::<Vec<_>>().join(",")));
        let here = routes.iter().enumerate().filter(|(_, route)| route.path == path);
        let methods = here.filter_map(|(at, route)| {
            Some((route.method.to_ascii_lowercase(), operation(operations.get(route.operation)?, routes, at)))
        });
        (path, join(std::iter::once(shared).chain(methods)))
    }))
}

/// The Operation Object of `routes[at]`: as it is described, with an id and, of an alias, a word of whose.
fn operation(described: &RawValue, routes: &[Route], at: usize) -> String {
    let Some((route, before)) = routes.get(..=at).and_then(<[Route]>::split_last) else { return "{}".into() };
    let fields = object(described.get());
    let text = |name: &str| serde_json::from_str::<String>(raw(&fields, name)).unwrap_or_default();
    let (id, summary, description) = if route.canonical {
        (route.operation.to_owned(), text("summary"), text("description"))
    } else {
        let number = 1 + before.iter().filter(|r| r.operation == route.operation && !r.canonical).count();
        let first = routes.iter().find(|r| r.operation == route.operation && r.canonical);
        let whose = first.map(|r| format!("\n\nAlias of `{} {}`.", r.method, r.path)).unwrap_or_default();
        (
            format!("{}_alias_{number}", route.operation),
            text("summary") + " (alias)",
            text("description") + &whose,
        )
    };
    let written =
        [("operationId", quoted(&id)), ("summary", quoted(&summary)), ("description", quoted(&description))];
    let rest = ["tags", "security", "parameters", "requestBody", "responses"];
    let rest = rest.into_iter().filter_map(|name| Some((name, fields.get(name)?.get().to_owned())));
    join(written.into_iter().chain(rest))
}

/// The names of the parameters of a path: `session` of `/users/me/sessions/{session}`.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn object(text: &str) -> Object {
    // Compiled in, and held valid by the tests below.
    serde_json::from_str(text).unwrap_or_default()
}

fn raw<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).map_or("null", |value| value.get())
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn join<N: AsRef<str>>(members: impl IntoIterator<Item = (N, String)>) -> String {
    let members = members.into_iter().map(|(name, value)| format!("{}:{value}", quoted(name.as_ref())));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::KINDS;

    const ROUTES: [Route; 4] = [
        Route { method: "POST", path: "/auth/login", operation: "login", canonical: true },
        Route { method: "POST", path: "/login", operation: "login", canonical: false },
        Route { method: "GET", path: "/profile/{id}", operation: "get_user", canonical: false },
        Route { method: "GET", path: "/nowhere/{what}", operation: "nothing", canonical: true },
    ];

    #[test]
    fn every_file_is_an_object_and_no_operation_is_described_twice() {
        let files: Vec<usize> = FLOWS.iter().map(|text| object(text).len()).collect();
        assert!(!object(BASE).is_empty() && files.iter().all(|operations| *operations > 0), "{files:?}");
        assert_eq!(files.iter().sum::<usize>(), operations().len());
    }

    #[test]
    fn an_alias_has_an_id_of_its_own_and_says_whose_it_is() {
        let document: Value = serde_json::from_str(&document(&ROUTES, "https://id.example.com")).unwrap();
        let alias = &document["paths"]["/login"]["post"];
        assert_eq!(document["servers"][0]["url"], "https://id.example.com");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(document["paths"]["/auth/login"]["post"]["operationId"], "login");
        assert_eq!(alias["operationId"], "login_alias_1");
        assert!(alias["description"].as_str().unwrap().ends_with("Alias of `POST /auth/login`."));
        assert_eq!(document["paths"]["/profile/{id}"]["parameters"][1]["$ref"], "#/components/parameters/id");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert_eq!(undocumented(&ROUTES), ["GET /nowhere/{what}"]);
        let unrouted = unrouted(&ROUTES);
        assert!(unrouted.contains(&"get_user".to_owned()) && !unrouted.contains(&"login".to_owned()));
    }

    #[test]
    fn the_problems_are_those_of_the_code() {
        let base: Value = serde_json::from_str(BASE).unwrap();
        let codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
        let listed = &base["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
        assert_eq!(serde_json::from_value::<Vec<String>>(listed.clone()).unwrap(), codes);
        let mut shown = BTreeSet::new();
        for response in base["components"]["responses"].as_object().unwrap().values() {
            let examples = &response["content"]["application/problem+json"]["examples"];
            for problem in examples.as_object().unwrap().values().map(|example| &example["value"]) {
                let kind = KINDS.iter().find(|kind| problem["code"] == kind.code).unwrap();
                assert_eq!(problem["status"], kind.status.as_u16(), "{problem}");
                assert_eq!(problem["title"], kind.title, "{problem}");
                assert_eq!(problem["type"], format!("urn:keyward:problem:{}", kind.code));
                shown.insert(kind.code);
            }
        }
        assert_eq!(shown.len(), codes.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = document(&ROUTES, "") + &FLOWS.concat();
        let base: Value = serde_json::from_str(BASE).unwrap();
        for reference in text.split("\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(base.pointer(reference).is_some() || reference.ends_with("/what"), "{reference}");
        }
    }
}
