//! Initials that were drawn lately: the same are asked for again and again, and whoever does so takes no turn from others.

use keyward_auth::values::UserId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many are kept, of a few KiB each. Beyond that all are forgotten, and drawn again when somebody asks.
const KEPT: usize = 256;

/// Whose initials, of which names, in which size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) user: UserId,
    pub(crate) names: [Option<String>; 2],
    pub(crate) side: u32,
}

#[derive(Default)]
pub(crate) struct Drawn(Mutex<HashMap<Wanted, Vec<u8>>>);

impl Drawn {
    pub(crate) fn find(&self, wanted: &Wanted) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(wanted).cloned()
    }

    pub(crate) fn keep(&self, wanted: Wanted, file: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(wanted, file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_what_was_drawn_and_does_not_grow_forever() {
        let drawn = Drawn::default();
        let wanted = |side| Wanted { user: UserId::from_bytes([1; 16]), names: [None, None], side };
        for side in 0..3 * KEPT as u32 {
            assert_eq!(drawn.find(&wanted(side)), None);
            drawn.keep(wanted(side), side.to_be_bytes().to_vec());
            assert_eq!(drawn.find(&wanted(side)).as_deref(), Some(&side.to_be_bytes()[..]));
            assert!(drawn.0.lock().unwrap().len() <= KEPT);
        }
    }
}
