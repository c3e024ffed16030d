//! What is known about one request besides the request itself: its id, where it comes from, and, as it is found out,
//! which route, which user and what it counted for. Read by handlers, by the log line and for the reply's headers.

use crate::problem::Problem;
use axum::http::Extensions;
use keyward_auth::flows::{Caller, Standing};
use keyward_auth::values::UserId;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

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
