//! TLS against a server that speaks it, with certificates made on the spot: each mode trusts whom libpq's would.

use super::server::{Server, give, run};
use super::*;
use std::path::Path;
use std::process::Command;

/// Certificates of two authorities, of a server called `localhost` and of a client called `keyward`, by openssl.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        run(Command::new("openssl").args(arguments.split(' ')).current_dir(folder));
    };
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    for name in ["ca", "other", "self"] {
        openssl(&format!(
            "{new} -x509 -subj /CN={name} -addext subjectAltName=DNS:localhost -keyout {name}.key -out {name}.pem"
        ));
    }
    for (name, subject) in
        [("server", "/CN=localhost"), ("keyward", "/CN=keyward"), ("stranger", "/CN=keyward")]
    {
        let ca = if name == "stranger" { "other" } else { "ca" };
        openssl(&format!("{new} -subj {subject} -keyout {name}.key -out {name}.csr"));
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
        openssl(&format!(
            "x509 -req -days 2 -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -extfile names -out {name}.pem"
        ));
    }
    for name in ["server.key", "self.key"] {
        give(&folder.join(name));
    }
}

/// A server with that certificate, which lets clients in as `logins` says.
async fn server(folder: &Path, certificate: &str, logins: &str) -> Server {
    let folder = folder.display();
    let settings = format!(
        "ssl = on\nssl_cert_file = '{folder}/{certificate}.pem'\nssl_key_file = '{folder}/{certificate}.key'\n\
         ssl_ca_file = '{folder}/ca.pem'"
    );
    Server::start_with(&settings, logins).await
}

const ONLY_TLS: &str = "hostssl all all all scram-sha-256\n";
const ONLY_PLAIN: &str = "hostnossl all all all scram-sha-256\n";
const EITHER: &str = "host all all all scram-sha-256\n";
const CERTIFICATE: &str = "hostssl all all all cert\n";

/// Whether the connection is one with TLS, or why there is none.
async fn encrypted(url: &str) -> Result<bool, String> {
    let postgres = Postgres::open(&settings(url)).await.map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
        text
    })?;
    let session = postgres.session().await.unwrap();
    let text = "SELECT CASE WHEN ssl THEN '1' ELSE '' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let answer = session.query(text, &[]).await.unwrap();
    Ok(!answer.rows[0].get::<_, &str>(0).is_empty())
}

fn at(server: &Server, host: &str, parameters: &str) -> String {
    format!("postgres://keyward:hunter2@{host}:{}/keyward?{parameters}", server.port)
}

#[track_caller]
fn assert_refused(outcome: Result<bool, String>, words: &[&str]) {
    let text = outcome.unwrap_err();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn modes_that_trust_anybody() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    open_to_all(folder.path());
    for (logins, expected) in [
        (EITHER, [Ok(false), Ok(false), Ok(true), Ok(true)]),
        (ONLY_TLS, [Err(()), Ok(true), Ok(true), Ok(true)]),
        (ONLY_PLAIN, [Ok(false), Ok(false), Ok(false), Err(())]),
    ] {
        let server = server(folder.path(), "server", logins).await;
        for (mode, expected) in ["disable", "allow", "prefer", "require"].into_iter().zip(expected) {
            let outcome = encrypted(&at(&server, "127.0.0.1", &format!("sslmode={mode}"))).await;
            if expected.is_err() {
                assert_refused(outcome.clone(), &["pg_hba.conf"]);
            }
            assert_eq!(outcome.map_err(drop), expected, "{logins}{mode}");
        }
    }
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn modes_that_verify() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    open_to_all(folder.path());
    let server = server(folder.path(), "server", ONLY_TLS).await;
    let path = |name: &str| format!("{}/{name}", folder.path().display());
    let verify = |host: &str, mode: &str, root: &str| {
        at(&server, host, &format!("sslmode={mode}&sslrootcert={}", path(root)))
    };
    assert_eq!(encrypted(&verify("localhost", "verify-full", "ca.pem")).await, Ok(true));
    let misnamed = encrypted(&verify("127.0.0.1", "verify-full", "ca.pem")).await;
    assert_refused(misnamed, &["the name that is in its certificate"]);
    for mode in ["verify-ca", "require"] {
        assert_eq!(encrypted(&verify("127.0.0.1", mode, "ca.pem")).await, Ok(true), "{mode}");
    }
    for mode in ["verify-full", "verify-ca", "require"] {
        let unknown = encrypted(&verify("localhost", mode, "other.pem")).await;
        assert_refused(unknown, &["UnknownIssuer", "sslrootcert"]);
    }
    // What is not asked for is not verified.
    assert_eq!(encrypted(&verify("127.0.0.1", "prefer", "other.pem")).await, Ok(true));
    for parameters in ["sslmode=verify-full", "sslrootcert=system"] {
        assert_refused(encrypted(&at(&server, "localhost", parameters)).await, &["sslrootcert"]);
    }
    let missing = encrypted(&verify("localhost", "verify-full", "missing.pem")).await;
    assert_refused(missing, &["sslrootcert", "missing.pem"]);
    let empty = encrypted(&verify("localhost", "verify-full", "names")).await;
    assert_refused(empty, &["no certificate in it"]);
}

