//! The table of routes: what the router answers is what the OpenAPI document is made from. Owns no handler and no rule.

use crate::Shared;
use crate::arrival::Takes;
use crate::run::AtRoute;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    /// In axum's and OpenAPI's syntax alike: `/users/{user}`.
    pub path: &'static str,
    /// The `operationId` of what it does.
    pub operation: &'static str,
    /// The first path of an operation; the others are its aliases.
    pub canonical: bool,
}

#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) router: Router<Shared>,
    pub(crate) table: Vec<Route>,
}

impl Routes {
    pub(crate) fn get<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(GET, op, paths, h, Takes::Members)
    }

    pub(crate) fn post<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(POST, op, paths, h, Takes::Members)
    }

    pub(crate) fn delete<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(DELETE, op, paths, h, Takes::Members)
    }

    /// A route whose body may be large.
    pub(crate) fn taking<H: Handler<T, Shared>, T: 'static>(
        self,
        takes: Takes,
        method: Method,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(method, op, paths, h, takes)
    }

    fn on<H: Handler<T, Shared>, T: 'static>(
        mut self,
        Method(filter, method): Method,
        operation: &'static str,
        paths: &[&'static str],
        handler: H,
        takes: Takes,
    ) -> Self {
        let handler = on(filter, handler);
        for path in paths {
            let canonical = self.table.iter().all(|route| route.operation != operation);
            self.table.push(Route { method, path, operation, canonical });
            self.router = self.router.route(path, handler.clone().layer(AtRoute { name: path, takes }));
        }
        self
    }
}

/// A method, as the router and the table know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method(MethodFilter, &'static str);

pub(crate) const GET: Method = Method(MethodFilter::GET, "GET");
pub(crate) const POST: Method = Method(MethodFilter::POST, "POST");
pub(crate) const PUT: Method = Method(MethodFilter::PUT, "PUT");
pub(crate) const PATCH: Method = Method(MethodFilter::PATCH, "PATCH");
pub(crate) const DELETE: Method = Method(MethodFilter::DELETE, "DELETE");
