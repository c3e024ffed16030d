//! Where keys come from, and how a bucket is asked again: against a server on this machine that says what the test wants.

use super::*;
use keyward_auth::values::Format;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers by the first line of a request, such as `GET /keys HTTP/1.1`, and remembers what it was asked.
#[derive(Clone)]
struct Answering {
    at: String,
    replies: Arc<Mutex<HashMap<&'static str, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let own = Self { at, replies: Arc::default(), asked: Arc::default() };
        let server = own.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 65_536];
                let mut length = 0;
                while !bytes[..length].windows(4).any(|end| end == b"\r\n\r\n") {
                    length += stream.read(&mut bytes[length..]).await.unwrap();
                }
                let asked = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let reply = server.reply(&asked);
                server.asked.lock().unwrap().push(asked);
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        own
    }

    fn reply(&self, asked: &str) -> String {
        let replies = self.replies.lock().unwrap();
        let known = replies.iter().find(|(begin, _)| asked.starts_with(**begin));
        let (status, body) = known.map_or("404 Not Found\n", |(_, reply)| reply).split_once('\n').unwrap();
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nETag: \"a\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    /// `status` and then the body, on lines of their own.
    fn says(&self, begin: &'static str, reply: &str) {
        self.replies.lock().unwrap().insert(begin, reply.to_owned());
    }

    fn asked(&self, begin: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.starts_with(begin)).cloned().collect()
    }
}

fn settings(endpoint: Option<&str>) -> BucketSettings {
    BucketSettings {
        bucket: "pictures".into(),
        endpoint: endpoint.map(str::to_owned),
        region: None,
        path_style: None,
        prefix: String::new(),
        access_key_id: None,
        secret_access_key: None,
        session_token: None,
        timeout: Duration::from_secs(2),
    }
}

fn with_keys(endpoint: &str) -> BucketSettings {
    let (id, secret) = (Some("own".to_owned()), Some("canary".to_owned()));
    BucketSettings { access_key_id: id, secret_access_key: secret, ..settings(Some(endpoint)) }
}

async fn opened(settings: BucketSettings, environment: &[(&str, &str)]) -> Result<Bucket, OpenError> {
    let found = |name: &str| Some(environment.iter().find(|(own, _)| *own == name)?.1.to_owned());
    Bucket::open_in(settings, found).await
}

fn picture() -> Picture {
    Picture::new([1; 16], Format::Jpeg)
}

fn link(bucket: &Bucket) -> Option<String> {
    let from = Timestamp::from_micros(1_795_254_000_000_000);
    bucket.link(picture(), 64, from, from + Duration::from_secs(900))
}

async fn link_at_last(bucket: &Bucket) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(link) = link(bucket) {
            return link;
        }
        assert!(Instant::now() < end, "no keys");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const LENT: &str = r#"200 OK
{"AccessKeyId": "lent", "SecretAccessKey": "canary", "Token": "a/token=", "Expiration": "2999-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn the_keys_of_a_container_arrive_in_the_background() {
    let lender = Answering::start().await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "let me in").unwrap();
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*format!("{}/v1/credentials", lender.at)),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    let bucket = opened(settings(None), &environment).await.unwrap();
    assert_eq!(link(&bucket), None);
    let error = bucket.look_around().await.unwrap_err().to_string();
    assert!(error.contains("there are no keys: whoever lends those of the role refused"), "{error}");
    assert_eq!(link(&bucket), None);

    lender.says("GET /v1/credentials ", LENT);
    let link = link_at_last(&bucket).await;
    assert!(
        link.starts_with(&format!("https://pictures.s3.us-east-1.amazonaws.com/{}?", picture().object(64))),
        "{link}"
    );
    assert!(link.contains("&X-Amz-Credential=lent%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&"), "{link}");
    assert!(link.contains("&X-Amz-Security-Token=a%2Ftoken%3D&"), "{link}");
    assert!(!link.contains("canary"), "{link}");
    let asked = lender.asked("GET /v1/credentials ");
    assert!(asked.iter().all(|asked| asked.contains("let me in")), "{asked:?}");
}

