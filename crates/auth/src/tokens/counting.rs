//! The names of buckets: a keyed digest of what is counted, so that no store of counters holds an address, an e-mail or
//! anything that could be guessed from one.

use super::{Master, half};
use crate::records::CounterKey;
use aws_lc_rs::hmac;

pub struct CounterKeys(hmac::Key);

impl CounterKeys {
    pub fn new(master: &Master) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive("counters, 1").as_ref()))
    }

    /// The bucket of `parts` among those of one `kind`: HMAC-SHA-256, cut to 16 bytes. Each part goes in with its
    /// length, so that no two lists of parts are one.
    pub fn key(&self, kind: &str, parts: &[&[u8]]) -> CounterKey {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [kind.as_bytes()].iter().chain(parts) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        CounterKey(half(&context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_list_of_parts_has_a_bucket_of_its_own() {
        let keys = CounterKeys::new(&Master::new(b"a master secret"));
        let lists: [(&str, &[&[u8]]); 7] = [
            ("tries", &[b"ada", b"net"]),
            ("tries", &[b"adan", b"et"]),
            ("tries", &[b"adanet"]),
            ("tries", &[b"ada", b"net", b""]),
            ("trie", &[b"sada", b"net"]),
            ("failures", &[b"ada", b"net"]),
            ("tries", &[]),
        ];
        let found: HashSet<_> = lists.iter().map(|(kind, parts)| keys.key(kind, parts)).collect();
        assert_eq!(found.len(), lists.len());
        assert_eq!(keys.key("tries", lists[0].1), keys.key("tries", lists[0].1));
        let other = CounterKeys::new(&Master::new(b"another"));
        assert_ne!(other.key("tries", lists[0].1), keys.key("tries", lists[0].1));
    }
}
