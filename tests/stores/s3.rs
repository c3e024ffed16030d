//! A place for pictures in the bucket of all tests: names of its own in it, and a look at what lies there.

use super::{server, unique};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

    /// On the disk of the server, which is the same behind all proxies.
    pub(super) fn folder(&self) -> PathBuf {
        PathBuf::from(server("KEYWARD_TEST_S3_FOLDER")).join(&self.prefix)
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }
}

/// The objects in a folder of pictures, or in a bucket's, by their names. A folder with nothing in it is named as well, with a
/// slash at the end.
pub(crate) fn objects_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    // What goes while this looks is gone.
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            let inner = objects_in(&path);
            if inner.is_empty() {
                found.insert(format!("{name}/"), Vec::new());
            }
            found.extend(inner.into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.insert(name, bytes);
        }
    }
    found
}
