//! Many at once, on two nodes: whatever wins, the row's picture is whole, and nothing lies about in the end.

use super::{at_present, colour, jpeg, shows, upload};
use crate::app::{Person, Setup, TestApp, all, delete};
use std::collections::BTreeMap;

/// Behind one name.
fn one_name(setup: Setup) -> Setup {
    at_present(setup).set("tokens.issuer", "https://accounts.example.com")
}

async fn two() -> (TestApp, TestApp) {
    let one = TestApp::with(one_name).await;
    let other = one.second_node().await;
    (one, other)
}

/// The same person, who asks the one or the other.
fn at(apps: &(TestApp, TestApp), racer: usize, person: &Person) -> Person {
    let app = if racer.is_multiple_of(2) { &apps.0 } else { &apps.1 };
    Person { wire: app.sender(), ..person.clone() }
}

/// What is the row's is whole, whoever else is at work; what hangs beside it is known.
async fn is_sound(app: &TestApp) {
    app.collect().await;
    let (hanging, owned) = (app.hanging(), app.owned().await);
    assert!(owned.is_subset(&hanging), "{owned:?} {hanging:?}");
    let known = app.rows("SELECT picture FROM keyward_leftovers").await;
    assert!(hanging.iter().all(|picture| owned.contains(picture) || known.contains(picture)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_11_uploads_that_race_leave_one_whole_picture() {
    let apps = two().await;
    let ada = apps.0.signed_in("ada").await;
    // Two at a time is what one account may have on each node.
    for round in 0..24 {
        let racers = (0..4).map(|racer| {
            let (person, number) = (at(&apps, racer, &ada), (4 * round + racer) % 64);
            async move { person.uploads(jpeg(colour(number))).await.must(200).json()["picture"].clone() }
        });
        let pictures = all(racers.collect::<Vec<_>>()).await;
        is_sound(&apps.0).await;
        assert_eq!(apps.0.hanging(), apps.0.owned().await, "round {round}");
        let present = ada.picture().await;
        let name = |picture: &serde_json::Value| {
            let url = picture["url"].as_str().unwrap().split_once('?').unwrap().0.to_owned();
            url[url.len() - 40..].to_owned()
        };
        let colours: BTreeMap<String, usize> = pictures
            .iter()
            .enumerate()
            .map(|(racer, picture)| (name(picture), (4 * round + racer) % 64))
            .collect();
        assert_eq!(colours.len(), 4, "each has a name of its own");
        shows(&apps.0, &present, colour(colours[&name(&present)])).await;
    }
    assert_eq!(apps.0.noted("picture_changed").await, 96);
    apps.0.is_tidy_a_day_later().await;
    assert_eq!(apps.0.hanging().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_11_uploads_that_race_with_removal() {
    let apps = two().await;
    let ada = apps.0.signed_in("ada").await;
    for round in 0..8 {
        let racers = (0..8).map(|racer| {
            let person = at(&apps, racer / 2, &ada);
            async move {
                if racer % 2 == 0 {
                    person.uploads(jpeg(colour(racer))).await.must(200);
                } else {
                    person.send(delete("/users/me/picture")).await.must(204);
                }
            }
        });
        all(racers.collect::<Vec<_>>()).await;
        is_sound(&apps.0).await;
        assert_eq!(apps.0.hanging(), apps.0.owned().await, "round {round}");
        let picture = ada.picture().await;
        assert_eq!(picture.is_null(), apps.0.owned().await.is_empty());
    }
    let events = apps.0.events().await;
    let count = |kind: &str| events.iter().filter(|noted| *noted == kind).count();
    assert_eq!(count("picture_changed"), 32);
    let left = usize::from(!apps.0.owned().await.is_empty());
    assert!(count("picture_removed") <= 32 - left);
    apps.0.is_tidy_a_day_later().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_11_uploads_that_race_with_the_end_of_their_user() {
    let apps = two().await;
    let root = apps.0.admin().await;
    for round in 0..8 {
        let ada = apps.0.signed_in(&format!("ada{round}")).await;
        ada.uploads(jpeg(colour(1))).await.must(200);
        let racers = (0..6).map(|racer| {
            let (person, root) = (at(&apps, racer, &ada), at(&apps, racer, &root));
            async move {
                if racer == 5 {
                    root.delete(&format!("/users/{}", person.id)).await.must(204);
                } else {
                    let reply = person.send(upload(jpeg(colour(racer)))).await;
                    // Beyond two at a time it is told to come back.
                    assert!(matches!(reply.status, 200 | 401 | 503), "{reply}");
                }
            }
        });
        all(racers.collect::<Vec<_>>()).await;
        is_sound(&apps.0).await;
        assert!(apps.0.owned().await.is_empty());
    }
    apps.0.is_tidy_a_day_later().await;
    assert!(apps.0.objects().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_11_collectors_that_race_take_nothing_that_is_somebodys() {
    let apps = two().await;
    let ada = apps.0.signed_in("ada").await;
    for round in 0..10 {
        let uploading = (0..3).map(|racer| {
            let person = at(&apps, racer, &ada);
            tokio::spawn(async move { drop(person.uploads(jpeg(colour(racer + 4))).await.must(200)) })
        });
        let collecting = (0..4).map(|racer| {
            let keyward = if racer % 2 == 0 { apps.0.keyward.clone() } else { apps.1.keyward.clone() };
            tokio::spawn(async move {
                for _ in 0..10 {
                    keyward.collect().await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        });
        for running in uploading.chain(collecting).collect::<Vec<_>>() {
            running.await.unwrap();
        }
        is_sound(&apps.0).await;
        assert_eq!(apps.0.hanging(), apps.0.owned().await, "round {round}");
    }
    apps.0.is_tidy_a_day_later().await;
}
