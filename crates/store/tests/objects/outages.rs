//! A bucket that is not there, not allowed, or silent: an error in time, which says what it was and shows no secret.

use crate::{picture, s3, square};
use keyward_auth::outside::{Gallery, GalleryError};
use keyward_auth::values::Format;
use keyward_store::objects::{Bucket, BucketSettings};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// How long after its bound something may end on a machine that runs other tests; the server is silent for longer.
const SOON: Duration = Duration::from_secs(20);

/// What comes of everything that can be asked, none of which takes longer than the settings say.
async fn failures(settings: BucketSettings) -> Vec<GalleryError> {
    let (limit, secret) = (settings.timeout, settings.secret_access_key.clone().unwrap());
    let bucket = Bucket::open(settings).await.unwrap();
    let picture = picture(Format::Jpeg);
    let begun = Instant::now();
    let (around, hung, seen, taken) = tokio::join!(
        bucket.look_around(),
        bucket.hang(picture, 64, square(picture, 64)),
        bucket.look(picture, 64),
        bucket.take_down(picture)
    );
    let took = begun.elapsed();
    assert!(took < limit + SOON, "{took:?}");
    let failures = vec![around.unwrap_err(), hung.unwrap_err(), seen.unwrap_err(), taken.unwrap_err()];
    for failure in &failures {
        let text = failure.to_string();
        assert!(!text.contains(&secret) && !text.contains("Signature=") && text.len() < 200, "{text}");
    }
    failures
}

fn all_say(failures: &[GalleryError], word: &str) {
    for failure in failures {
        assert!(failure.to_string().contains(word), "{failure}");
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn wrong_keys_are_refused() {
    let settings = s3::settings();
    let wrong = BucketSettings { secret_access_key: Some("canary".into()), ..settings.clone() };
    all_say(&failures(wrong).await, "refused (SignatureDoesNotMatch)");
    all_say(
        &failures(BucketSettings { access_key_id: Some("nobody".into()), ..settings }).await,
        "refused (",
    );
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn an_absent_bucket_is_named_as_that() {
    let settings = BucketSettings { bucket: "absent".into(), ..s3::settings() };
    let bucket = Bucket::open(settings).await.unwrap();
    let error = bucket.look_around().await.unwrap_err().to_string();
    assert!(error.contains("there is no such bucket"), "{error}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_bucket_that_is_right_is_right() {
    let (bucket, ()) = s3::open().await;
    bucket.look_around().await.unwrap();
}

#[tokio::test]
async fn nobody_at_the_endpoint() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    all_say(
        &failures(s3::elsewhere(&format!("http://{closed}"))).await,
        "cannot be reached (Connection refused",
    );
}

#[tokio::test]
async fn an_endpoint_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap();
    all_say(&failures(s3::elsewhere(&format!("http://{at}"))).await, "no answer in time");
    // Nor does it say hello in TLS.
    all_say(&failures(s3::elsewhere(&format!("https://{at}"))).await, "no answer in time");
}

/// A server that says `words` to each request, and then either ends the connection or stays silent.
async fn saying(words: &'static str, stays: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 16_384];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(words.as_bytes()).await;
                while stays && stream.read(&mut asked).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    format!("http://{at}")
}

#[tokio::test]
async fn an_endpoint_that_is_no_s3() {
    for words in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"] {
        let bucket = Bucket::open(s3::elsewhere(&saying(words, false).await)).await.unwrap();
        let error = bucket.look(picture(Format::Jpeg), 64).await.unwrap_err().to_string();
        assert!(error.contains("it "), "{words}: {error}");
    }
    // A reply that begins and does not go on.
    let begun =
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nLast-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\nhalf";
    let bucket = Bucket::open(s3::elsewhere(&saying(begun, true).await)).await.unwrap();
    let begun = Instant::now();
    let error = bucket.look(picture(Format::Jpeg), 64).await.unwrap_err().to_string();
    assert!(error.contains("no answer in time"), "{error}");
    assert!(begun.elapsed() < SOON);
}

/// Whatever a server puts into its refusal, of it only the name is repeated.
#[tokio::test]
async fn a_refusal_is_not_repeated() {
    const HEAD: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n";
    let more = "<StringToSign>canary Signature=canary</StringToSign>";
    for (name, said) in
        [("SignatureDoesNotMatch", "SignatureDoesNotMatch"), ("canary Signature=canary", "status 403")]
    {
        let words = format!("{HEAD}<Error><Code>{name}</Code>{more}</Error>");
        let at = saying(words.leak(), false).await;
        all_say(&failures(s3::elsewhere(&at)).await, &format!("refused ({said}): "));
    }
}