#[tokio::test]
async fn the_keys_of_a_machine_sign_what_is_asked_and_what_is_linked() {
    let lender = Answering::start().await;
    lender.says("PUT /latest/api/token ", "200 OK\nticket");
    lender.says("GET /latest/meta-data/iam/security-credentials/ ", "200 OK\nkeeper");
    lender.says("GET /latest/meta-data/iam/security-credentials/keeper ", LENT);
    let s3 = Answering::start().await;
    s3.says("PUT /pictures/a/b/", "200 OK\n");
    let own = BucketSettings { prefix: "a/b".into(), ..settings(Some(&s3.at)) };
    let bucket = opened(own, &[("AWS_METADATA_ENDPOINT", &lender.at)]).await.unwrap();
    assert!(link_at_last(&bucket).await.contains("&X-Amz-Security-Token=a%2Ftoken%3D&"));
    bucket.hang(picture(), 64, b"square".to_vec()).await.unwrap();
    let asked = s3.asked(&format!("PUT /pictures/a/b/{} ", picture().object(64)));
    let [asked] = asked.as_slice() else { panic!("{asked:?}") };
    let head = asked.to_ascii_lowercase();
    for line in [
        "\r\nx-amz-security-token: a/token=\r\n",
        "\r\ncontent-type: image/jpeg\r\n",
        "\r\ncache-control: private, max-age=31536000, immutable\r\n",
    ] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
    // Asked for once, and shared.
    assert_eq!(lender.asked("GET /latest/meta-data/iam/security-credentials/keeper ").len(), 1);
}

#[tokio::test]
async fn own_keys_win_over_the_environments_and_these_over_a_role() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", "environments"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-2"),
        ("AWS_ENDPOINT_URL_S3", ""),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/nobody"),
    ];
    let from_environment = link(&opened(settings(None), &environment).await.unwrap()).unwrap();
    assert!(from_environment.starts_with("http://127.0.0.1:1/pictures/"), "{from_environment}");
    assert!(
        from_environment.contains("Credential=environments%2F20261121%2Feu-west-1%2F"),
        "{from_environment}"
    );
    assert!(from_environment.contains("X-Amz-Security-Token=token&"), "{from_environment}");

    let own = BucketSettings { region: Some("auto".into()), ..with_keys("https://s3.example.com") };
    let own = link(&opened(own, &environment).await.unwrap()).unwrap();
    assert!(own.starts_with("https://s3.example.com/pictures/"), "{own}");
    assert!(own.contains("Credential=own%2F20261121%2Fauto%2F") && !own.contains("Token"), "{own}");
}

#[tokio::test]
async fn what_is_wrong_in_settings_is_said_and_secrets_are_not() {
    let right = || with_keys("https://s3.example.com");
    let canary = || Some("canary".to_owned());
    let plain = BucketSettings { endpoint: None, ..right() };
    for (settings, hint) in [
        (BucketSettings { bucket: String::new(), ..right() }, "name of the bucket"),
        (BucketSettings { bucket: "canary/../b".into(), ..right() }, "name of the bucket"),
        (BucketSettings { bucket: "..".into(), ..right() }, "name of the bucket"),
        (BucketSettings { prefix: "a//canary".into(), ..right() }, "prefix"),
        (BucketSettings { prefix: "a/../canary".into(), ..right() }, "prefix"),
        (BucketSettings { prefix: "canary?".into(), ..right() }, "prefix"),
        (BucketSettings { region: Some("canary/".into()), ..plain }, "region"),
        (BucketSettings { endpoint: Some("https://kim:canary@host".into()), ..right() }, "endpoint"),
        (BucketSettings { access_key_id: None, ..right() }, "not whole"),
        (BucketSettings { secret_access_key: None, access_key_id: canary(), ..right() }, "not whole"),
        (BucketSettings { session_token: canary(), ..settings(None) }, "not whole"),
    ] {
        let shown = format!("{settings:?}");
        assert!(!shown.contains("\"canary\"") && !shown.contains(":canary"), "{shown}");
        let error = opened(settings, &[]).await.unwrap_err().to_string();
        assert!(error.contains(hint) && !error.contains("canary"), "{error}");
    }
    let half = opened(settings(None), &[("AWS_ACCESS_KEY_ID", "half")]).await.unwrap_err();
    assert!(half.to_string().contains("not whole"), "{half}");
    let bucket = opened(BucketSettings { prefix: "/a/b/".into(), ..right() }, &[]).await.unwrap();
    assert_eq!(format!("{bucket:?}"), "Bucket(https://s3.example.com/pictures/a/b/)");
}

