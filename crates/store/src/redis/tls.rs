//! TLS to Redis: whom to trust and what to show. Certificates are always verified; there is no switch.

use super::trouble::Trouble;
use super::url::Files;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Reads the files, or the system's authorities where none is named. Blocks.
pub(super) fn config(files: &Files) -> Result<Arc<ClientConfig>, Trouble> {
    let failed = |error: rustls::Error| Trouble::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let begun = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let begun = begun.map_err(failed)?.with_root_certificates(roots(files)?);
    let config = match (&files.cert, &files.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key, &error))?;
            begun.with_client_auth_cert(chain, key).map_err(failed)?
        }
        _ => begun.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn roots(files: &Files) -> Result<RootCertStore, Trouble> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = &files.ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match roots.is_empty() {
            true => Err(Trouble::Tls("the system has no trusted authorities".into())),
            false => Ok(roots),
        };
    };
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| unread(ca, &error))?;
    }
    Ok(roots)
}

/// At least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unread(path, &error))?;
    if certificates.is_empty() {
        return Err(unread(path, &"it holds no certificate"));
    }
    Ok(certificates)
}

fn unread(path: &Path, cause: &dyn std::fmt::Display) -> Trouble {
    Trouble::File { path: path.to_owned(), cause: cause.to_string() }
}
