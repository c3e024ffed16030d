//! A bucket behind TLS: certificates are always verified, by the system's authorities.

use crate::{picture, s3, square};
use keyward_auth::outside::Gallery;
use keyward_auth::values::{Format, Timestamp};
use keyward_store::objects::{Bucket, BucketSettings};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate of localhost that is its own authority.
fn certificate(folder: &Path) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Keyward \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem";
    let done =
        Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What speaks TLS in front of `to`; its port.
async fn in_front_of(to: String, folder: &Path) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    port
}

/// The system's authorities are read from SSL_CERT_FILE where it is set: in a process of its own it is.
#[tokio::test]
#[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
async fn a_bucket_is_trusted_if_the_system_trusts_its_certificate() {
    const INNER: &str = "KEYWARD_TEST_TRUSTED";
    let place = if let Some(folder) = std::env::var_os(INNER) {
        folder.into()
    } else {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path());
        let mut inner = Command::new(std::env::current_exe().unwrap());
        inner.args([
            "--exact",
            "tls::a_bucket_is_trusted_if_the_system_trusts_its_certificate",
            "--nocapture",
        ]);
        inner.env(INNER, folder.path()).env("SSL_CERT_FILE", folder.path().join("cert.pem"));
        let done = tokio::task::spawn_blocking(move || inner.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}{done:?}");
        folder.keep()
    };
    let is_trusted = std::env::var_os(INNER).is_some();
    let plain = s3::settings();
    let behind = plain.endpoint.as_deref().unwrap().strip_prefix("http://").unwrap().to_owned();
    let port = in_front_of(behind, &place).await;
    let at =
        |host: &str| BucketSettings { endpoint: Some(format!("https://{host}:{port}")), ..plain.clone() };

    let bucket = Bucket::open(at("localhost")).await.unwrap();
    let picture = picture(Format::Jpeg);
    let hung = bucket.hang(picture, 64, square(picture, 64)).await;
    if is_trusted {
        hung.unwrap();
        assert_eq!(bucket.look(picture, 64).await.unwrap(), Some(square(picture, 64)));
        let link = bucket.link(picture, 64, Timestamp::from_micros(0), Timestamp::from_micros(1)).unwrap();
        assert!(link.starts_with(&format!("https://localhost:{port}/pictures/")), "{link}");
        // A certificate is for a name.
        let error = Bucket::open(at("127.0.0.1")).await.unwrap().look_around().await.unwrap_err();
        assert!(error.to_string().contains("cannot be reached (invalid peer certificate"), "{error}");
    } else {
        let error = hung.unwrap_err().to_string();
        assert!(error.contains("cannot be reached (invalid peer certificate: UnknownIssuer"), "{error}");
        std::fs::remove_dir_all(place).unwrap();
    }
}
