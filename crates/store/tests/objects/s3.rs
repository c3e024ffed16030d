//! The S3 server of KEYWARD_TEST_S3, and a place in its bucket that no other test has.

use keyward_store::objects::{Bucket, BucketSettings};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

/// Of the bucket `pictures` there, below a prefix of the test's own.
pub(crate) fn settings() -> BucketSettings {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("KEYWARD_TEST_S3").unwrap();
    let (keys, place) = url.strip_prefix("http://").unwrap().split_once('@').unwrap();
    let (id, secret) = keys.split_once(':').unwrap();
    let (host, bucket) = place.split_once('/').unwrap();
    let (born, number) = (UNIX_EPOCH.elapsed().unwrap().as_nanos(), NUMBER.fetch_add(1, Ordering::Relaxed));
    BucketSettings {
        bucket: bucket.into(),
        endpoint: Some(format!("http://{host}")),
        prefix: format!("objects/{}-{born}-{number}", std::process::id()),
        access_key_id: Some(id.into()),
        secret_access_key: Some(secret.into()),
        timeout: Duration::from_secs(10),
        ..elsewhere("")
    }
}

/// Of a bucket at this endpoint, with keys whose secret part is `canary`.
pub(crate) fn elsewhere(endpoint: &str) -> BucketSettings {
    BucketSettings {
        bucket: "pictures".into(),
        endpoint: Some(endpoint.into()),
        region: None,
        path_style: None,
        prefix: String::new(),
        access_key_id: Some("id".into()),
        secret_access_key: Some("canary".into()),
        session_token: None,
        timeout: Duration::from_secs(3),
    }
}

pub(crate) async fn open() -> (Bucket, ()) {
    (Bucket::open(settings()).await.unwrap(), ())
}
