//! Links to a bucket, followed to a server that checks signatures: they open one object, by `GET`, while they last.

use crate::{picture, s3, square};
use keyward_auth::outside::Gallery;
use keyward_auth::values::{Format, Picture, Timestamp};
use keyward_store::objects::{Bucket, BucketSettings};
use reqwest::{Client, Method, StatusCode};
use std::time::{Duration, UNIX_EPOCH};

fn now() -> Timestamp {
    Timestamp::from_micros(UNIX_EPOCH.elapsed().unwrap().as_micros().try_into().unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);

/// As a profile has it: signed a while ago, good for a while.
fn link(bucket: &Bucket, picture: Picture, side: u32) -> String {
    bucket.link(picture, side, now() - 2 * MINUTE, now() + 13 * MINUTE).unwrap()
}

async fn status(method: Method, url: &str) -> StatusCode {
    Client::new().request(method, url).send().await.unwrap().status()
}

async fn bucket_with(picture: Picture) -> (Bucket, BucketSettings) {
    let settings = s3::settings();
    let bucket = Bucket::open(settings.clone()).await.unwrap();
    for side in Picture::SIZES {
        bucket.hang(picture, side, square(picture, side)).await.unwrap();
    }
    (bucket, settings)
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_link_shows_the_square_with_its_type_and_how_long_to_keep_it() {
    for (format, media_type) in [(Format::Jpeg, "image/jpeg"), (Format::Png, "image/png")] {
        let picture = picture(format);
        let (bucket, _) = bucket_with(picture).await;
        for side in Picture::SIZES {
            let reply = Client::new().get(link(&bucket, picture, side)).send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK);
            assert_eq!(reply.headers()["content-type"], media_type);
            assert_eq!(reply.headers()["cache-control"], "private, max-age=300, immutable");
            assert_eq!(reply.bytes().await.unwrap(), square(picture, side));
        }
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_link_is_the_same_for_the_same_times_on_every_node() {
    let picture = picture(Format::Jpeg);
    let (bucket, settings) = bucket_with(picture).await;
    let other = Bucket::open(settings).await.unwrap();
    let (from, until) = (now(), now() + MINUTE);
    let link = bucket.link(picture, 64, from, until).unwrap();
    assert_eq!(bucket.link(picture, 64, from, until).as_ref(), Some(&link));
    assert_eq!(other.link(picture, 64, from, until).as_ref(), Some(&link));
    assert_ne!(bucket.link(picture, 64, from + MINUTE, until).as_ref(), Some(&link));
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_link_opens_nothing_before_and_after_its_time() {
    let picture = picture(Format::Jpeg);
    let (bucket, _) = bucket_with(picture).await;
    let over = bucket.link(picture, 64, now() - 20 * MINUTE, now() - MINUTE).unwrap();
    assert_eq!(status(Method::GET, &over).await, StatusCode::FORBIDDEN);
    let not_yet = bucket.link(picture, 64, now() + 60 * MINUTE, now() + 70 * MINUTE).unwrap();
    assert_eq!(status(Method::GET, &not_yet).await, StatusCode::FORBIDDEN);
    // One that ends while it is looked at.
    let short = bucket.link(picture, 64, now(), now() + Duration::from_secs(2)).unwrap();
    assert_eq!(status(Method::GET, &short).await, StatusCode::OK);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while status(Method::GET, &short).await == StatusCode::OK {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status(Method::GET, &short).await, StatusCode::FORBIDDEN);
}

///
#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_10_a_link_is_for_one_object_by_get_alone() {
    let (one, other) = (picture(Format::Jpeg), picture(Format::Jpeg));
    let (bucket, _) = bucket_with(one).await;
    bucket.hang(other, 64, square(other, 64)).await.unwrap();
    let link = link(&bucket, one, 64);
    for method in [Method::PUT, Method::DELETE, Method::POST, Method::HEAD] {
        assert_eq!(status(method.clone(), &link).await, StatusCode::FORBIDDEN, "{method}");
    }
    let (place, query) = link.split_once('?').unwrap();
    let (names, _) = place.rsplit_once(&one.object(64)).unwrap();
    let pictures = names.split("/objects/").next().unwrap();
    for place in [
        place.replace(&one.object(64), &one.object(128)),
        place.replace(&one.object(64), &other.object(64)),
        names.to_owned(),
        // A list of the bucket.
        pictures.to_owned(),
        format!("{pictures}/"),
    ] {
        assert_eq!(status(Method::GET, &format!("{place}?{query}")).await, StatusCode::FORBIDDEN, "{place}");
    }
    assert_eq!(status(Method::GET, place).await, StatusCode::FORBIDDEN, "without a signature");
    assert_eq!(status(Method::GET, pictures).await, StatusCode::FORBIDDEN, "without a signature");
    assert_eq!(status(Method::GET, &link).await, StatusCode::OK, "it is there as before");
}

///
#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_10_no_part_of_a_link_can_be_edited() {
    let picture = picture(Format::Jpeg);
    let (bucket, _) = bucket_with(picture).await;
    let link = link(&bucket, picture, 64);
    let (place, query) = link.split_once('?').unwrap();
    let today = query.split("X-Amz-Date=").nth(1).unwrap()[..8].to_owned();
    let other_signature = |value: &str| if value.ends_with('0') { "1" } else { "0" };
    let mut edited = 0;
    for part in query.split('&') {
        let (name, value) = part.split_once('=').unwrap();
        let others = match name {
            "X-Amz-Algorithm" => vec!["AWS4-HMAC-SHA512".to_owned(), "none".into()],
            "X-Amz-Credential" => {
                vec![value.replace("keyward", "somebody"), value.replace("us-east-1", "us-east-2")]
            }
            "X-Amz-Date" => vec![format!("{today}T235959Z"), "20400101T000000Z".into()],
            "X-Amz-Expires" => vec!["901".to_owned(), "604800".into()],
            "X-Amz-SignedHeaders" => vec!["host%3Bx-amz-date".to_owned(), "date".into()],
            "response-cache-control" => vec!["public".to_owned()],
            "response-content-type" => vec!["text%2Fhtml".to_owned()],
            "X-Amz-Signature" => vec![format!("{}{}", &value[..63], other_signature(value)), "0".repeat(64)],
            other => panic!("{other} is not known to this test"),
        };
        for other in others.into_iter().filter(|other| other != value) {
            let url = format!("{place}?{}", query.replace(part, &format!("{name}={other}")));
            let status = status(Method::GET, &url).await;
            // There is but one way to sign.
            let refused =
                if name == "X-Amz-Algorithm" { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
            assert_eq!(status, refused, "{name}={other}");
            edited += 1;
        }
        let without: Vec<&str> = query.split('&').filter(|other| *other != part).collect();
        let status = status(Method::GET, &format!("{place}?{}", without.join("&"))).await;
        // What is not whole is no signature at all; nor is there one that says a thing twice.
        let is_whole = name.starts_with("response-") || name == "X-Amz-Signature";
        let refused = if is_whole { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
        assert_eq!(status, refused, "without {name}");
    }
    assert!(edited > 10, "{edited}");
    for more in ["response-content-disposition=attachment", "x=y", "versionId=1"] {
        assert_eq!(
            status(Method::GET, &format!("{link}&{more}")).await,
            StatusCode::FORBIDDEN,
            "with {more}"
        );
    }
    let twice = format!("{link}&X-Amz-Expires=604800");
    assert_eq!(status(Method::GET, &twice).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(Method::GET, &link).await, StatusCode::OK);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_link_signed_with_other_keys_opens_nothing() {
    let picture = picture(Format::Jpeg);
    let (_, settings) = bucket_with(picture).await;
    let secret = Some("another secret".to_owned());
    for other in [
        BucketSettings { secret_access_key: secret, ..settings.clone() },
        BucketSettings { access_key_id: Some("somebody".into()), ..settings.clone() },
        BucketSettings {
            prefix: "elsewhere".into(),
            secret_access_key: Some("x".into()),
            ..settings.clone()
        },
    ] {
        let bucket = Bucket::open(other).await.unwrap();
        assert_eq!(status(Method::GET, &link(&bucket, picture, 64)).await, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_link_to_what_was_taken_down_is_404() {
    let picture = picture(Format::Png);
    let (bucket, _) = bucket_with(picture).await;
    let link = link(&bucket, picture, 512);
    assert_eq!(status(Method::GET, &link).await, StatusCode::OK);
    bucket.take_down(picture).await.unwrap();
    assert_eq!(status(Method::GET, &link).await, StatusCode::NOT_FOUND);
}
