//! Events of a change here, kept in the audit log of the main store. No step covers both stores, so the log holds an
//! intent first, and what came of it afterwards.

use super::trouble::Failure;
use keyward_auth::records::{Audit, Event, StoreError};

/// Makes `change`, with `events` around it: `None` if there was nothing to change, and then there is no event. Where it
/// is not known what became of the change, the intents stay as such.
pub(super) async fn around<T>(
    audit: &dyn Audit,
    events: &[Event],
    change: impl Future<Output = Result<Option<T>, Failure>>,
) -> Result<Option<T>, StoreError> {
    if events.is_empty() {
        return Ok(change.await?);
    }
    audit.intend(events).await?;
    let changed = change.await;
    let happened = match &changed {
        Ok(done) => Some(done.is_some()),
        Err(Failure::Refused(_) | Failure::NoScript) => Some(false),
        Err(Failure::Unknown(_)) => None,
    };
    if let Some(happened) = happened
        && let Err(error) = audit.settle(events, happened).await
    {
        // The change stands, or does not, whatever the log says of it.
        tracing::warn!(%error, happened, "events of a session stay intents in the audit log");
    }
    Ok(changed?)
}
