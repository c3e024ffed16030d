//! What an operator says of a bucket, judged: with the names that AWS gave to its environment variables for what is not
//! said. Owns which of these count; shows nothing that is secret.

use super::place::Place;
use crate::objects::OpenError;
use object_store::aws::AmazonS3ConfigKey;
use std::fmt;
use std::time::Duration;

/// Where pictures are kept, and with which keys.
#[derive(Clone)]
pub struct BucketSettings {
    pub bucket: String,
    /// `https://host`, or `http://host:port` without TLS. By default AWS, or `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// By default `AWS_REGION`, `AWS_DEFAULT_REGION`, or us-east-1.
    pub region: Option<String>,
    /// Whether the bucket's name stands in the path rather than in the host. By default where there is an endpoint.
    pub path_style: Option<bool>,
    /// What every key begins with, without the slash after it. Empty for none.
    pub prefix: String,
    /// Both or none; without them the environment's, or a role's.
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    /// Only with keys that are lent for a while.
    pub session_token: Option<String>,
    /// The longest wait for anything that is asked of the bucket, tries again included.
    pub timeout: Duration,
}

/// What is secret shows as `..`; so does an endpoint that has more in it than it may.
impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "..");
        let endpoint =
            self.endpoint.as_deref().map(|text| if text.contains(['@', '?']) { ".." } else { text });
        f.debug_struct("BucketSettings")
            .field("bucket", &self.bucket)
            .field("endpoint", &endpoint)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("prefix", &self.prefix)
            .field("access_key_id", &hidden(&self.access_key_id))
            .field("secret_access_key", &hidden(&self.secret_access_key))
            .field("session_token", &hidden(&self.session_token))
            .field("timeout", &self.timeout)
            .finish()
    }
}

pub(super) struct Judged {
    pub(super) bucket: String,
    pub(super) place: Place,
    pub(super) region: String,
    /// Empty, or with a slash at its end.
    pub(super) prefix: String,
    /// What tells `object_store` where keys come from.
    pub(super) credentials: Vec<(AmazonS3ConfigKey, String)>,
    /// Whether the keys themselves are among that.
    pub(super) are_given: bool,
    pub(super) timeout: Duration,
}

/// Where a role is, as the places that lend one say it.
const ROLES: [&str; 8] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
];

pub(super) fn judge(
    settings: BucketSettings,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Judged, OpenError> {
    let named = |name: &str| environment(name).filter(|value| !value.is_empty());
    let BucketSettings { bucket, prefix, timeout, .. } = settings;
    if !(1..=255).contains(&bucket.len()) || !is_plain(&bucket) {
        return Err(OpenError("the name of the bucket is not one: letters, digits, hyphens and dots".into()));
    }
    let prefix = prefix.trim_matches('/');
    if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
        return Err(OpenError("the prefix of the bucket is not a path such as accounts/pictures".into()));
    }
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let region = settings.region.or_else(|| named("AWS_REGION")).or_else(|| named("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| "us-east-1".into());
    if !is_plain(&region) {
        return Err(OpenError("the region of the bucket is not one such as us-east-1".into()));
    }
    let elsewhere = || named("AWS_ENDPOINT_URL_S3").or_else(|| named("AWS_ENDPOINT_URL"));
    let endpoint = settings.endpoint.or_else(elsewhere);
    let place = Place::new(&bucket, endpoint.as_deref(), &region, settings.path_style)?;

    let given = (settings.access_key_id, settings.secret_access_key, settings.session_token);
    let keys = match given {
        (None, None, None) => {
            (named("AWS_ACCESS_KEY_ID"), named("AWS_SECRET_ACCESS_KEY"), named("AWS_SESSION_TOKEN"))
        }
        given => given,
    };
    let (credentials, are_given) = match keys {
        (Some(id), Some(secret), token) => {
            let mut keys =
                vec![(AmazonS3ConfigKey::AccessKeyId, id), (AmazonS3ConfigKey::SecretAccessKey, secret)];
            keys.extend(token.map(|token| (AmazonS3ConfigKey::Token, token)));
            (keys, true)
        }
        (None, None, None) => {
            let named =
                ROLES.iter().filter_map(|name| Some((name.to_ascii_lowercase().parse().ok()?, named(name)?)));
            (named.collect(), false)
        }
        _ => {
            return Err(OpenError(
                "the keys of the bucket are not whole: an id and a secret, or neither".into(),
            ));
        }
    };
    Ok(Judged { bucket, place, region, prefix, credentials, are_given, timeout })
}

/// What stands in a URL and below a signature as it is written.
fn is_plain(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(is_known) && !text.chars().all(|c| c == '.')
}
