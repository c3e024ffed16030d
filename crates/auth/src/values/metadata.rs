//! The application's own JSON beside a user. Keyward keeps it and never reads it.

use super::Invalid;
use serde_json::{Map, Value};

/// A JSON object of at most 16 KiB and 8 levels that any store can hold: no key begins with `$` or holds `.` or NUL,
/// every number is an i64 or a finite f64. Kept as its compact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(String);

const LARGEST: usize = 16 * 1024;
const DEEPEST: usize = 8;

impl Metadata {
    pub fn new(object: &Map<String, Value>) -> Result<Self, Invalid> {
        check_object(object, 1)?;
        let text = serde_json::to_string(object).map_err(|_| Invalid::new("invalid_metadata", "not JSON"))?;
        if text.len() > LARGEST {
            return Err(Invalid::new("metadata_too_large", "metadata has at most 16 KiB of JSON"));
        }
        Ok(Self(text))
    }

    /// Takes back what [`as_str`](Self::as_str) gave to a store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".into())
    }
}

fn check_object(object: &Map<String, Value>, depth: usize) -> Result<(), Invalid> {
    if depth > DEEPEST {
        return Err(Invalid::new("metadata_too_deep", "metadata has at most 8 levels"));
    }
    object.iter().try_for_each(|(key, value)| {
        if key.starts_with('$') || key.contains(['.', '\0']) {
            return Err(Invalid::new(
                "invalid_metadata_key",
                "a key of metadata does not begin with $ and holds no dot or NUL",
            ));
        }
        check(value, depth)
    })
}

fn check(value: &Value, depth: usize) -> Result<(), Invalid> {
    match value {
        Value::Object(object) => check_object(object, depth + 1),
        Value::Array(_) if depth >= DEEPEST => check_object(&Map::new(), depth + 1),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, depth + 1)),
        Value::Number(n) if n.as_i64().is_none() && !n.is_f64() => Err(Invalid::new(
            "invalid_metadata_number",
            "a number of metadata is a signed 64-bit integer or a finite double",
        )),
        // PostgreSQL and several clients cannot hold it.
        Value::String(text) if text.contains('\0') => {
            Err(Invalid::new("invalid_metadata", "a text of metadata holds no NUL"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: &Value) -> Result<Metadata, Invalid> {
        Metadata::new(value.as_object().unwrap())
    }

    #[test]
    fn table() {
        assert_eq!(
            parse(&json!({"b": [1, {"c": null}], "a": 1.5})).unwrap().as_str(),
            r#"{"a":1.5,"b":[1,{"c":null}]}"#
        );
        let mut deep = json!({});
        for _ in 0..8 {
            deep = json!({ "a": deep });
        }
        let mut arrays = json!([]);
        for _ in 0..8 {
            arrays = json!([arrays]);
        }
        for refused in [
            json!({"$where": 1}),
            json!({"a.b": 1}),
            json!({"a\0": 1}),
            json!({"a": {"$gt": ""}}),
            json!({"n": u64::MAX}),
            json!({"t": "\0"}),
            json!({"t": "x".repeat(LARGEST)}),
            deep,
            json!({ "a": arrays }),
        ] {
            assert!(parse(&refused).is_err(), "{refused}");
        }
    }
}
