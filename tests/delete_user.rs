//! Deletion: gone at once, whatever else runs.

use crate::app::{TestApp, all, delete, post};
use serde_json::json;

#[tokio::test]
async fn one_deletes_oneself_with_the_password() {
    let app = TestApp::start().await;
    for path in ["/users/me", "/me"] {
        let ada = app.signed_in("ada").await;
        let other = app.again(&ada).await;
        let right = json!({"password": ada.password});
        let wrong = ada.by(delete(path).json(json!({"password": "not the password"})));
        app.refused_and_noted("wrong", &wrong, 403, "wrong_password", "password_proof_failed").await;
        app.refused("none", &ada.by(delete(path).json(json!({}))), 422, "invalid", "/password").await;
        app.refused("no body", &ada.by(delete(path)), 415, "unsupported_media_type", "").await;
        ada.send(delete(path).json(right.clone())).await.must(204);
        for person in [&ada, &other] {
            assert_eq!(person.me().await, 401);
            person.refreshes().await.must(401);
        }
        app.login(&ada.email, &ada.password).await.must(401);
        assert_eq!((app.count("keyward_users").await, app.count("keyward_sessions").await), (0, 0));
        let last =
            app.rows("SELECT kind, actor, user_id FROM keyward_events WHERE kind = 'user_deleted'").await;
        assert_eq!(last.last().unwrap(), &format!("user_deleted|{0}|{0}", ada.id), "the id stays in the log");
    }
}

#[tokio::test]
async fn a_name_is_free_again_and_its_new_owner_is_another() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.signed_in("ada").await, app.admin().await);
    admin.delete(&format!("/users/{}", ada.id)).await.must(204);
    admin.delete(&format!("/users/{}", ada.id)).await.must(404);
    let second = app.signed_in("ada").await;
    assert_ne!(second.id, ada.id);
    assert_eq!((ada.me().await, second.me().await), (401, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_03_no_token_survives_a_deletion_that_races_a_refresh() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for round in 0..40 {
        let ada = app.signed_in(&format!("ada{round}")).await;
        let (gone, path) = (admin.clone(), format!("/users/{}", ada.id));
        let racers = (0..6).map(|racer| {
            let (ada, sender) = (ada.clone(), app.sender());
            async move {
                match racer % 3 {
                    0 => ada.refreshes().await,
                    1 => {
                        let body = json!({"email": ada.email, "password": ada.password});
                        sender.send(&post("/auth/login").json(body)).await
                    }
                    _ => ada.put("/users/me", json!({"first_name": "Ada"})).await,
                }
            }
        });
        let (replies, deleted) = tokio::join!(all(racers), async move { gone.delete(&path).await });
        deleted.must(204);
        for reply in replies {
            assert!(matches!(reply.status, 200 | 401 | 404), "{reply}");
            if reply.status == 200 && reply.json()["access_token"].is_string() {
                let later = ada.with(&reply);
                assert_eq!(later.me().await, 401);
                later.refreshes().await.must(401);
            }
        }
        let owners: Vec<String> = app.sessions().await.into_iter().map(|session| session.user).collect();
        assert_eq!(owners, std::slice::from_ref(&admin.id), "no orphan");
    }
}
