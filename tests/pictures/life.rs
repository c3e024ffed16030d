//! What becomes of pictures and their objects: replaced, removed, with their user, and after an upload that came to nothing.

use super::gallery::LATER;
use super::{BLUE, Form, GREEN, RED, jpeg, link, look, png, shows, start};
use crate::app::{TestApp, delete, eventually, post, put};
use keyward_auth::outside::Clock;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn a_11_the_old_picture_goes_when_there_is_another() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let red = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let first = app.owned().await;
    let blue = ada.uploads(png(BLUE)).await.must(200).json()["picture"].clone();
    assert_ne!(red["url"], blue["url"]);
    app.collect().await;
    assert_eq!(look(&app, &link(&red, 64)).await.status, 404);
    shows(&app, &blue, BLUE).await;
    assert_eq!(app.hanging(), app.owned().await);
    assert!(app.owned().await.is_disjoint(&first));

    ada.delete("/users/me/picture").await.must(204);
    assert!(ada.picture().await.is_null());
    assert_eq!(ada.get("/users/me/picture").await.must(404).code(), "no_picture");
    app.collect().await;
    assert!(app.objects().is_empty());
    assert_eq!(look(&app, &link(&blue, 512)).await.status, 404);
    // Again, and nothing happens.
    let before = app.everything().await;
    ada.delete("/users/me/picture").await.must(204);
    assert_eq!(app.everything().await, before);
    let of_pictures: Vec<String> =
        app.events().await.into_iter().filter(|kind| kind.starts_with("picture")).collect();
    assert_eq!(of_pictures, ["picture_changed", "picture_changed", "picture_removed"]);
    app.is_tidy_a_day_later().await;
}

#[tokio::test]
async fn a_11_the_collector_needs_nobody_to_tell_it() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    ada.uploads(png(RED)).await.must(200);
    ada.uploads(png(BLUE)).await.must(200);
    eventually("the old one is gone", async || {
        let objects = app.objects();
        objects.len() == 4 && objects.keys().all(|object| object.ends_with(".jpg"))
    })
    .await;
    assert_eq!(app.hanging(), app.owned().await);
    ada.send(delete("/users/me").json(json!({"password": ada.password}))).await.must(204);
    eventually("all are gone", async || app.objects().is_empty()).await;
}

#[tokio::test]
async fn a_11_with_a_user_go_the_pictures() {
    let app = start().await;
    let (ada, bob, root) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    let red = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    let blue = bob.uploads(png(BLUE)).await.must(200).json()["picture"].clone();
    root.uploads(png(GREEN)).await.must(200);
    assert_eq!(app.hanging().len(), 3);
    ada.send(delete("/users/me").json(json!({"password": ada.password}))).await.must(204);
    root.delete(&format!("/users/{}", bob.id)).await.must(204);
    app.collect().await;
    for link in [link(&red, 64), link(&blue, 512)] {
        assert_eq!(look(&app, &link).await.status, 404);
    }
    assert_eq!((app.hanging().len(), app.hanging()), (1, app.owned().await));
    app.is_tidy_a_day_later().await;
}

#[tokio::test]
async fn the_same_picture_twice_is_two_pictures() {
    let app = start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    let mut names = BTreeSet::new();
    for person in [&ada, &ada, &bob, &bob, &ada] {
        person.uploads(png(RED)).await.must(200);
        app.collect().await;
        names.extend(app.owned().await);
        assert_eq!(app.hanging(), app.owned().await);
    }
    assert_eq!(names.len(), 5);
    shows(&app, &ada.picture().await, RED).await;
    shows(&app, &bob.picture().await, RED).await;
}

/// What was hung for nobody is known, and goes a day later.
async fn goes_a_day_later(app: &TestApp, extra: usize) {
    app.collect().await;
    let owned = app.owned().await;
    assert_eq!(app.hanging().len(), owned.len() + extra);
    let due = (app.clock.now() + LATER).as_micros();
    let waiting = app.rows("SELECT picture, due_at FROM keyward_leftovers ORDER BY picture").await;
    let known: BTreeSet<String> =
        waiting.iter().map(|row| row.split_once('|').unwrap().0.to_owned()).collect();
    assert!(app.hanging().is_subset(&owned.union(&known).cloned().collect()), "{waiting:?}");
    assert!(waiting.iter().all(|row| row.ends_with(&format!("|{due}"))), "{waiting:?}");
    app.clock.advance(LATER - Duration::from_micros(1));
    app.keyward.collect().await.unwrap();
    assert_eq!(app.hanging().len(), owned.len() + extra);
    app.clock.advance(Duration::from_micros(1));
    app.collect().await;
    assert_eq!((app.hanging(), app.owned().await), (owned.clone(), owned));
    assert_eq!(app.count("keyward_leftovers").await, 0);
}

#[tokio::test]
async fn a_change_that_fails_after_the_picture_hangs_leaves_the_old_one() {
    let app = start().await;
    let (ada, _bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    ada.uploads(png(RED)).await.must(200);
    app.collect().await;
    let before = app.everything().await;
    for (field, value) in [("username", "bob"), ("email", "bob@example.com")] {
        let form = Form::of("picture", "a.png", "image/png", &png(BLUE)).field(field, value);
        let form = if field == "email" { form.field("current_password", &ada.password) } else { form };
        assert_eq!(ada.send(form.on(put("/users/me"))).await.must(409).code(), "taken");
    }
    assert_eq!(app.everything().await, before);
    shows(&app, &ada.picture().await, RED).await;
    // That they are nobody's is known, and nobody waits a day.
    app.collect().await;
    assert_eq!((app.hanging(), app.owned().await), (app.owned().await, app.owned().await));
    app.is_tidy_a_day_later().await;
}

#[tokio::test]
async fn a_registration_that_fails_after_the_picture_hangs_leaves_nobody() {
    let app = TestApp::with(|setup| super::at_present(setup).set("accounts.conceal", "yes")).await;
    app.anonymous()
        .post("/auth/register", json!({"email": "ada@example.com", "password": "a long enough one"}))
        .await
        .must(202);
    // Whether the address was taken is not seen, and there is a picture of nobody then.
    for (email, users) in [("ada@example.com", 1), ("bob@example.com", 2)] {
        let form = Form::default().field("email", email).field("password", "a long enough one");
        let request = form.file("picture", "a.jpg", "image/jpeg", &jpeg(RED)).on(post("/auth/register"));
        app.send(&request).await.must(202);
        assert_eq!(app.count("keyward_users").await, users);
    }
    assert_eq!(app.owned().await.len(), 1);
    goes_a_day_later(&app, 1).await;
}
