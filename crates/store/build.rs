//! Says which servers the tests were given: a test of one that is missing shows as ignored, not as passed.

const SERVERS: &[(&str, &str)] = &[
    ("KEYWARD_TEST_POSTGRES_URL", "keyward_test_postgres"),
    ("KEYWARD_TEST_PGBOUNCER_URL", "keyward_test_pgbouncer"),
    ("KEYWARD_TEST_REDIS_URL", "keyward_test_redis"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for (variable, name) in SERVERS {
        println!("cargo::rustc-check-cfg=cfg({name})");
        println!("cargo::rerun-if-env-changed={variable}");
        if std::env::var_os(variable).is_some() {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
