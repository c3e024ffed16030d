//! Tokens made and taken apart by hand, as an attacker or another service would.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

pub(crate) const BASE64: GeneralPurpose = BASE64_URL_SAFE_NO_PAD;

/// The three parts of a token as they stand in it.
#[derive(Clone)]
pub(crate) struct Jwt {
    pub(crate) header: String,
    pub(crate) payload: String,
    pub(crate) signature: String,
}

impl Jwt {
    pub(crate) fn of(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("not three parts") };
        Self { header: header.into(), payload: payload.into(), signature: signature.into() }
    }

    pub(crate) fn claims(&self) -> Value {
        serde_json::from_slice(&BASE64.decode(&self.payload).unwrap()).unwrap()
    }

    pub(crate) fn head(&self) -> Value {
        serde_json::from_slice(&BASE64.decode(&self.header).unwrap()).unwrap()
    }

    pub(crate) fn with_header(&self, header: &Value) -> Self {
        Self { header: BASE64.encode(header.to_string()), ..self.clone() }
    }

    pub(crate) fn signed_part(&self) -> String {
        format!("{}.{}", self.header, self.payload)
    }
}

impl std::fmt::Display for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.header, self.payload, self.signature)
    }
}

/// A token of this header and payload, signed with HMAC.
pub(crate) fn hs(algorithm: hmac::Algorithm, secret: &[u8], header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
    format!("{signed}.{}", BASE64.encode(signature))
}
