//! A look at what hangs, behind the service's back: which pictures there are objects of, and whose they are.

use super::samples::Look;
use crate::app::{TestApp, eventually};
use keyward_auth::outside::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// For how long a collector has what it has claimed.
pub(crate) const CLAIM: Duration = Duration::from_secs(30);
/// When the collector looks again at what was hung.
pub(crate) const LATER: Duration = Duration::from_secs(24 * 60 * 60);

/// The names of the pictures of which there are objects. Each must be whole, and there must be nothing else.
#[track_caller]
pub(crate) fn whole(objects: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut sides: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (object, bytes) in objects {
        let (name, side, extension) =
            taken_apart(object).unwrap_or_else(|| panic!("{object} has no place here"));
        let look = Look::of(bytes);
        assert_eq!((look.width, look.height), (side, side), "{object}");
        assert_eq!(bytes.starts_with(b"\x89PNG"), extension == "png", "{object}");
        sides.entry(format!("{name}.{extension}")).or_default().insert(side);
    }
    for (picture, sides) in &sides {
        assert_eq!(sides, &BTreeSet::from([64, 128, 256, 512]), "{picture} is not whole");
    }
    sides.into_keys().collect()
}

/// `0a1b...7f`, 64 and `jpg`.
fn taken_apart(object: &str) -> Option<(&str, u32, &str)> {
    let (name, square) = object.split_once('/')?;
    let (side, extension) = square.split_once('.')?;
    let is_name = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_name && matches!(extension, "jpg" | "png")).then_some((name, side.parse().ok()?, extension))
}

impl TestApp {
    /// The pictures that hang, all whole.
    #[track_caller]
    pub(crate) fn hanging(&self) -> BTreeSet<String> {
        whole(&self.objects())
    }

    /// The pictures that are somebody's.
    pub(crate) async fn owned(&self) -> BTreeSet<String> {
        self.rows("SELECT picture FROM keyward_users WHERE picture IS NOT NULL").await.into_iter().collect()
    }

    /// Collects until nothing is due, and nobody is at it any more.
    pub(crate) async fn collect(&self) {
        eventually("nothing is due", async || {
            self.keyward.collect().await.unwrap();
            let soon = (self.clock.now() + CLAIM).as_micros();
            let due = format!("SELECT count(*) FROM keyward_leftovers WHERE due_at <= {soon}");
            self.rows(&due).await == ["0"]
        })
        .await;
    }

    /// A day later: what hangs is somebody's and whole, what is somebody's hangs, and nothing else is known of.
    pub(crate) async fn is_tidy_a_day_later(&self) {
        self.clock.advance(LATER);
        self.collect().await;
        assert_eq!(self.hanging(), self.owned().await);
        assert_eq!(self.rows("SELECT * FROM keyward_leftovers").await, [""; 0]);
    }
}
