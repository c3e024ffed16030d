//! A code as a line that an operator can read, under the name of its user in the hash of its place, and back.

use crate::hex;
use keyward_auth::records::{Code, CodePlace, Purpose, StoreError};
use keyward_auth::values::{Email, Timestamp, UserId};

/// The field where nobody has the address.
const NOBODY: &str = "nobody";
/// What a code lacks.
const NONE: &str = "-";

pub(super) fn field(user: Option<UserId>) -> String {
    user.map_or_else(|| NOBODY.to_owned(), |user| user.to_string())
}

/// What stands behind tries, id and the moment of asking. Times are microseconds since 1970. The address comes last: it
/// alone may hold anything.
pub(super) fn rest(code: &Code) -> String {
    let digits_until = code.digits_until.map_or_else(|| NONE.to_owned(), |time| time.as_micros().to_string());
    let email = code.email.as_ref().map_or(NONE, Email::as_str);
    let (purpose, epoch, expires_at) = (code.purpose.as_str(), code.epoch, code.expires_at.as_micros());
    format!("{purpose} {epoch} {digits_until} {expires_at} {email}")
}

/// A code from its field and its line.
pub(super) fn read(place: CodePlace, field: &str, line: &str) -> Result<Code, StoreError> {
    parse(place, field, line).ok_or_else(|| unreadable(place))
}

fn parse(place: CodePlace, field: &str, line: &str) -> Option<Code> {
    let words: Vec<&str> = line.splitn(8, ' ').collect();
    let [tries, id, asked_at, purpose, epoch, digits_until, expires_at, email] = words[..] else {
        return None;
    };
    let time = |word: &str| word.parse().ok().map(Timestamp::from_micros);
    Some(Code {
        place,
        user: if field == NOBODY { None } else { Some(field.parse().ok()?) },
        id: id.parse().ok()?,
        asked_at: time(asked_at)?,
        purpose: Purpose::stored(purpose)?,
        email: (email != NONE).then(|| Email::stored(email.to_owned())),
        epoch: epoch.parse().ok()?,
        tries: tries.parse().ok()?,
        digits_until: if digits_until == NONE { None } else { Some(time(digits_until)?) },
        expires_at: time(expires_at)?,
    })
}

/// Names the place, never the value.
pub(super) fn unreadable(place: CodePlace) -> StoreError {
    StoreError::Backend(format!("a code at {} in Redis cannot be read", hex::written(place.0)))
}
