//! Says which servers the tests were given: a test of one that is missing shows as ignored, not as passed.
#![expect(clippy::print_stdout, reason = "that is how a build script speaks")]

const SERVERS: &[(&str, &str)] = &[("KEYWARD_TEST_REDIS_URL", "keyward_test_redis")];

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
