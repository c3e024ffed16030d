//! The master secret, from which every key of our own is derived with a label, so that no two purposes share one.

use aws_lc_rs::hkdf;
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone)]
pub struct Master(Zeroizing<Vec<u8>>);

impl Master {
    /// Takes the bytes as they are; that they are strong is the configuration's business.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The key for one purpose: HKDF with SHA-256 (RFC 5869), the label as `info`.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward").extract(&self.0);
        let filled =
            secret.expand(&[label.as_bytes()], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut()));
        // 32 bytes are the one length that this cannot refuse; a key of zeros must never leave here all the same.
        assert!(filled.is_ok(), "HKDF gives 32 bytes");
        key
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(..)")
    }
}
