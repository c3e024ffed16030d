//! What goes along with a change, put into the list of its steps: neither is there without the other. How an event, a
//! mail or a leftover lies in its row is their own files'.

use super::statement::Steps;
use super::{audit, leftovers, mails};
use keyward_auth::records::Along;

/// Adds events, leftovers and mails to a list of steps.
pub(crate) fn insert(steps: &mut Steps, along: Along<'_>) {
    audit::insert(steps, along.events);
    leftovers::insert(steps, along.leftovers);
    mails::insert(steps, along.mails);
}
