//! Events and mails of a change here, kept in the main store. No step covers both stores, so that one holds intents first,
//! and what came of them afterwards. No change of a session leaves a picture over.

use super::trouble::Failure;
use keyward_auth::records::{Along, Audit, Mail, StoreError};
use std::time::Duration;

/// How long a mail waits for its change before it is sent all the same: to tell too much is better than nothing. Longer
/// than any answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes `change`, with what goes along around it: `None` if there was nothing to change, and then there is neither event
/// nor mail. Where it is not known what became of the change, the intents stay as such, and the mails are sent later.
pub(super) async fn around<T>(
    audit: &dyn Audit,
    along: Along<'_>,
    change: impl Future<Output = Result<Option<T>, Failure>>,
) -> Result<Option<T>, StoreError> {
    if along.events.is_empty() && along.mails.is_empty() {
        return Ok(change.await?);
    }
    let held = |mail: &Mail| Mail { due_at: mail.due_at + PATIENCE, ..mail.clone() };
    let mails: Vec<Mail> = along.mails.iter().map(held).collect();
    audit.intend(Along { mails: &mails, ..along }).await?;
    let changed = change.await;
    let happened = match &changed {
        Ok(done) => Some(done.is_some()),
        Err(Failure::Refused(_) | Failure::NoScript) => Some(false),
        Err(Failure::Unknown(_)) => None,
    };
    if let Some(happened) = happened
        && let Err(error) = audit.settle(along, happened).await
    {
        // The change stands, or does not, whatever the log says of it.
        tracing::warn!(%error, happened, "events and mails of a session stay as intents");
    }
    Ok(changed?)
}