#[tokio::test]
async fn what_failed_for_a_moment_is_asked_again_and_not_for_ever() {
    let s3 = Answering::start().await;
    let bucket = opened(with_keys(&s3.at), &[]).await.unwrap();
    s3.says("PUT ", "503 Slow Down\n<Error><Code>SlowDown</Code></Error>");
    let error = bucket.hang(picture(), 64, b"square".to_vec()).await.unwrap_err().to_string();
    let expected = format!("the place of pictures failed: put at {}/pictures: it failed (SlowDown)", s3.at);
    assert_eq!(error, expected);
    assert_eq!(s3.asked("PUT ").len(), 3);

    let hanging = tokio::spawn(async move { bucket.hang(picture(), 64, b"square".to_vec()).await });
    let end = Instant::now() + Duration::from_secs(10);
    while s3.asked("PUT ").len() < 4 {
        assert!(Instant::now() < end);
        tokio::task::yield_now().await;
    }
    s3.says("PUT ", "200 OK\n");
    hanging.await.unwrap().unwrap();
}

/// S3 names a bucket that is elsewhere, and a key that signs for another region, in other ways than an absent one.
#[tokio::test]
async fn a_bucket_of_another_region_is_told_and_not_followed() {
    let s3 = Answering::start().await;
    let bucket = opened(with_keys(&s3.at), &[]).await.unwrap();
    for reply in [
        "404 Not Found\n<Error><Code>NoSuchBucket</Code></Error>",
        "301 Moved Permanently\n<Error><Code>PermanentRedirect</Code></Error>",
        "307 Temporary Redirect\n",
        "400 Bad Request\n<Error><Code>AuthorizationHeaderMalformed</Code></Error>",
    ] {
        s3.says("GET ", reply);
        for error in [bucket.look(picture(), 64).await.unwrap_err(), bucket.look_around().await.unwrap_err()]
        {
            assert!(error.to_string().contains("no such bucket, or not in this region ("), "{error}");
        }
    }
    s3.says("GET ", "404 Not Found\n<Error><Code>NoSuchKey</Code></Error>");
    assert_eq!(bucket.look(picture(), 64).await.unwrap(), None);
}

/// A proxy whose bucket is away says 404 in words of its own: nothing is gone by that.
#[tokio::test]
async fn somebody_elses_404_is_no_absent_object() {
    let s3 = Answering::start().await;
    let bucket = opened(with_keys(&s3.at), &[]).await.unwrap();
    for (method, reply) in
        [("GET ", "404 Not Found\n<html>default backend</html>"), ("DELETE ", "404 Not Found\n")]
    {
        s3.says(method, reply);
    }
    assert!(bucket.look(picture(), 64).await.is_err());
    assert!(bucket.take_down(picture()).await.is_err());
    s3.says("DELETE ", "404 Not Found\n<Error><Code>NoSuchKey</Code></Error>");
    bucket.take_down(picture()).await.unwrap();
}
