//! What is known about one request besides the request itself: its id, where it comes from, and, as it is found out,
//! which route, which user and what it counted for. Read by handlers, by the log line and for the reply's headers.

use crate::problem::Problem;
use axum::extract::Request;
use axum::http::Extensions;
use keyward_auth::flows::{Caller, Standing};
use keyward_auth::values::UserId;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tower::{Layer, Service};

#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) request_id: String,
    /// Of the client, behind trusted proxies.
    pub(crate) address: IpAddr,
    /// Who has opened the connection.
    pub(crate) peer: IpAddr,
    pub(crate) route: OnceLock<&'static str>,
    pub(crate) user: OnceLock<UserId>,
    /// How the address stands with what this request was counted for.
    pub(crate) standings: OnceLock<Vec<Standing>>,
}

/// The longest user agent that is kept.
const LONGEST_AGENT: usize = 256;

impl Scope {
    pub(crate) fn of(extensions: &Extensions) -> Result<Arc<Self>, Problem> {
        let scope = extensions.get::<Arc<Self>>().cloned();
        scope.ok_or_else(|| Problem::internal("a request without a scope"))
    }

    /// Who calls, for sessions and the audit log.
    pub(crate) fn caller(&self, agent: Option<&str>) -> Caller {
        let printable = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST_AGENT).collect();
        Caller {
            address: Some(self.address),
            agent: agent.map(printable),
            languages: None,
            request_id: Some(self.request_id.clone()),
        }
    }
}

/// Notes the path pattern of the route that answers.
#[derive(Clone, Copy)]
pub(crate) struct RouteName(pub(crate) &'static str);

#[derive(Clone)]
pub(crate) struct RouteNameService<S> {
    name: &'static str,
    inner: S,
}

impl<S> Layer<S> for RouteName {
    type Service = RouteNameService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteNameService { name: self.0, inner }
    }
}

impl<S: Service<Request>> Service<Request> for RouteNameService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        if let Some(scope) = request.extensions().get::<Arc<Scope>>() {
            let _ = scope.route.set(self.name);
        }
        self.inner.call(request)
    }
}
