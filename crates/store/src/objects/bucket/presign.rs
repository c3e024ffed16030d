//! Links to objects by S3's own signature, version 4 in the query: one object, `GET` alone, between two moments. Owns
//! what is signed; asks nobody, and does not know whether the object is there.

use super::place::Place;
use aws_lc_rs::{digest, hmac};
use keyward_auth::values::Timestamp;
use object_store::aws::AwsCredential;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Keys, and the region that they sign for.
pub(super) struct Pass {
    keys: Arc<AwsCredential>,
    region: String,
    /// The key of one day, which takes four signatures to make.
    day: Mutex<Option<(String, hmac::Key)>>,
}

impl Pass {
    pub(super) fn new(keys: Arc<AwsCredential>, region: String) -> Self {
        Self { keys, region, day: Mutex::default() }
    }

    pub(super) fn is_of(&self, keys: &AwsCredential) -> bool {
        *self.keys == *keys
    }

    /// The key of `date`, such as `20130524`.
    fn key(&self, date: &str) -> hmac::Key {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, key)) = &*day
            && known == date
        {
            return key.clone();
        }
        let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", self.keys.secret_key).as_bytes());
        let key = [date, &self.region, "s3", "aws4_request"].iter().fold(first, |key, part| {
            hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
        });
        *day = Some((date.to_owned(), key.clone()));
        key
    }
}

/// An URL of the object `key`, good for so many seconds from then on. `reply` is what S3 is to say in its answer, sorted
/// by name. `None` for moments that have no date.
pub(super) fn link(
    pass: &Pass,
    place: &Place,
    key: &str,
    reply: &[(&str, &str)],
    from: Timestamp,
    seconds: i64,
) -> Option<String> {
    // 2013-05-24T00:00:00Z without its punctuation.
    let whole = Timestamp::from_micros(from.as_seconds().checked_mul(1_000_000)?).to_string();
    let moment: String = whole.chars().filter(|c| !"-:".contains(*c)).collect();
    let date = moment.get(..8).filter(|_| moment.len() == 16)?;
    let scope = format!("{date}/{}/s3/aws4_request", pass.region);

    // In the order of their names, as they are signed.
    let mut query = String::from("X-Amz-Algorithm=AWS4-HMAC-SHA256");
    add(&mut query, "X-Amz-Credential", &format!("{}/{scope}", pass.keys.key_id));
    add(&mut query, "X-Amz-Date", &moment);
    add(&mut query, "X-Amz-Expires", &seconds.to_string());
    if let Some(token) = &pass.keys.token {
        add(&mut query, "X-Amz-Security-Token", token);
    }
    add(&mut query, "X-Amz-SignedHeaders", "host");
    for (name, value) in reply {
        add(&mut query, name, value);
    }

    let (path, host) = (place.path(key), place.host());
    let request = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
    let digest = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let said = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}");
    let signature = hex(hmac::sign(&pass.key(date), said.as_bytes()).as_ref());
    Some(format!("{}/{key}?{query}&X-Amz-Signature={signature}", place.url()))
}

/// Everything but letters, digits and four signs is written as its code.
fn add(query: &mut String, name: &str, value: &str) {
    let _ = write!(query, "&{name}=");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(token: Option<&str>) -> Pass {
        let keys = AwsCredential {
            key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: token.map(str::to_owned),
        };
        Pass::new(Arc::new(keys), "us-east-1".into())
    }

    /// 2013-05-24, midnight.
    const THEN: Timestamp = Timestamp::from_micros(1_369_353_600_000_000);

    /// The example of "Authenticating Requests: Using Query Parameters" in Amazon's reference of the S3 API.
    #[test]
    fn it_is_amazons_signature() {
        let place =
            Place::new("examplebucket", Some("https://s3.amazonaws.com"), "us-east-1", Some(false)).unwrap();
        let link = link(&pass(None), &place, "test.txt", &[], THEN, 86_400).unwrap();
        assert_eq!(
            link,
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn what_is_signed_is_sorted_and_written_as_s3_reads_it() {
        let place = Place::new("cats", Some("http://127.0.0.1:9000"), "us-east-1", None).unwrap();
        let reply =
            [("response-cache-control", "private, max-age=9"), ("response-content-type", "image/png")];
        let link = link(&pass(Some("a+b/c=")), &place, "p/64.png", &reply, THEN, 9).unwrap();
        let query = link.strip_prefix("http://127.0.0.1:9000/cats/p/64.png?").unwrap();
        assert!(query.contains("&X-Amz-Security-Token=a%2Bb%2Fc%3D&"), "{query}");
        assert!(query.contains("&response-cache-control=private%2C%20max-age%3D9&"), "{query}");
        let signed: Vec<&str> =
            query.split('&').filter(|part| !part.starts_with("X-Amz-Signature=")).collect();
        assert!(signed.is_sorted(), "{signed:?}");
    }

    #[test]
    fn each_day_has_its_key_and_parts_of_seconds_are_left_out() {
        let place = Place::new("cats", None, "us-east-1", None).unwrap();
        let pass = pass(None);
        let at = |micros| link(&pass, &place, "k", &[], Timestamp::from_micros(micros), 60);
        let (day, then) = (86_400_000_000, THEN.as_micros());
        let first = at(then).unwrap();
        let next = at(then + day).unwrap();
        assert!(next.contains("20130525%2Fus-east-1") && next.contains("X-Amz-Date=20130525T000000Z"));
        assert_eq!(at(then + 999_999).unwrap(), first);
        assert_eq!(at(then + day).unwrap(), next);
        assert_eq!(at(i64::MAX), None);
        assert_eq!(at(i64::MIN), None);
    }
}
