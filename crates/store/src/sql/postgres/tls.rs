//! TLS to the server, in the modes of libpq, with rustls and aws-lc. Owns which certificates are trusted, and nothing of
//! PostgreSQL's protocol.

use super::binding::server_end_point;
use super::url::{Roots, TlsMode, TlsSettings};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

/// Why TLS cannot be set up as the URL asks.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("{name}={path} of the URL cannot be used: {cause}")]
    File { name: &'static str, path: String, cause: String },
    #[error(
        "this system has no trusted certificates ({0}); install ca-certificates, or give sslrootcert=/path/to/ca.pem in the URL"
    )]
    NoRoots(String),
    #[error("sslcert and sslkey of the URL cannot be used: {0}")]
    Certificate(Error),
    #[error("TLS: {0}")]
    Rustls(Error),
}

/// What makes a TLS connection of a plain one.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Verifier {
            trusted: match settings.mode {
                TlsMode::VerifyCa | TlsMode::VerifyFull => Some(Trusted::new(&settings.roots, &provider)?),
                _ => None,
            },
            names: settings.mode == TlsMode::VerifyFull,
            provider: Arc::clone(&provider),
        };
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().map_err(TlsError::Rustls)?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|cause| unusable("sslkey", key, &cause.to_string()))?;
                config.with_client_auth_cert(chain, key).map_err(TlsError::Certificate)?
            }
            _ => config.with_no_client_auth(),
        };
        Ok(Self(Arc::new(config)))
    }
}

fn unusable(name: &'static str, path: &Path, cause: &str) -> TlsError {
    TlsError::File { name, path: path.display().to_string(), cause: cause.to_owned() }
}

fn certificates(name: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|cause| unusable(name, path, &cause.to_string()))?;
    if found.is_empty() { Err(unusable(name, path, "there is no certificate in it")) } else { Ok(found) }
}

#[derive(Debug)]
struct Trusted {
    roots: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl Trusted {
    fn new(from: &Roots, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        let roots = match from {
            Roots::File(path) => {
                let roots = certificates("sslrootcert", path)?;
                for root in &roots {
                    // One that is no authority is trusted as it is, see `Verifier`.
                    let _ = store.add(root.clone());
                }
                roots
            }
            Roots::Unset | Roots::System => {
                let found = rustls_native_certs::load_native_certs();
                let (added, _) = store.add_parsable_certificates(found.certs);
                if added == 0 {
                    let cause = found.errors.first().map_or("none found".into(), ToString::to_string);
                    return Err(TlsError::NoRoots(cause));
                }
                Vec::new()
            }
        };
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
        let chains = chains.build().map_err(|cause| TlsError::NoRoots(cause.to_string()))?;
        Ok(Self { roots, chains })
    }
}

/// Who is believed to be the server: anybody, whoever an authority vouches for, or only who is called as asked.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        if trusted.roots.iter().any(|root| root == certificate) {
            // The server's own certificate was given, as is usual where it signed itself.
            if self.names {
                let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
                rustls::client::verify_server_name(&parsed, name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match trusted.chains.verify_server_cert(certificate, between, name, ocsp, now) {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Connect> {
        // A folder of a Unix socket has no name; there is no TLS on it either.
        let name = ServerName::try_from(host.to_owned()).ok();
        Ok(Connect { config: Arc::clone(&self.0), name })
    }
}

pub(super) struct Connect {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name =
                self.name.ok_or_else(|| io::Error::other("the host's name cannot be in a certificate"))?;
            Ok(Stream(TlsConnector::from(self.config).connect(name, stream).await?))
        })
    }
}

pub(super) struct Stream<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificate = self.0.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let digest = certificate.and_then(|certificate| server_end_point(certificate));
        digest.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
