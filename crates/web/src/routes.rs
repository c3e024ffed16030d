//! The table of routes: what the router answers is what the OpenAPI document is made from. Owns no handler and no rule.

use crate::Shared;
use crate::scope::RouteName;
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
        self.on(MethodFilter::GET, "GET", op, paths, h)
    }

    pub(crate) fn post<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(MethodFilter::POST, "POST", op, paths, h)
    }

    pub(crate) fn put<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(MethodFilter::PUT, "PUT", op, paths, h)
    }

    pub(crate) fn patch<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(MethodFilter::PATCH, "PATCH", op, paths, h)
    }

    pub(crate) fn delete<H: Handler<T, Shared>, T: 'static>(
        self,
        op: &'static str,
        paths: &[&'static str],
        h: H,
    ) -> Self {
        self.on(MethodFilter::DELETE, "DELETE", op, paths, h)
    }

    fn on<H: Handler<T, Shared>, T: 'static>(
        mut self,
        filter: MethodFilter,
        method: &'static str,
        operation: &'static str,
        paths: &[&'static str],
        handler: H,
    ) -> Self {
        let handler = on(filter, handler);
        for (place, path) in paths.iter().enumerate() {
            self.table.push(Route { method, path, operation, canonical: place == 0 });
            self.router = self.router.route(path, handler.clone().layer(RouteName(path)));
        }
        self
    }
}
