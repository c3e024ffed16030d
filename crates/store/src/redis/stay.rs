//! How long keys stay: never shorter than what they hold is good for. What is over is said by the record and the clock of
//! whoever asks; here it is only tidied up.

use keyward_auth::values::Timestamp;
use std::time::Duration;

/// How much longer than its record lives, whatever the clocks say.
pub(super) const SLACK: Duration = Duration::from_secs(60);
/// As long as anything stays. Redis refuses times beyond its own numbers.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How long a key stays in milliseconds, if it is to be there until `end`.
pub(super) fn stay(end: Timestamp, now: Timestamp) -> i64 {
    millis((end.since(now) + SLACK).min(LONGEST))
}

pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
