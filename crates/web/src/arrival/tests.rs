//! Bodies that come in pieces: what they take of the memory while they come, and when they are too much.

use super::*;
use crate::budget::Budget;
use axum::body::Bytes;
use axum::response::IntoResponse;
use futures_util::{FutureExt, StreamExt, stream};
use keyward_auth::values::Network;
use std::sync::Arc;

fn pieces(size: usize, count: usize) -> Body {
    let piece = Bytes::from(vec![7; size]);
    Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, std::io::Error>(piece.clone()))))
}

fn awaited(most: usize, announced: Option<usize>, share: Option<Share>) -> Awaited {
    Awaited { most, within: ARRIVAL, announced, share }
}

fn share(budget: &Arc<Budget>, number: u8) -> Share {
    budget.share(Uploader::Stranger(Network::host([192, 0, 2, number].into())))
}

fn status(read: Result<Vec<u8>, Problem>) -> u16 {
    read.map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200)
}

#[tokio::test]
async fn what_is_announced_is_what_is_taken() {
    let mut awaited = awaited(LARGEST_FILE, Some(30_000), None);
    let bytes = awaited.read(&mut pieces(1000, 30)).await.unwrap();
    assert_eq!((bytes.len(), bytes.capacity()), (30_000, 30_000));
}

#[tokio::test]
async fn a_01_exactly_as_much_as_may_be_and_not_one_more() {
    for (most, size, count, expected) in
        [(LARGEST, 1024, 64, 200), (LARGEST, 1024, 65, 413), (100, 101, 1, 413), (100, 1, 100, 200)]
    {
        let read = awaited(most, None, None).read(&mut pieces(size, count)).await;
        assert_eq!(status(read), expected, "{size} x {count}");
    }
    let bytes = awaited(LARGEST_FILE, None, None).read(&mut pieces(4096, 512)).await.unwrap();
    assert_eq!((bytes.len(), bytes.capacity()), (LARGEST_FILE, LARGEST_FILE));
}

#[tokio::test]
async fn a_08_who_sends_slowly_takes_little() {
    let budget = Arc::new(Budget::default());
    // Each has announced 2 MiB and sent a byte: a budget by what is announced would have room for two.
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut awaited = awaited(LARGEST_FILE, Some(LARGEST_FILE), Some(share(&budget, 1)));
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(&[7]))]);
        let mut body = Body::from_stream(first.chain(stream::pending()));
        let mut reading = Box::pin(async move { awaited.read(&mut body).await.map(drop) });
        assert!(reading.as_mut().now_or_never().is_none(), "it waits for more");
        slow.push(reading);
    }
    let read = awaited(LARGEST_FILE, None, Some(share(&budget, 1))).read(&mut pieces(4096, 512)).await;
    assert_eq!(status(read), 200);
}

#[tokio::test]
async fn beyond_the_budget_nothing_is_kept() {
    let budget = Arc::new(Budget::default());
    let mut held = Vec::new();
    for number in 0..16 {
        let mut awaited = awaited(LARGEST_FILE, None, Some(share(&budget, number / 2)));
        awaited.read(&mut pieces(4096, 512)).await.unwrap();
        held.push(awaited);
    }
    let read = |number| {
        let mut awaited = awaited(LARGEST_FILE, None, Some(share(&budget, number)));
        async move { status(awaited.read(&mut pieces(4096, 512)).await) }
    };
    assert_eq!(read(99).await, 503);
    held.pop();
    assert_eq!(read(99).await, 200);
}

#[tokio::test]
async fn a_ninth_upload_of_one_address_does_not_wait_for_the_painter() {
    let budget = Arc::new(Budget::default());
    let read = async |number| {
        let mut awaited = awaited(LARGEST_FILE, None, Some(share(&budget, number)));
        (status(awaited.read(&mut pieces(1, 1)).await), awaited)
    };
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(read(1).await);
    }
    assert!(held.iter().all(|(status, _)| *status == 200));
    assert_eq!((read(1).await.0, read(2).await.0), (503, 200));
    drop(held);
    assert_eq!(read(1).await.0, 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_none() {
    let broken = stream::iter([Ok(Bytes::from_static(b"a")), Err(std::io::Error::other("gone"))]);
    let read = awaited(LARGEST, None, None).read(&mut Body::from_stream(broken)).await;
    assert_eq!(status(read), 400);
}
