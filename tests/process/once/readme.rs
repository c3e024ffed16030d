//! What the README has a newcomer paste, pasted: every line for a shell, in order, against a fresh start. Where a line
//! waits for a mail, the test waits for that mail.

use crate::pictures::Look;
use crate::process::server::{BINARY, Home};
use std::os::unix::fs::symlink;
use std::process::Command;

/// The lines for a shell below a heading.
fn pasted(heading: &str) -> String {
    let readme = include_str!("../../../README.md");
    let below = readme.split("\n## ").find(|part| part.starts_with(heading)).unwrap();
    let blocks = below.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

/// The head of every reply goes into a file, and no second is waited in vain: the nth pause is for Ada's nth mail with a code.
const PRELUDE: &str = r#"
set -eu
curl() {
    command curl --silent --show-error --max-time 20 --dump-header head "$@"
    cat head >> heads
}
command -v file > /dev/null || file() { :; }
mails=0
sleep() {
    mails=$((mails + 1))
    for _ in $(seq 400); do
        if [ "$(command curl --silent "$URL/dev/mail.json?to=ada@example.com" | grep -o '"code":"' | wc -l)" -ge "$mails" ]; then return; fi
        command sleep 0.05
    done
    echo 'the mail did not come' >&2
    exit 1
}
"#;

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn each_line_does_what_is_said_about_it() {
    let home = Home::new();
    let server = home.start();
    std::fs::create_dir_all(home.path("target/release")).unwrap();
    symlink(BINARY, home.path("target/release/keyward")).unwrap();
    let lines = pasted("A first minute") + &pasted("The first administrator");
    let usual = "URL=http://127.0.0.1:8000\n";
    assert!(lines.contains(usual) && lines.contains("\nsleep "), "{lines}");
    let lines = lines.replace(usual, &format!("URL=http://{}\n", server.address));

    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{PRELUDE}{lines}")]).current_dir(home.path(""));
    let done = shell.output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}\n{failed}");

    let heads = std::fs::read_to_string(home.path("heads")).unwrap();
    let statuses = heads.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3));
    let statuses: Vec<&str> = statuses.collect();
    let register_to_profile = ["201", "200", "200", "200", "200", "200"];
    // The last is where the one before sends to.
    let picture = ["200", "200", "303", "200"];
    let refresh_to_sign_out = ["200", "200", "200", "204", "401"];
    let forgot_to_reset = ["202", "200", "204"];
    let administrator = ["200", "200", "200", "201"];
    let expected: Vec<&str> =
        [&register_to_profile[..], &picture, &refresh_to_sign_out, &forgot_to_reset, &administrator].concat();
    assert_eq!(statuses, expected, "{said}\n{failed}");
    let small = Look::of(&std::fs::read(home.path("small.jpg")).unwrap());
    assert_eq!((small.width, small.height), (64, 64));
    assert!(said.contains("\"email_verified\":true") && said.contains("\"status\":\"disabled\""), "{said}");
}
