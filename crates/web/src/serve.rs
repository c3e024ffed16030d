//! The listener: HTTP/1.1 by hyper, with limits on connections, headers and time, and a stop that lets running requests
//! finish. TLS and HTTP/2 are a proxy's business.

use crate::Shared;
use crate::frame::frame;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// The largest head of a request; more is refused with 431.
const LARGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a client may take for the head of a request, idling between two included.
    pub header_timeout: Duration,
    /// How long a stop waits for running requests.
    pub shutdown_grace: Duration,
    pub max_connections: usize,
}

/// Serves until `stop` is done, then takes no more connections and waits for the running requests.
pub async fn serve(
    listener: TcpListener,
    web: Shared,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let running = web.running.clone();
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let Ok(peer) = stream.peer_addr() else { continue };
        // Replies are small and written whole.
        let _ = stream.set_nodelay(true);
        let (web, router) = (web.clone(), router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let framed = frame(web.clone(), router.clone(), request.map(Body::new), peer.ip());
            async move { Ok::<_, Infallible>(framed.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(Box::pin(patient(stream))), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A broken connection is the client's affair.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    let all = async {
        graceful.shutdown().await;
        // What changes something and whose client is gone is in no connection any more.
        drop(running.write().await);
    };
    if tokio::time::timeout(limits.shutdown_grace, all).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// A client that takes nothing of its reply for this long is given up: it would hold its connection for ever.
const STALLED: Duration = Duration::from_secs(30);

fn patient(stream: TcpStream) -> TimeoutStream<TcpStream> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    stream
}

/// The next connection, once there is a place for it. `None` when accepting failed, after a pause.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: some will come back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
