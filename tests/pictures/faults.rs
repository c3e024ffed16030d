//! What cannot be read, and what cannot be taken away: one of it is no fault of the others.

use super::{BLUE, RED, link, look, png, shows, start};
use crate::app::{eventually, get, put};
use serde_json::json;

#[tokio::test]
async fn a_picture_that_cannot_be_read_in_the_database_is_one_users_trouble() {
    let app = start().await;
    let (ada, bob, root) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    ada.uploads(png(RED)).await.must(200);
    bob.uploads(png(BLUE)).await.must(200);
    app.collect().await;
    let name = app.rows("SELECT picture FROM keyward_users WHERE username = 'ada'").await.remove(0);
    for wrong in ["nonsense", "../../etc/passwd", "", &name.to_uppercase()] {
        app.execute(&format!("UPDATE keyward_users SET picture = '{wrong}' WHERE username = 'ada'")).await;
        // As for whatever else cannot be read.
        let reply = app.send(&ada.by(get("/users/me"))).await.must(503);
        assert_eq!(reply.code(), "store_unavailable", "{wrong}");
        shows(&app, &bob.picture().await, BLUE).await;
        bob.put("/users/me", json!({"first_name": "Bob"})).await.must(200);
        root.get(&format!("/users/{}", bob.id)).await.must(200);
    }
    app.execute(&format!("UPDATE keyward_users SET picture = '{name}' WHERE username = 'ada'")).await;
    shows(&app, &ada.picture().await, RED).await;
}

#[tokio::test]
async fn a_leftover_that_cannot_be_taken_away_holds_up_no_other() {
    let app = start().await;
    let (ada, bob) = (app.signed_in("ada").await, app.signed_in("bob").await);
    ada.uploads(png(RED)).await.must(200);
    bob.uploads(png(BLUE)).await.must(200);
    app.collect().await;
    // One whose name says nothing, and one of a user who cannot be read: both are due before everything else.
    let sound = app.rows("SELECT picture FROM keyward_users WHERE username = 'ada'").await.remove(0);
    app.execute(&format!(
        "INSERT INTO keyward_leftovers (picture, user_id, due_at) VALUES ('nonsense', '{}', 1); \
         INSERT INTO keyward_leftovers (picture, user_id, due_at) VALUES ('{}.jpg', '{}', 1)",
        ada.id,
        "0".repeat(32),
        ada.id
    ))
    .await;
    app.execute("UPDATE keyward_users SET picture = 'nonsense' WHERE username = 'ada'").await;
    let old = bob.picture().await;
    bob.uploads(png(RED)).await.must(200);
    eventually("the old one is gone all the same", async || {
        // It says that something is wrong, and goes on.
        drop(app.keyward.collect().await);
        look(&app, &link(&old, 64)).await.status == 404
    })
    .await;
    shows(&app, &bob.picture().await, RED).await;
    app.execute(&format!("UPDATE keyward_users SET picture = '{sound}' WHERE username = 'ada'")).await;
    shows(&app, &ada.picture().await, RED).await;
}

#[tokio::test]
async fn objects_that_are_gone_are_a_404_and_can_be_replaced() {
    let app = start().await;
    let Some(folder) = app.pictures() else { return };
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(png(RED)).await.must(200).json()["picture"].clone();
    std::fs::remove_dir_all(&folder).unwrap();
    // Whoever has no folder does not know what is gone.
    assert_eq!(look(&app, &link(&picture, 64)).await.status, 503);
    assert_eq!(ada.picture().await, picture, "the profile knows nothing of that");
    // The folder is not made again: it may be a disk that is not there. Back, it is the same.
    let reply = ada.send(put("/users/me/picture").body("image/png", png(BLUE))).await.must(503);
    assert_eq!(reply.code(), "store_unavailable");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(look(&app, &link(&picture, 64)).await.status, 404);
    shows(&app, &ada.uploads(png(BLUE)).await.must(200).json()["picture"], BLUE).await;
    app.is_tidy_a_day_later().await;
}
