//! What goes along with a change, put into the list of its steps: neither is there without the other. How an event or a
//! mail lies in its row is their own files'.

use super::statement::Steps;
use super::{audit, mails};
use keyward_auth::records::Along;

/// Adds events and mails to a list of steps.
pub(crate) fn insert(steps: &mut Steps, along: Along<'_>) {
    audit::insert(steps, along.events);
    mails::insert(steps, along.mails);
}
