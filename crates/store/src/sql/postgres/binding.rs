//! What binds a login to the TLS connection that it comes over (RFC 5929, `tls-server-end-point`): a digest of the
//! server's certificate, which nobody in the middle can show as his own. Reads no more of a certificate than it must.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// The digest of a certificate, by the algorithm of its signature; `None` where the standard names none.
pub(super) fn of(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = algorithm(signature(certificate)?)?;
    Some(digest(algorithm, certificate).as_ref().to_vec())
}

/// MD5 and SHA-1 are too weak to be used again: SHA-256 stands for them.
fn algorithm(signature: &[u8]) -> Option<&'static Algorithm> {
    // 1.2.840.113549.1.1.x are signatures with RSA, 1.2.840.10045.4.x those with ECDSA.
    Some(match signature {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 4 | 5 | 11] => &SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 12] => &SHA384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 13] => &SHA512,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 1] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 3, 2] => &SHA256,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 3, 3] => &SHA384,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 3, 4] => &SHA512,
        _ => return None,
    })
}

/// The object identifier of the signature: a certificate is a sequence of what is signed, how, and the signature.
fn signature(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const IDENTIFIER: u8 = 0x06;
    let (whole, _) = part(certificate, SEQUENCE)?;
    let (_, after) = part(whole, SEQUENCE)?;
    let (how, _) = part(after, SEQUENCE)?;
    part(how, IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of the first part of DER, which must be of this kind, and what comes behind it.
fn part(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[own, length], rest) = bytes.split_first_chunk()?;
    if own != kind {
        return None;
    }
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    let (digits, rest) =
        rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
    let length = digits.iter().fold(0_u64, |length, digit| (length << 8) | u64::from(*digit));
    rest.split_at_checked(usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_binds_nothing() {
        let mut bytes = vec![0x30, 0x82, 0, 9, 0x30, 0, 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70];
        // Ed25519, for which the standard names no digest.
        assert_eq!(signature(&bytes), Some([0x2b, 0x65, 0x70].as_slice()));
        assert_eq!(of(&bytes), None);
        for length in 0..bytes.len() {
            assert_eq!(signature(&bytes[..length]), None);
        }
        bytes[1] = 0xff;
        assert_eq!(signature(&bytes), None);
    }
}
