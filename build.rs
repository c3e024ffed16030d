//! Says which servers the tests were given: a test of one that is missing shows as ignored, not as passed. By a list of
//! their names, since an address is another one in every run and would have everything built again.

const SERVERS: &[(&str, &str)] = &[
    ("postgres", "keyward_test_postgres"),
    ("pgbouncer", "keyward_test_pgbouncer"),
    ("redis", "keyward_test_redis"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=KEYWARD_TEST_SERVERS");
    let given = std::env::var("KEYWARD_TEST_SERVERS").unwrap_or_default();
    for (server, name) in SERVERS {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if given.split(' ').any(|given| given == *server) {
            println!("cargo::rustc-cfg={name}");
        }
    }
}
