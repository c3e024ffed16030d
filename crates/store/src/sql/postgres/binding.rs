//! What binds a sign-in to the TLS connection that it runs over: a digest of the server's certificate (RFC 5929, section
//! 4.1, `tls-server-end-point`). Whoever sits in between with another certificate gets nothing that works at the server.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// The digest of a certificate in DER, by the hash of its own signature; `None` where that has none, as with Ed25519.
pub(super) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(digest(hash(certificate)?, certificate).as_ref().to_owned())
}

/// Object identifiers of signatures (RFC 3279, RFC 4055, RFC 5758), and the hash to take. For MD5 and SHA-1 that is
/// SHA-256.
const SIGNATURES: &[(&[u8], &Algorithm)] = &[
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", &SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", &SHA384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", &SHA512),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", &SHA256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", &SHA256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", &SHA384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", &SHA512),
];

/// `Certificate ::= SEQUENCE { what is signed, SEQUENCE { algorithm, ... }, signature }` (RFC 5280, section 4.1).
fn hash(certificate: &[u8]) -> Option<&'static Algorithm> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(certificate, SEQUENCE)?;
    let (signature, _) = element(rest, SEQUENCE)?;
    let (algorithm, _) = element(signature, OBJECT_IDENTIFIER)?;
    SIGNATURES.iter().find(|(of, _)| *of == algorithm).map(|(_, hash)| *hash)
}

/// The content of the element in front, and what is behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_first_chunk::<2>()?;
    if head[0] != tag {
        return None;
    }
    let (length, rest) = match head[1] {
        short @ ..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = bytes
                .iter()
                .try_fold(0_usize, |length, byte| length.checked_mul(256)?.checked_add(usize::from(*byte)))?;
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(oid: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let signed = wrap(0x30, b"to be signed");
        let algorithm = wrap(0x30, &wrap(0x06, oid));
        wrap(0x30, &[signed, algorithm, wrap(0x03, b"signature")].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (oid, length) in [
            (&b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"[..], Some(32)),
            (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", Some(32)),
            (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", Some(48)),
            (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", Some(64)),
            (b"\x2b\x65\x70", None),
        ] {
            assert_eq!(server_end_point(&certificate(oid)).map(|digest| digest.len()), length);
        }
    }

    #[test]
    fn what_is_no_certificate_binds_nothing() {
        let whole = certificate(b"\x2a\x86\x48\xce\x3d\x04\x03\x02");
        for end in 0..whole.len() {
            assert_eq!(server_end_point(&whole[..end]), None);
        }
        for broken in [&b"\x30\x84\xff\xff\xff\xff"[..], b"\x30\x80", b"\x30\xff", b"\x31\x00"] {
            assert_eq!(server_end_point(broken), None);
        }
    }
}
