//! Says which servers the tests were given: a test of one that is missing shows as ignored, not as passed. By a list of
//! their names, since an address is another one in every run and would have everything built again. And whether there is
//! curl, and whether they run as root.

const SERVERS: &[(&str, &str)] = &[
    ("postgres", "keyward_test_postgres"),
    ("pgbouncer", "keyward_test_pgbouncer"),
    ("redis", "keyward_test_redis"),
    ("mongodb", "keyward_test_mongodb"),
    ("s3", "keyward_test_s3"),
    ("smtp", "keyward_test_smtp"),
    ("postfix", "keyward_test_postfix"),
];

fn main() {
    println!("cargo::rerun-if-env-changed=KEYWARD_TEST_SERVERS");
    let given = std::env::var("KEYWARD_TEST_SERVERS").unwrap_or_default();
    for (server, name) in SERVERS {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if given.split(' ').any(|given| given == *server) {
            println!("cargo::rustc-cfg={name}");
        }
    }
    println!("cargo::rustc-check-cfg=cfg(keyward_test_curl)");
    if std::process::Command::new("curl").arg("--version").output().is_ok_and(|done| done.status.success()) {
        println!("cargo::rustc-cfg=keyward_test_curl");
    }
    println!("cargo::rustc-check-cfg=cfg(keyward_test_root)");
    let is_root = std::process::Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if is_root {
        println!("cargo::rustc-cfg=keyward_test_root");
    }
}
