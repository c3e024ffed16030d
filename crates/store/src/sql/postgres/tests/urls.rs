//! URLs: what is understood, and what is said of the rest.

use super::*;
use crate::sql::postgres::url::{Roots, TlsMode};

#[test]
fn hosts_and_database_are_shown() {
    for (url, shown) in [
        ("postgres://u:p@h/d", "postgres://h:5432/d"),
        ("postgresql://u:p@h:6543/d", "postgres://h:6543/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgres://h:5432/d"),
        ("postgres+psycopg2://u@h", "postgres://h:5432"),
        ("postgres://u:p@a:1,b,c:3/d", "postgres://a:1,b:5432,c:3/d"),
        ("postgres://u:p@[::1]:7/d", "postgres://[::1]:7/d"),
        ("postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d", "postgres:///var/run/postgresql:5432/d"),
        ("postgres:///d?host=/tmp&user=u", "postgres:///tmp:5432/d"),
        ("postgres://u@/d?host=a,b&port=1,2", "postgres://a:1,b:2/d"),
        ("postgres://u@/d?host=a,b&port=9", "postgres://a:9,b:9/d"),
        ("postgres://u:p@h/with%20space", "postgres://h:5432/with space"),
        ("postgres://u:a@b@h/d", "postgres://h:5432/d"),
    ] {
        let parsed = PostgresUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(parsed.to_string(), shown, "{url}");
        assert_eq!(format!("{parsed:?}"), shown, "{url}");
    }
}

#[test]
fn user_and_password_are_taken_back_from_their_masks() {
    let url = PostgresUrl::parse("postgres://us%65r:p%40ss%2F%3Aw%C3%B6rd@h/d").unwrap();
    assert_eq!(url.config.get_user(), Some("user"));
    assert_eq!(url.config.get_password(), Some("p@ss/:w\u{f6}rd".as_bytes()));
    let in_parameters = PostgresUrl::parse("postgres://h/d?user=u&password=a%26b").unwrap();
    assert_eq!(in_parameters.config.get_user(), Some("u"));
    assert_eq!(in_parameters.config.get_password(), Some(b"a&b".as_slice()));
}

#[test]
fn modes_of_tls_are_those_of_libpq() {
    for (parameters, mode) in [
        ("", TlsMode::Prefer),
        ("sslmode=disable", TlsMode::Disable),
        ("sslmode=allow", TlsMode::Allow),
        ("sslmode=require", TlsMode::Require),
        ("ssl=require", TlsMode::Require),
        ("ssl=true", TlsMode::Require),
        ("ssl=false", TlsMode::Disable),
        ("sslmode=require&sslrootcert=/ca.pem", TlsMode::VerifyCa),
        ("sslmode=prefer&sslrootcert=/ca.pem", TlsMode::Prefer),
        ("sslmode=verify-ca&sslrootcert=/ca.pem", TlsMode::VerifyCa),
        ("sslmode=verify-full", TlsMode::VerifyFull),
        ("sslrootcert=system", TlsMode::VerifyFull),
        ("sslrootcert=system&sslmode=verify-full", TlsMode::VerifyFull),
    ] {
        let url = PostgresUrl::parse(&format!("postgres://h/d?{parameters}")).unwrap();
        assert_eq!(url.tls.mode, mode, "{parameters}");
    }
    let url = PostgresUrl::parse("postgres://h/d?sslrootcert=%2Fa%20b.pem&sslcert=c&sslkey=k").unwrap();
    assert_eq!(url.tls.roots, Roots::File("/a b.pem".into()));
    assert_eq!((url.tls.certificate, url.tls.key), (Some("c".into()), Some("k".into())));
}

#[test]
fn other_parameters_are_taken() {
    let url = PostgresUrl::parse(
        "postgres://h/d?connect_timeout=3&application_name=a%20b&options=-c%20work_mem%3D1MB&keepalives=0\
         &keepalives_idle=7&keepalives_interval=8&keepalives_count=9&target_session_attrs=read-write\
         &channel_binding=prefer&pgbouncer=true&",
    )
    .unwrap();
    assert_eq!(url.connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(url.config.get_application_name(), Some("a b"));
    assert_eq!(url.config.get_options(), Some("-c work_mem=1MB"));
    assert!(!url.config.get_keepalives());
    assert_eq!(url.config.get_keepalives_idle(), Duration::from_secs(7));
    assert_eq!(url.config.get_keepalives_interval(), Some(Duration::from_secs(8)));
    assert_eq!(url.config.get_keepalives_retries(), Some(9));
    assert!(url.pgbouncer);
    assert_eq!(PostgresUrl::parse("postgres://h/d?connect_timeout=0").unwrap().connect_timeout, None);
}

#[test]
fn what_is_wrong_is_said_without_user_or_password() {
    for (url, hint) in [
        ("", "write postgres://"),
        ("canary", "write postgres://"),
        ("mysql://canary:canary@h/d", "write postgres://"),
        ("postgres+a b://canary@h/d", "write postgres://"),
        ("postgres://canary:canary@/d", "no host"),
        ("postgres://canary:canary@", "no host"),
        ("postgres://canary:canary@h:x/d", "port"),
        ("postgres://canary:canary@h:0/d", "port"),
        ("postgres://canary:canary@h:65536/d", "port"),
        ("postgres://canary:canary@[::1/d", "port"),
        ("postgres://canary:can/ary@h/d", "%2F"),
        ("postgres://canary:1/canary@h/d", "%2F"),
        ("postgres://canary:1?canary=1@h/d", "%3F"),
        ("postgres://canary:1?canary@h/d", "%3F"),
        ("postgres://canary:100%%canary@h/d", "%25"),
        ("postgres://canary:%00canary@h/d", "%25"),
        ("postgres://canary:%FFcanary@h/d", "UTF-8"),
        ("postgres://canary:canary@h/d?sslmode=on", "verify-full"),
        ("postgres://canary:canary@h/d?sslmode", "name=value"),
        ("postgres://canary:canary@h/d?schema=x", "schema"),
        ("postgres://canary:canary@h/d?sslcert=c", "sslkey"),
        ("postgres://canary:canary@h/d?sslmode=require&sslrootcert=system", "verify-full"),
        ("postgres://canary:canary@h/d?target_session_attrs=read-only", "read-write"),
        ("postgres://canary:canary@h/d?channel_binding=maybe", "prefer"),
        ("postgres://canary:canary@h/d?connect_timeout=soon", "connect_timeout"),
        ("postgres://canary:canary@h/d?pgbouncer=yes", "true"),
        ("postgres://canary:canary@a,b,c/d?port=1,2", "ports"),
    ] {
        let error = PostgresUrl::parse(url).unwrap_err();
        assert!(error.contains(hint) && !error.contains("canary") && !error.contains('\n'), "{url}: {error}");
    }
}
