//! Encryption of what is kept: AES-256-GCM under a key of its own, bound to the name of what is sealed.

use super::{KeyError, Master};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

pub struct Sealer(RandomizedNonceKey);

impl Sealer {
    pub fn new(master: &Master) -> Result<Self, KeyError> {
        let key = master.derive("sealed signing keys, 1");
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).map(Self).map_err(|_| KeyError::Crypto)
    }

    /// Nonce, ciphertext and tag; opens only under the same name.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut body = secret.to_vec();
        let nonce =
            self.0.seal_in_place_append_tag(Aad::from(name), &mut body).map_err(|_| KeyError::Crypto)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// `Sealed` if it was sealed under another master secret or another name, or was altered.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Sealed)?;
        let mut body = body.to_vec();
        let secret = self.0.open_in_place(nonce, Aad::from(name), &mut body).map_err(|_| KeyError::Sealed)?;
        Ok(secret.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_under_the_same_master_and_name_only() {
        let sealer = Sealer::new(&Master::new(b"one master")).unwrap();
        let sealed = sealer.seal("a", b"secret").unwrap();
        assert_eq!(sealer.open("a", &sealed).unwrap(), b"secret");
        assert!(sealer.open("b", &sealed).is_err());
        assert!(Sealer::new(&Master::new(b"another")).unwrap().open("a", &sealed).is_err());
        assert!(sealer.open("a", &sealed[..5]).is_err());
    }
}
