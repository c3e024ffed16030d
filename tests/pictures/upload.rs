//! Every way in that is right, and who may take it.

use super::{BLUE, Form, GREEN, RED, jpeg, look, noise, png, refused, shows, start, upload};
use crate::app::{delete, get, password, patch, post, put};
use serde_json::json;

#[tokio::test]
async fn a_picture_alone_or_in_a_form_by_every_path() {
    let app = start().await;
    let (ada, root) = (app.signed_in("ada").await, app.admin().await);
    let mut colour = 0;
    for (method, path, by) in [
        ("PUT", "/users/me/picture", &ada),
        ("PUT", "/profile/picture", &ada),
        ("POST", "/profile/picture", &ada),
        ("PUT", &format!("/users/{}/picture", ada.id), &ada),
        ("PUT", "/users/ada/picture", &root),
    ] {
        for (kind, name) in [("image/png", "me.png"), ("image/jpeg", "ME.JPG"), ("image/jpeg", "me.jpeg")] {
            colour += 1;
            let shown = super::colour(colour);
            let bytes = if kind == "image/png" { png(shown) } else { jpeg(shown) };
            let request = crate::app::request(method, path);
            let request = match name {
                "ME.JPG" => request.body(kind, bytes),
                _ => Form::of("file", name, kind, &bytes).on(request),
            };
            let reply = by.send(request).await.must(200);
            assert_eq!(reply.text("id"), ada.id);
            assert!(reply.header("etag").starts_with("\"v"), "{path}");
            shows(&app, &reply.json()["picture"], shown).await;
            assert_eq!(ada.picture().await, reply.json()["picture"], "{path}");
        }
    }
    assert_eq!(app.noted("picture_changed").await, 15);
    assert!(root.picture().await.is_null());
}

#[tokio::test]
async fn a_registration_may_bring_a_picture() {
    let app = start().await;
    for (path, name, shown) in [("/auth/register", "ada", RED), ("/register", "bob", BLUE)] {
        let form = Form::default()
            .field("email", &format!("{name}@example.com"))
            .field("username", name)
            .field("password", &password(name))
            .field("first_name", "")
            .field("metadata", r#"{"plan": "free"}"#)
            .file("picture", "me.jpg", "image/jpeg", &jpeg(shown));
        let reply = app.send(&form.on(post(path))).await.must(201);
        let profile = reply.json();
        assert_eq!((&profile["metadata"]["plan"], &profile["first_name"]), (&json!("free"), &json!(null)));
        shows(&app, &profile["picture"], shown).await;
        let person = app.sign_in(name, &reply.text("id")).await;
        assert!(person.email.starts_with(name));
    }
    // As browsers send an input for a file that nobody has chosen.
    let form = Form::default().field("email", "eve@example.com").field("password", "a long enough one");
    let form = form.file("picture", "", "application/octet-stream", b"");
    let reply = app.send(&form.on(post("/auth/register"))).await.must(201);
    assert!(reply.json()["picture"].is_null());
    assert_eq!(app.hanging(), app.owned().await);
}

#[tokio::test]
async fn a_change_of_a_profile_may_bring_a_picture() {
    let app = start().await;
    let (ada, root) = (app.signed_in("ada").await, app.admin().await);
    let of_ada = [format!("/users/{}", ada.id), format!("/profile/{}", ada.id)];
    for (number, (request, by)) in [
        (put("/users/me"), &ada),
        (patch("/users/me"), &ada),
        (put("/me"), &ada),
        (put("/profile"), &ada),
        (patch("/profile"), &ada),
        (put(&of_ada[0]), &root),
        (patch(&of_ada[0]), &ada),
        (put(&of_ada[1]), &root),
    ]
    .into_iter()
    .enumerate()
    {
        let (shown, name) = (super::colour(number), format!("Ada the {number}"));
        let form =
            Form::default().file("picture", "a.png", "image/png", &png(shown)).field("first_name", &name);
        let reply = by.send(form.on(request)).await.must(200);
        assert_eq!(reply.text("first_name"), name);
        shows(&app, &reply.json()["picture"], shown).await;
    }
    // What a profile says of its picture may be sent back, and changes nothing.
    let picture = ada.picture().await;
    for sent in [picture.clone(), json!(null), json!("x"), json!([1])] {
        ada.put("/users/me", json!({"picture": sent, "last_name": "L"})).await.must(200);
        assert_eq!(ada.picture().await, picture, "{sent}");
    }
    assert_eq!(app.noted("picture_changed").await, 8);
}

#[tokio::test]
async fn what_is_see_through_stays_a_png() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let picture = ada.uploads(noise(300)).await.must(200).json()["picture"].clone();
    let seen = look(&app, picture["url"].as_str().unwrap()).await;
    assert_eq!((seen.status, seen.header("content-type")), (200, "image/png"));
    assert!(app.hanging().first().unwrap().ends_with(".png"));
}

