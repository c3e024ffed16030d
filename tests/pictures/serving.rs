//! What comes with a picture: from a folder by the service, from a bucket by S3.

use super::{RED, Seen, link, look, noise, path, png, start};
use crate::app::{Request, TestApp, get, request};

async fn served(app: &TestApp, request: &Request) -> Seen {
    let reply = app.send(request).await;
    Seen { status: reply.status, headers: reply.headers, body: reply.body }
}

#[tokio::test]
async fn a_04_what_comes_with_a_picture() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    for (bytes, kind) in [(png(RED), "image/jpeg"), (noise(100), "image/png")] {
        let picture = ada.uploads(bytes).await.must(200).json()["picture"].clone();
        for side in [64, 128, 256, 512] {
            let seen = look(&app, &link(&picture, side)).await;
            assert_eq!((seen.status, seen.header("content-type")), (200, kind));
            assert_eq!(seen.header("content-length"), seen.body.len().to_string());
            let kept = seen.header("cache-control");
            let age = kept.strip_prefix("private, max-age=").unwrap_or_else(|| panic!("{kept}"));
            let age: u64 = age.split(',').next().unwrap().parse().unwrap();
            // A bucket's link says what it was signed with: for how long it is the same.
            let expected = if app.pictures().is_some() { 590..=900 } else { 300..=300 };
            assert!(expected.contains(&age), "{kept}");
            assert!(!seen.header("etag").is_empty() && !seen.headers.contains_key("set-cookie"), "{seen:?}");
            if app.pictures().is_none() {
                continue;
            }
            assert!(kept.ends_with(", immutable"), "{kept}");
            assert_eq!(
                seen.header("content-security-policy"),
                "default-src 'none'; sandbox; frame-ancestors 'none'"
            );
            let name = format!(
                "inline; filename=\"picture-{side}.{}\"",
                if kind == "image/png" { "png" } else { "jpg" }
            );
            assert_eq!(seen.header("content-disposition"), name);
            assert_eq!(seen.header("cross-origin-resource-policy"), "cross-origin");
            assert_eq!(seen.header("accept-ranges"), "bytes");
        }
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again_and_parts_are_sent_alone() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(noise(200)).await.must(200).json()["picture"].clone();
    let (url, other) = (link(&picture, 256), link(&picture, 128));
    if app.pictures().is_none() {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let part = client.get(&url).header("range", "bytes=0-9").send().await.unwrap();
        assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().len()), (206, 10));
        return;
    }
    let ask = || get(path(&url));
    let whole = served(&app, &ask()).await;
    let tag = whole.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 34, "{tag}");
    assert_ne!(look(&app, &other).await.header("etag"), tag);

    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let seen = served(&app, &ask().header("if-none-match", &known)).await;
        assert_eq!((seen.status, seen.body.len(), seen.header("etag")), (304, 0, tag.as_str()), "{known}");
        assert_eq!(seen.header("cache-control"), whole.header("cache-control"));
    }
    assert_eq!(served(&app, &ask().header("if-none-match", "\"x\"")).await.status, 200);

    let length = whole.body.len();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=200-", 200, length),
        ("bytes=-7", length - 7, length),
    ] {
        let seen = served(&app, &ask().header("range", range)).await;
        assert_eq!((seen.status, &seen.body[..]), (206, &whole.body[from..to]), "{range}");
        assert_eq!(seen.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
        assert_eq!(seen.header("content-type"), "image/png");
        let seen = served(&app, &ask().header("range", range).header("if-range", &tag)).await;
        assert_eq!(seen.status, 206);
        let seen = served(&app, &ask().header("range", range).header("if-range", "\"x\"")).await;
        assert_eq!((seen.status, seen.body.len()), (200, length));
    }
    let seen = served(&app, &ask().header("range", &format!("bytes={length}-"))).await;
    assert_eq!((seen.status, seen.header("content-range")), (416, format!("bytes */{length}").as_str()));
    let seen = served(&app, &ask().header("range", "bytes=0-1,5-6")).await;
    assert_eq!((seen.status, seen.body.len()), (200, length));

    let head = served(&app, &request("HEAD", path(&url)).header("range", "bytes=0-9")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-type", "content-length", "etag", "cache-control", "content-security-policy"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    let wrong = path(&url).replace("signature=", "signature=x");
    assert_eq!(served(&app, &request("HEAD", &wrong)).await.status, 403);
}

#[tokio::test]
async fn a_path_for_a_picture_sends_on_to_a_link() {
    let app = start().await;
    let (ada, root) = (app.signed_in("ada").await, app.admin().await);
    ada.get("/users/me/picture").await.must(404);
    let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let path_by_id = format!("/users/{}/picture", ada.id);
    for (by, path) in [
        (&ada, "/users/me/picture"),
        (&ada, &path_by_id),
        (&root, &path_by_id),
        (&root, "/users/ada/picture"),
    ] {
        for (query, side) in
            [("", 512), ("?size=64", 64), ("?size=128&fallback=initials", 128), ("?size=512", 512)]
        {
            let reply = by.get(&format!("{path}{query}")).await.must(303);
            assert_eq!(reply.header("location"), link(&picture, side), "{path}{query}");
            assert_eq!(reply.header("cache-control"), "private, no-cache");
            assert_eq!(reply.header("vary").to_lowercase(), "authorization");
        }
        for query in
            ["size=63", "size=0", "size=064", "size=1024", "size=large", "fallback=x", "size=64&size=64"]
        {
            let reply = by.get(&format!("{path}?{query}")).await;
            assert!(matches!(reply.status, 400 | 422), "{query}: {reply}");
        }
    }
    assert_eq!(look(&app, &link(&picture, 64)).await.status, 200);
}
