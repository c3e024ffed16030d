//! The OpenAPI document as a judge: a reply that a test meets has a status and members that the document names.

use super::client::{Reply, Request};
use keyward_web::{Route, openapi, table};
use serde_json::Value;

pub(super) struct Contract {
    routes: Vec<Route>,
    document: Value,
}

impl Contract {
    pub(super) fn read() -> Self {
        let routes = table();
        let document = serde_json::from_str(&openapi::document(&routes, "")).unwrap();
        Self { routes, document }
    }

    pub(super) fn check(&self, request: &Request, reply: &Reply) {
        let Some(path) = self.template(&request.path) else { return };
        let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
        if !self.routes.iter().any(|route| route.path == path && route.method == method) {
            // OPTIONS is answered where CORS is on.
            assert!(method == "OPTIONS" || reply.status / 100 != 2, "nobody serves {method} {path}: {reply}");
            return;
        }
        let operation = &self.document["paths"][path][method.to_ascii_lowercase()];
        let documented = self.followed(&operation["responses"][reply.status.to_string()]);
        assert!(documented.is_object(), "{method} {path} does not document {reply}");
        let Some(content) = documented["content"].as_object() else { return };
        let kind = reply.header("content-type").split(';').next().unwrap_or_default();
        assert!(content.contains_key(kind), "{method} {path} does not document {kind}: {reply}");
        if kind.ends_with("json") && request.method != "HEAD" {
            self.check_members(&content[kind]["schema"], &reply.json(), reply);
        }
    }

    /// Names only: no member that is not documented, none missing that is required.
    fn check_members(&self, schema: &Value, value: &Value, reply: &Reply) {
        let schema = self.followed(schema);
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            values.iter().for_each(|value| self.check_members(items, value, reply));
        }
        let (Some(properties), Some(members)) = (schema["properties"].as_object(), value.as_object()) else {
            return;
        };
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(required.as_str().unwrap()), "{required} is missing: {reply}");
        }
        // The document describes itself by its first members only.
        if members.contains_key("openapi") {
            return;
        }
        for (name, value) in members {
            let known = properties.get(name).unwrap_or_else(|| panic!("{name} is not documented: {reply}"));
            self.check_members(known, value, reply);
        }
    }

    fn followed<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.document.pointer(place.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// The pattern of the route that this path belongs to; names win over parameters, as in the router.
    fn template(&self, path: &str) -> Option<&'static str> {
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        let is_parameter = |part: &str| part.starts_with('{');
        let fits = |route: &&Route| {
            let pattern: Vec<&str> = route.path.split('/').collect();
            pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(a, b)| is_parameter(a) || a == b)
        };
        self.routes.iter().filter(fits).map(|route| route.path).min_by_key(|path| path.matches('{').count())
    }
}