#[tokio::test]
async fn the_picture_of_another_needs_a_permission() {
    let app = start().await;
    let (ada, bob, root) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    ada.uploads(png(RED)).await.must(200);
    for whom in [&ada.id, "ada", "nobody"] {
        let path = format!("/users/{whom}/picture");
        for (name, request) in [
            ("get", get(&path)),
            ("initials", get(&format!("{path}?fallback=initials"))),
            ("put", put(&path).body("image/png", png(BLUE))),
            ("put what is none", put(&path).body("image/png", "x")),
            ("put another type", put(&path).body("image/gif", "x")),
            ("delete", delete(&path)),
        ] {
            refused(&app, &format!("{name} {whom}"), &bob.by(request.clone()), 404, "not_found", "").await;
            refused(&app, &format!("{name} {whom}"), &request, 401, "unauthenticated", "").await;
        }
    }
    shows(&app, &ada.picture().await, RED).await;

    root.get(&format!("/users/{}/picture", ada.id)).await.must(303);
    root.send(put("/users/ada/picture").body("image/png", png(GREEN))).await.must(200);
    shows(&app, &ada.picture().await, GREEN).await;
    root.delete("/users/ada/picture").await.must(204);
    assert!(ada.picture().await.is_null());
    assert!(app.events_with("kind, actor").await.contains(&format!("picture_removed|{}", root.id)));
}

#[tokio::test]
async fn a_text_where_a_picture_should_be_is_not_passed_over() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    ada.uploads(png(RED)).await.must(200);
    let text = Form::default().field("picture", "me.png").field("first_name", "Ada");
    refused(&app, "a text", &ada.by(text.on(patch("/users/me"))), 422, "invalid", "/picture").await;
    let form = Form::default().field("email", "bob@example.com").field("password", "a long enough one");
    let request = form.field("picture", "me.png").on(post("/auth/register"));
    refused(&app, "a registration", &request, 422, "invalid", "/picture").await;
}

#[tokio::test]
async fn a_file_where_a_text_should_be_is_no_text() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    for name in ["first_name", "current_password", "metadata", "avatar"] {
        let form = Form::of(name, "a.png", "image/png", &png(RED)).field("last_name", "Lovelace");
        let pointer = format!("/{name}");
        refused(&app, name, &ada.by(form.on(patch("/users/me"))), 422, "invalid", &pointer).await;
    }
    // However long its name is, not more of it is repeated than of any other.
    let form = Form::of(&"x".repeat(1000), "a.png", "image/png", &png(RED));
    let pointer = format!("/{}", "x".repeat(64));
    refused(&app, "long", &ada.by(form.on(patch("/users/me"))), 422, "invalid", &pointer).await;
    let form = Form::default().field("email", "bob@example.com").field("password", "a long enough one");
    let request = form.file("first_name", "a.png", "image/png", &png(RED)).on(post("/auth/register"));
    refused(&app, "a registration", &request, 422, "invalid", "/first_name").await;
}

#[tokio::test]
async fn if_match_names_the_version_that_may_change() {
    let app = start().await;
    let ada = app.signed_in("ada").await;
    let old = ada.get("/users/me").await.header("etag").to_owned();
    let reply = ada.send(upload(png(RED)).header("if-match", &old)).await.must(200);
    let present = reply.header("etag").to_owned();
    assert_ne!(old, present);
    for tag in [old.as_str(), "\"v0\"", "nonsense"] {
        for request in [upload(png(BLUE)), delete("/users/me/picture")] {
            refused(&app, tag, &ada.by(request.header("if-match", tag)), 412, "stale", "").await;
        }
    }
    shows(&app, &ada.picture().await, RED).await;
    ada.send(delete("/users/me/picture").header("if-match", &present)).await.must(204);
    ada.send(upload(png(BLUE)).header("if-match", "*")).await.must(200);
    shows(&app, &ada.picture().await, BLUE).await;
}
