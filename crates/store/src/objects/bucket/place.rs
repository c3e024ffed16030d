//! Where a bucket is: the one URL below which its objects are, for what is asked and for what is signed. Owns what it may
//! be made of, so that nothing in it needs to be written in another way.

use crate::objects::OpenError;
use url::Url;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    scheme: String,
    /// As a browser sends it: with the port only where it is not the scheme's own.
    host: String,
    /// `/bucket`, or nothing where the bucket's name is in the host.
    path: String,
}

impl Place {
    /// At `endpoint`, or at AWS. By default the bucket's name is in the path where an endpoint is named, and where dots in
    /// it would be at odds with AWS's certificate; else it is before the host.
    pub(super) fn new(
        bucket: &str,
        endpoint: Option<&str>,
        region: &str,
        path_style: Option<bool>,
    ) -> Result<Self, OpenError> {
        let in_path = path_style.unwrap_or(endpoint.is_some() || bucket.contains('.'));
        let (scheme, host) = match endpoint {
            Some(endpoint) => origin(endpoint)?,
            None if region.starts_with("cn-") => ("https".into(), format!("s3.{region}.amazonaws.com.cn")),
            None => ("https".into(), format!("s3.{region}.amazonaws.com")),
        };
        Ok(if in_path {
            Self { scheme, host, path: format!("/{bucket}") }
        } else if host.starts_with(&format!("{bucket}.")) {
            Self { scheme, host, path: String::new() }
        } else {
            Self { scheme, host: format!("{bucket}.{host}"), path: String::new() }
        })
    }

    /// Whether there is no TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.scheme == "http"
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Of an object, as it stands in a request.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.path)
    }

    /// Without a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }
}

/// Scheme and host with port, of an URL that has nothing else.
fn origin(endpoint: &str) -> Result<(String, String), OpenError> {
    let wrong = || OpenError("the endpoint of the bucket is not https://host or http://host:port".into());
    let url = Url::parse(endpoint).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some();
    if has_more || !matches!(url.scheme(), "https" | "http") {
        return Err(wrong());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok((url.scheme().to_owned(), format!("{host}{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_bucket_is() {
        for (endpoint, path_style, url) in [
            (None, None, "https://cats.s3.eu-west-1.amazonaws.com"),
            (None, Some(true), "https://s3.eu-west-1.amazonaws.com/cats"),
            (Some("http://127.0.0.1:9000"), None, "http://127.0.0.1:9000/cats"),
            (Some("https://S3.example.com:443/"), None, "https://s3.example.com/cats"),
            (Some("http://[::1]:80"), None, "http://[::1]/cats"),
            (Some("https://s3.example.com"), Some(false), "https://cats.s3.example.com"),
            (Some("https://cats.s3.example.com"), Some(false), "https://cats.s3.example.com"),
        ] {
            let place = Place::new("cats", endpoint, "eu-west-1", path_style).unwrap();
            assert_eq!(place.url(), url);
            assert_eq!(place.is_plain(), url.starts_with("http:"));
            assert_eq!(
                place.path("a/64.jpg"),
                format!("{}/a/64.jpg", if url.ends_with("/cats") { "/cats" } else { "" })
            );
        }
        let place = |bucket, region| Place::new(bucket, None, region, None).unwrap().url();
        assert_eq!(place("a.b", "us-east-1"), "https://s3.us-east-1.amazonaws.com/a.b");
        assert_eq!(place("cats", "cn-north-1"), "https://cats.s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn an_endpoint_is_an_origin_and_is_not_repeated() {
        for text in [
            "",
            "secret",
            "s3.example.com",
            "ftp://secret",
            "http://",
            "https://kim:secret@s3.example.com",
            "https://secret@s3.example.com",
            "https://s3.example.com/secret",
            "https://s3.example.com?secret",
            "https://s3.example.com#secret",
        ] {
            let error = Place::new("cats", Some(text), "us-east-1", None).unwrap_err().to_string();
            assert!(error.contains("endpoint") && !error.contains("secret"), "{text}: {error}");
        }
    }
}
