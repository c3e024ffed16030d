//! What is kept together with a change of something else, in the same step: without the change neither is there, and
//! without them there is no change.

use super::{Event, Leftover, Mail};
use std::slice;

#[derive(Debug, Clone, Copy, Default)]
pub struct Along<'a> {
    /// The events that tell of it.
    pub events: &'a [Event],
    /// The mails that it causes.
    pub mails: &'a [Mail],
    /// The pictures that are nobody's any more by it.
    pub leftovers: &'a [Leftover],
}

impl<'a> Along<'a> {
    pub fn events(events: &'a [Event]) -> Self {
        Self { events, ..Self::default() }
    }
}

impl<'a> From<&'a Event> for Along<'a> {
    fn from(event: &'a Event) -> Self {
        Self::events(slice::from_ref(event))
    }
}
