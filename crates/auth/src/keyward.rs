//! What every flow needs, in one struct; the flows are its methods. It holds no state of its own but the set-up link.

use crate::flows::{Caller, SetupLink};
use crate::outside::{Clock, Gallery, Hasher, Mailer, Painter, Random};
use crate::policy::Policy;
use crate::records::{Actor, Event, EventKind, Session, Store, User};
use crate::tokens::Tokens;
use crate::values::{EventId, SessionId, Timestamp, UserId};
use std::sync::Arc;

pub struct Keyward {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub hasher: Arc<dyn Hasher>,
    pub mailer: Arc<dyn Mailer>,
    pub painter: Arc<dyn Painter>,
    pub gallery: Arc<dyn Gallery>,
    pub tokens: Tokens,
    pub policy: Policy,
    pub setup: SetupLink,
}

impl Keyward {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An event that befalls `user`, done by `actor` from where `caller` is.
    pub(crate) fn event(
        &self,
        kind: EventKind,
        actor: Actor,
        user: Option<UserId>,
        caller: &Caller,
    ) -> Event {
        let now = self.now();
        Event {
            id: EventId::new(now, self.random.as_ref()),
            at: now,
            kind,
            actor,
            user,
            session: None,
            address: caller.address,
            agent: caller.agent.clone(),
            request_id: caller.request_id.clone(),
            is_intent: false,
        }
    }

    /// A session for a user who has just proven the password that was read together with `user.epoch`.
    pub(crate) fn new_session(&self, user: &User, caller: &Caller) -> Session {
        let now = self.now();
        Session {
            id: SessionId::new(now, self.random.as_ref()),
            user: user.id,
            epoch: user.epoch,
            generation: 1,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            idle_at: now + self.policy.session_idle,
            ends_at: now + self.policy.session_lifetime,
            address: caller.address,
            agent: caller.agent.clone(),
        }
    }
}

impl Event {
    pub(crate) fn of_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Writes the event into the log as well, once it is kept.
    pub(crate) fn log(&self) {
        let id = |id: Option<UserId>| id.map(|id| id.to_string()).unwrap_or_default();
        tracing::info!(
            target: "keyward::audit",
            event = self.kind.as_str(),
            outcome = if self.kind.is_failure() { "refused" } else { "done" },
            user = %id(self.user),
            actor = %match self.actor {
                Actor::Anonymous => "anonymous".to_owned(),
                Actor::Operator => "operator".to_owned(),
                Actor::User(actor) => actor.to_string(),
            },
            address = %self.address.map(|a| a.to_string()).unwrap_or_default(),
            request_id = self.request_id.as_deref().unwrap_or_default(),
            "audit"
        );
    }
}