/// One that signed itself, given as it is, is trusted as it is.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_certificate_that_signed_itself() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    open_to_all(folder.path());
    let server = server(folder.path(), "self", ONLY_TLS).await;
    let root = |name: &str| format!("sslmode=verify-full&sslrootcert={}/{name}.pem", folder.path().display());
    assert_eq!(encrypted(&at(&server, "localhost", &root("self"))).await, Ok(true));
    assert_refused(encrypted(&at(&server, "127.0.0.1", &root("self"))).await, &["name"]);
    assert_refused(encrypted(&at(&server, "localhost", &root("ca"))).await, &["TLS"]);
}

#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_client_shows_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    open_to_all(folder.path());
    let server = server(folder.path(), "server", CERTIFICATE).await;
    let path = |name: &str| format!("{}/{name}", folder.path().display());
    let with = |name: &str| {
        let (certificate, key) = (path(&format!("{name}.pem")), path(&format!("{name}.key")));
        at(&server, "localhost", &format!("sslmode=require&sslcert={certificate}&sslkey={key}"))
    };
    assert_eq!(encrypted(&with("keyward")).await, Ok(true));
    assert!(encrypted(&with("stranger")).await.is_err());
    assert!(encrypted(&at(&server, "localhost", "sslmode=require")).await.is_err());
    let mixed = format!("sslmode=require&sslcert={}&sslkey={}", path("keyward.pem"), path("other.key"));
    assert_refused(encrypted(&at(&server, "localhost", &mixed)).await, &["sslcert and sslkey"]);
    // Everything works over it.
    let postgres = open(&with("keyward")).await;
    postgres.store().keys.insert(&key(1)).await.unwrap();
    assert_eq!(keys(&postgres).await, [1]);
}

/// One that nobody in the middle can pass on; certificates signed in several ways.
#[tokio::test]
#[cfg_attr(not(keyward_test_postgres), ignore = "no PostgreSQL: scripts/servers run cargo test")]
async fn a_sign_in_is_bound_to_its_connection() {
    for key in [
        "ec -pkeyopt ec_paramgen_curve:P-256 -sha256",
        "ec -pkeyopt ec_paramgen_curve:P-384 -sha384",
        "rsa:2048 -sha512",
    ] {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let new = format!("req -newkey {key} -nodes -days 2 -x509 -subj /CN=x -keyout s.key -out s.pem");
        run(Command::new("openssl").args(new.split(' ')).current_dir(folder.path()));
        give(&folder.path().join("s.key"));
        std::fs::copy(folder.path().join("s.pem"), folder.path().join("ca.pem")).unwrap();
        let server = server(folder.path(), "s", EITHER).await;
        let with = |parameters| at(&server, "127.0.0.1", parameters);
        assert_eq!(encrypted(&with("sslmode=require&channel_binding=require")).await, Ok(true), "{key}");
        assert_eq!(encrypted(&with("sslmode=require&channel_binding=disable")).await, Ok(true));
        assert_refused(encrypted(&with("sslmode=disable&channel_binding=require")).await, &["needs TLS"]);
    }
}

/// The server's user has to get at its certificate.
fn open_to_all(folder: &Path) {
    run(Command::new("chmod").arg("755").arg(folder));
}
