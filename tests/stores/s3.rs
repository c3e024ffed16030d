//! A place for pictures in the bucket of all tests: names of its own in it, and a look at what lies there.

use super::{server, unique};

pub(super) struct S3 {
    bucket: String,
    endpoint: String,
    id: String,
    secret: String,
    prefix: String,
}

impl S3 {
    pub(super) fn empty() -> Self {
        Self::on(&server("KEYWARD_TEST_S3"))
    }

    /// `http://ID:SECRET@host:port/bucket`.
    pub(super) fn on(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (keys, place) = rest.split_once('@').unwrap();
        let (id, secret) = keys.split_once(':').unwrap();
        let (host, bucket) = place.split_once('/').unwrap();
        Self {
            bucket: bucket.into(),
            endpoint: format!("{scheme}://{host}"),
            id: id.into(),
            secret: secret.into(),
            prefix: unique(),
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("pictures.bucket", self.bucket.clone()),
            ("pictures.endpoint", self.endpoint.clone()),
            ("pictures.access_key_id", self.id.clone()),
            ("pictures.secret_access_key", self.secret.clone()),
            ("pictures.prefix", self.prefix.clone()),
        ]
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}
