//! The folder of pictures, when it is not as it should be: not there, or on a full disk. No picture can be uploaded then,
//! everything else goes on, and all is well again without a restart.

use crate::pictures::{Look, RED, jpeg, media_type, noise};
use crate::process::http::{Call, Reply, call};
use crate::process::server::{BINARY, Home, PASSWORD, SOON, Server, until};
use rustix::process::{Resource, Rlimit, prlimit};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

fn upload(token: &str, bytes: Vec<u8>) -> Call {
    call("PUT", "/users/me/picture").bearer(token).body(media_type(&bytes), bytes)
}

fn signed_in(server: &Server, email: &str) -> String {
    server.register(email, PASSWORD).expect(201);
    server.token(email, PASSWORD)
}

/// The reply to a look at the largest square that the profile names.
fn look(server: &Server, token: &str) -> Reply {
    let profile = server.me(token).expect(200).json();
    let link = profile["picture"]["url"].as_str().unwrap().to_owned();
    server.get(&link[link.find("/pictures/").unwrap()..])
}

#[test]
fn a_folder_that_is_not_there_is_a_503_and_comes_back() {
    let home = Home::new();
    let server = home.start();
    let token = signed_in(&server, "ada@example.com");
    server.send(&upload(&token, jpeg(RED))).expect(200);
    let (folder, elsewhere) = (home.path("keyward-data/pictures"), home.path("elsewhere"));
    std::fs::rename(&folder, &elsewhere).unwrap();
    for is_file in [false, true] {
        if is_file {
            std::fs::write(&folder, "no folder").unwrap();
        }
        server.send(&upload(&token, jpeg(RED))).expect_problem(503, "store_unavailable");
        let reply = look(&server, &token);
        assert!(matches!(reply.status, 404 | 503), "{reply}");
        server.get("/health/ready").expect(200);
        signed_in(&server, if is_file { "bob@example.com" } else { "eve@example.com" });
    }
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&elsewhere, &folder).unwrap();
    assert!(Look::of(&look(&server, &token).expect(200).body).is(RED));
    server.send(&upload(&token, noise(90))).expect(200);
    assert_eq!(Look::of(&look(&server, &token).expect(200).body).width, 512);
    server.stop();
}

/// The service may not make files longer than this: a noisy picture's largest square is, and the database is not.
const DISK: u64 = 700 * 1024;

#[test]
fn a_full_disk_takes_no_picture_and_is_left_tidy() {
    let home = Home::new();
    // The shell has the limit inherited and the signal ignored, which would end the process.
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", DISK / 512);
    let server = home.start_by("/bin/sh", &["-c", &script, BINARY, "serve", "--json"]);
    let token = signed_in(&server, "ada@example.com");
    server.send(&upload(&token, jpeg(RED))).expect(200);
    let large = noise(520);
    for _ in 0..2 {
        let reply = server.send(&upload(&token, large.clone())).expect_problem(503, "store_unavailable");
        assert!(!reply.text.contains("keyward-data"), "{reply}");
    }
    // The old one stays, and others are served.
    assert!(Look::of(&look(&server, &token).expect(200).body).is(RED));
    let other = signed_in(&server, "bob@example.com");
    server.send(&upload(&other, jpeg(RED))).expect(200);

    prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    server.send(&upload(&token, large)).expect(200);
    assert_eq!(media_type(&look(&server, &token).expect(200).body), "image/png");
    server.stop();
    // What was begun in vain is known, and goes a day later.
    let server = {
        home.execute("UPDATE keyward_leftovers SET due_at = 1");
        home.start()
    };
    until("nothing is left to be collected", SOON, || {
        (home.count("SELECT count(*) FROM keyward_leftovers") == 0).then_some(())
    });
    let objects = crate::stores::objects_in(&home.path("keyward-data/pictures"));
    let owned = home.rows("SELECT picture FROM keyward_users ORDER BY picture");
    assert_eq!(crate::pictures::whole(&objects), owned.into_iter().collect::<BTreeSet<String>>());
    server.stop();
}

#[test]
fn pictures_are_their_owners_alone_on_the_disk() {
    let home = Home::new();
    let server = home.start_by("/bin/sh", &["-c", "umask 0; exec \"$0\" \"$@\"", BINARY, "serve", "--json"]);
    let token = signed_in(&server, "ada@example.com");
    server.send(&upload(&token, jpeg(RED))).expect(200);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = home.path("keyward-data/pictures");
    let objects = crate::stores::objects_in(&folder);
    assert_eq!((objects.len(), mode(&folder)), (4, 0o700));
    for object in objects.keys() {
        let file = folder.join(object);
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "{object}");
    }
}
