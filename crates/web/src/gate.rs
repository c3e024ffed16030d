//! Where a request is counted before it costs anything, and how its client learns of that: the headers `RateLimit` and
//! `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), `Retry-After` and 429. Which limits there are, and what
//! counts, is the flows' to know.

use crate::Shared;
use crate::problem::{self, Problem};
use crate::scope::Scope;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use keyward_auth::flows::{Class, Limited, Standing};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a limited request says to an OAuth client in `error`. RFC 6749, section 5.2 has no word for it, and
/// `invalid_grant` would make a client forget what the person typed. This one is section 4.1.2.1's, for a server that is
/// "currently unable to handle the request"; `slow_down` (RFC 8628) belongs to clients that poll by themselves.
pub(crate) const TO_OAUTH: &str = "temporarily_unavailable";

/// For handlers: counts this request by where it comes from.
pub(crate) struct Gate {
    web: Shared,
    scope: Arc<Scope>,
}

impl FromRequestParts<Shared> for Gate {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        Ok(Self { web: web.clone(), scope: Scope::of(&parts.extensions)? })
    }
}

impl Gate {
    /// To be called once, when the request is known to be well-formed and before anything is hashed. The reply will tell
    /// how the address stands, whatever becomes of the request.
    pub(crate) async fn admit(&self, classes: &[Class]) -> Result<(), Limited> {
        let admitted = self.web.keyward.admit(classes, &self.scope.caller(None)).await;
        let standings = match &admitted {
            Ok(standings) => standings.clone(),
            Err(limited) => limited.standing.into_iter().collect(),
        };
        let _ = self.scope.standings.set(standings);
        admitted.map(drop)
    }
}

/// Says how the address stands with what was counted. Of accounts nothing is said: it would tell about them.
pub(crate) fn tell(standings: &[Standing], headers: &mut HeaderMap) {
    let policy = |of: &Standing| {
        format!("\"{}\";q={};w={}", of.class.as_str(), of.rate.most, of.rate.window.as_secs())
    };
    let state =
        |of: &Standing| format!("\"{}\";r={};t={}", of.class.as_str(), of.left, whole_seconds(of.full_in));
    for (name, values) in [
        (RATE_LIMIT_POLICY, standings.iter().map(policy).collect::<Vec<_>>()),
        (RATE_LIMIT, standings.iter().map(state).collect()),
    ] {
        if let Ok(value) = HeaderValue::try_from(values.join(", ")) {
            headers.insert(name, value);
        }
    }
}

/// Rounded up, so that whoever waits as long does not come too early.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

impl From<Limited> for Problem {
    /// The same words for every limit: which one it was may depend on whether there is such an account.
    fn from(limited: Limited) -> Self {
        Self::new(&problem::RATE_LIMITED, "too many tries; wait as many seconds as Retry-After says")
            .retry_after(whole_seconds(limited.wait).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_auth::records::Rate;

    #[test]
    fn written_as_structured_fields() {
        let standing = |class, most, left, millis| Standing {
            class,
            rate: Rate { most, window: Duration::from_secs(60) },
            left,
            full_in: Duration::from_millis(millis),
        };
        let mut headers = HeaderMap::new();
        let both = [standing(Class::Registrations, 60, 59, 1000), standing(Class::Passwords, 120, 117, 1500)];
        tell(&both, &mut headers);
        assert_eq!(headers[RATE_LIMIT_POLICY], r#""registrations";q=60;w=60, "passwords";q=120;w=60"#);
        assert_eq!(headers[RATE_LIMIT], r#""registrations";r=59;t=1, "passwords";r=117;t=2"#);
    }
}
