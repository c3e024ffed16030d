//! What happens to a request once its route is known: the route's name is noted, the body arrives, and the handler runs
//! within its time.
//!
//! A request that may change something runs in a task of its own: a client that hangs up does not stop it half-way.

use crate::Shared;
use crate::arrival::{Takes, arrived};
use crate::problem::{self, Problem};
use crate::scope::Scope;
use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::timeout;
use tower::{Layer, Service};

/// Of a route: the pattern of its path, and what it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtRoute {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
}

/// Where there is no route.
pub(crate) const NOWHERE: AtRoute = AtRoute { name: "-", takes: Takes::Members };

#[derive(Clone)]
pub(crate) struct Run<S> {
    at: AtRoute,
    handler: S,
}

impl<S> Layer<S> for AtRoute {
    type Service = Run<S>;

    fn layer(&self, handler: S) -> Self::Service {
        Run { at: *self, handler }
    }
}

impl<S> Service<Request> for Run<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.handler.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let other = self.handler.clone();
        // The one that is ready.
        let handler = std::mem::replace(&mut self.handler, other);
        let at = self.at;
        Box::pin(async move { Ok(run(at, handler, request).await) })
    }
}

async fn run<S>(at: AtRoute, mut handler: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    let Some(web) = request.extensions().get::<Shared>().cloned() else {
        return Problem::internal("a request outside of the frame").into_response();
    };
    if let Some(scope) = request.extensions().get::<Arc<Scope>>() {
        let _ = scope.route.set(at.name);
    }
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let limit = web.settings.request_timeout;
    let (request, share) = match arrived(request, at.takes, &web).await {
        Ok(arrived) => arrived,
        // Of its body some may be on its way still: the next request comes by another connection.
        Err(problem) => return ([(header::CONNECTION, "close")], problem).into_response(),
    };
    let call = async move {
        let Ok(response) = handler.call(request).await;
        // Only now is what was uploaded out of the memory.
        drop(share);
        response
    };
    let done = if only_reads {
        timeout(limit, call).await.map(Ok)
    } else {
        // Held to the end of the task, so that a stop waits for it, also when the client is gone.
        let held = web.running.clone().read_owned().await;
        let running = tokio::spawn(async move {
            let _held = held;
            call.await
        });
        timeout(limit, running).await
    };
    match done {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal("a handler panicked").into_response(),
        Err(_) => Problem::new(&problem::OVERDUE, "this took too long; it may still be done").into_response(),
    }
}
