//! One signing key: made, signed with, verified with, published. What it is good for, and until when, is the ring's.

use super::{Algorithm, Master};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the cryptographic library refused")]
    Crypto,
    #[error("a signing key cannot be opened with this master secret")]
    Sealed,
    #[error("a stored signing key names an algorithm that this version does not know")]
    Algorithm,
}

pub struct SigningKey {
    algorithm: Algorithm,
    secret: Secret,
    /// The first part of every token of this key, the dot included.
    header: String,
    jwk: Option<Value>,
}

enum Secret {
    Ecdsa(EcdsaKeyPair, ParsedPublicKey),
    Ed25519(Ed25519KeyPair, ParsedPublicKey),
    Rsa(Box<RsaKeyPair>, ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl SigningKey {
    /// A new private key of an asymmetric algorithm, as PKCS#8.
    pub fn generate(algorithm: Algorithm) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let crypto = |_| KeyError::Crypto;
        match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map(|document| document.as_ref().to_vec())
                    .map_err(crypto)
            }
            Algorithm::EdDsa => {
                Ed25519KeyPair::generate_pkcs8(&random).map(|d| d.as_ref().to_vec()).map_err(crypto)
            }
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa3072)
                .and_then(|pair| pair.as_der())
                .map(|der| der.as_ref().to_vec())
                .map_err(crypto),
            Algorithm::Hs256 => Err(KeyError::Crypto),
        }
    }

    /// A stored key of an asymmetric algorithm, from its PKCS#8.
    pub fn read(algorithm: Algorithm, id: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (secret, mut jwk) = match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map_err(|_| KeyError::Crypto)?;
                let public = pair.public_key().as_ref();
                // An uncompressed point (SEC 1, section 2.3.3): 4, then x and y.
                let (x, y) = public.get(1..65).map(|xy| xy.split_at(32)).ok_or(KeyError::Crypto)?;
                let jwk = json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y)});
                let public = parsed(&signature::ECDSA_P256_SHA256_FIXED, public)?;
                (Secret::Ecdsa(pair, public), jwk)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Crypto)?;
                let public = pair.public_key().as_ref();
                let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(public)});
                let public = parsed(&signature::ED25519, public)?;
                (Secret::Ed25519(pair, public), jwk)
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Crypto)?;
                let public = pair.public_key();
                let n = BASE64.encode(public.modulus().big_endian_without_leading_zero());
                let e = BASE64.encode(public.exponent().big_endian_without_leading_zero());
                let public = parsed(&signature::RSA_PKCS1_2048_8192_SHA256, public.as_ref())?;
                (Secret::Rsa(Box::new(pair), public), json!({"kty": "RSA", "n": n, "e": e}))
            }
            Algorithm::Hs256 => return Err(KeyError::Algorithm),
        };
        jwk["kid"] = id.into();
        jwk["alg"] = algorithm.as_str().into();
        jwk["use"] = "sig".into();
        let header = json!({"alg": algorithm.as_str(), "kid": id, "typ": "at+jwt"});
        Ok(Self { algorithm, secret, header: encoded(&header), jwk: Some(jwk) })
    }

    /// The key of HS256: the bytes of `SECRET_KEY`, as every holder of it has them.
    pub fn shared(secret: &Master) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let header = encoded(&json!({"alg": "HS256", "typ": "JWT"}));
        Self { algorithm: Algorithm::Hs256, secret: Secret::Shared(Box::new(key)), header, jwk: None }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// The public key as a JWK (RFC 7517); a shared secret has none.
    pub fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Ecdsa(pair, _) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()),
            Secret::Ed25519(pair, _) => Ok(pair.sign(message).as_ref().to_vec()),
            Secret::Rsa(pair, _) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
            Secret::Shared(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
        .map_err(|_| KeyError::Crypto)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.secret {
            Secret::Ecdsa(_, public) | Secret::Ed25519(_, public) | Secret::Rsa(_, public) => {
                public.verify_sig(message, signature).is_ok()
            }
            Secret::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

fn parsed(algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| KeyError::Crypto)
}

fn encoded(header: &Value) -> String {
    BASE64.encode(header.to_string()) + "."
}
