//! The pages of `docs/replace`, pasted: every line for a shell but those that start Keyward, in order, against a fresh start,
//! and each reply has the status that the page shows. Which database is below makes no difference to a page.

use crate::process::server::{BINARY, Home, secret};
use std::os::unix::fs::symlink;
use std::process::Command;

/// The shell's lines of a page, and what it shows as their replies.
struct Page {
    lines: String,
    shown: String,
}

impl Page {
    fn read(text: &str) -> Self {
        let blocks = |kind: &str| -> Vec<String> {
            let begin = format!("```{kind}\n");
            let blocks = text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
            blocks.collect()
        };
        let starts = |block: &String| block.ends_with("\nkeyward\n");
        let all = blocks("sh");
        assert!(all.iter().any(starts), "it says how to start");
        let lines = all.into_iter().filter(|block| !starts(block)).collect();
        Self { lines, shown: blocks("text").concat() }
    }
}

/// The statuses in order: of a head, or as lines that begin with them.
fn statuses(said: &str) -> Vec<String> {
    let is_status = |word: &&str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let words = said.lines().flat_map(|line| match line.strip_prefix("HTTP/1.1 ") {
        Some(rest) => rest.split(' ').take(1).collect::<Vec<_>>(),
        None => line.split(' ').take_while(is_status).collect(),
    });
    words.map(str::to_owned).collect()
}

/// Each reply ends its line. No second is waited in vain: the nth pause is for the nth mail with a code.
const PRELUDE: &str = r#"
set -eu
curl() { command curl --max-time 20 "$@"; echo; }
sleep() {
    echo >> pauses
    for _ in $(seq 400); do
        if [ "$(command curl --silent "$URL/dev/mail.json?to=$WAITS" | grep -o '"code":"' | wc -l)" -ge "$(wc -l < pauses)" ]; then return; fi
        command sleep 0.05
    done
    echo 'the mail did not come' >&2
    exit 1
}
"#;

/// `waits`: who gets the mails that the page waits for.
fn paste(text: &str, waits: &str, home: Home) {
    let (page, mut home) = (Page::read(text), home.set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0"));
    // One of the pages runs into a limit.
    home.change("KEYWARD_LIMITS_SCALE", "1");
    let server = home.start();
    std::fs::create_dir(home.path("bin")).unwrap();
    symlink(BINARY, home.path("bin/keyward")).unwrap();
    let usual = "URL=http://127.0.0.1:8000\n";
    assert!(page.lines.contains(usual), "{}", page.lines);
    let lines = page.lines.replace(usual, &format!("URL=http://{}\n", server.address));

    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{PRELUDE}{lines}")]).current_dir(home.path("")).env("WAITS", waits);
    shell.env("PATH", format!("{}:{}", home.path("bin").display(), std::env::var("PATH").unwrap()));
    let done = shell.output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}\n{failed}");
    let expected = statuses(&page.shown);
    assert!(expected.len() > 8, "{expected:?}");
    assert_eq!(statuses(&said), expected, "{said}\n{failed}");
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn users_in_mongodb_and_pictures_in_s3() {
    paste(include_str!("../../../docs/replace/a-mongodb-and-s3.md"), "annie@example.com", Home::new());
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn profiles_in_postgresql() {
    paste(include_str!("../../../docs/replace/b-postgresql-profiles.md"), "bobby@example.com", Home::new());
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn users_in_mongodb_by_username() {
    paste(include_str!("../../../docs/replace/c-mongodb-by-username.md"), "", Home::new());
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn an_sql_database_and_codes_by_mail() {
    paste(include_str!("../../../docs/replace/d-sql-and-codes.md"), "dora@example.com", Home::new());
}

#[test]
#[cfg_attr(not(keyward_test_curl), ignore = "no curl here")]
fn postgresql_redis_and_tokens_that_others_verify() {
    let home = Home::new();
    home.write(".env", &format!("SECRET_KEY={}\nALGORITHM=HS256\n", secret()));
    paste(include_str!("../../../docs/replace/e-postgresql-and-redis.md"), "", home);
}
