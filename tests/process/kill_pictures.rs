//! Case F-01 for pictures: the service is killed while they are uploaded. Whatever a profile names is whole after the
//! restart, and what was begun and belongs to nobody is known, and goes when it is due.

use super::http::{Call, call};
use super::server::{Home, PASSWORD, SOON, Server, until};
use crate::pictures::{Look, colour, jpeg, whole};
use crate::stores::objects_in;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

fn upload(token: &str, number: usize) -> Call {
    call("PUT", "/users/me/picture").bearer(token).body("image/jpeg", jpeg(colour(number % 64)))
}

fn folder(home: &Home) -> PathBuf {
    home.place().bucket().unwrap_or_else(|| home.path("keyward-data/pictures"))
}

fn objects(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let mut objects = objects_in(&folder(home));
    // There are no folders in S3.
    objects.retain(|name, _| !home.place().has_s3() || !name.ends_with('/'));
    objects
}

/// Waits for a moment at which a picture has begun to hang, and not all of it hangs; for some seconds, since it takes luck.
fn half_hung(home: &Home) {
    let (begun, folder) = (Instant::now(), folder(home));
    let rooms = || std::fs::read_dir(&folder).into_iter().flatten().map(|room| room.unwrap().path());
    let mut seen: BTreeSet<PathBuf> = rooms().collect();
    while begun.elapsed() < Duration::from_secs(2) {
        for room in rooms() {
            if seen.insert(room.clone()) && std::fs::read_dir(room).is_ok_and(|squares| squares.count() < 4) {
                return;
            }
        }
    }
}

fn owned(home: &Home) -> BTreeSet<String> {
    home.rows("SELECT picture FROM keyward_users WHERE picture IS NOT NULL").into_iter().collect()
}

/// The squares of these pictures are there, and whole. Everything else that lies there is of a picture that is known.
fn is_sound(home: &Home) {
    let mut objects = objects(home);
    let owned = owned(home);
    let known: BTreeSet<String> = home.rows("SELECT picture FROM keyward_leftovers").into_iter().collect();
    let room = |object: &str| object.split('/').next().unwrap().to_owned();
    let rooms = |pictures: &BTreeSet<String>| -> BTreeSet<String> {
        pictures.iter().map(|picture| picture.split('.').next().unwrap().to_owned()).collect()
    };
    let (of_owned, of_known) = (rooms(&owned), rooms(&known));
    for object in objects.keys() {
        let room = room(object);
        assert!(of_owned.contains(&room) || of_known.contains(&room), "{object} is known to nobody");
    }
    objects.retain(|object, _| of_owned.contains(&room(object)));
    assert_eq!(whole(&objects), owned);
}

/// The colour that the profile shows, if it shows a picture.
fn shown(server: &Server, token: &str) -> Option<Look> {
    let profile = server.me(token).expect(200).json();
    let link = profile["picture"]["url"].as_str()?.to_owned();
    let (_, place) = link.split_once("://").unwrap();
    let (host, path) = place.split_once('/').unwrap();
    let reply =
        call("GET", &format!("/{path}")).host(host).send_to(host.parse().unwrap()).unwrap().expect(200);
    Some(Look::of(&reply.body))
}

#[test]
fn f_01_kill_9_under_uploads_leaves_every_picture_whole() {
    // The same after each start, whatever the port.
    let home = Home::on_chosen_store().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
    let mut server = home.start();
    let tokens: Vec<String> = (0..4)
        .map(|number| {
            let email = format!("n{number}@example.com");
            server.register(&email, PASSWORD).expect(201);
            server.token(&email, PASSWORD)
        })
        .collect();
    let acknowledged: [AtomicUsize; 4] = Default::default();
    let tried: [AtomicUsize; 4] = Default::default();
    for round in 0..8 {
        let begun = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (client, token) in tokens.iter().enumerate() {
                let (at, acknowledged, tried, begun) =
                    (server.address, &acknowledged[client], &tried[client], &begun);
                scope.spawn(move || {
                    loop {
                        let number = tried.fetch_add(1, SeqCst) + 1;
                        let Ok(reply) = upload(token, number).send_to(at) else { return };
                        reply.expect(200);
                        acknowledged.store(number, SeqCst);
                        begun.fetch_add(1, SeqCst);
                    }
                });
            }
            until("uploads", SOON, || (begun.load(SeqCst) > 4 + round).then_some(()));
            if round % 3 != 0 {
                half_hung(&home);
            }
            server.kill();
        });
        is_sound(&home);
        server = home.start();
        for (client, token) in tokens.iter().enumerate() {
            // The last that was acknowledged, or the one that was on its way.
            let numbers = [acknowledged[client].load(SeqCst), tried[client].load(SeqCst)];
            let look = shown(&server, token);
            let fits = |number: &usize| match &look {
                Some(look) => *number > 0 && look.is(colour(number % 64)),
                None => *number == 0,
            };
            assert!(numbers.iter().any(fits), "{numbers:?} {look:?}");
        }
    }
    assert!(acknowledged.iter().map(|number| number.load(SeqCst)).sum::<usize>() > 40);
    // As if a day had passed: the collector looks at everything.
    server.stop();
    home.execute("UPDATE keyward_leftovers SET due_at = 1");
    let server = home.start();
    until("nothing is left to be collected", SOON, || {
        (home.count("SELECT count(*) FROM keyward_leftovers") == 0).then_some(())
    });
    assert_eq!(whole(&objects(&home)), owned(&home));
    assert_eq!(owned(&home).len(), 4);
    for token in &tokens {
        assert!(shown(&server, token).is_some());
    }
}
