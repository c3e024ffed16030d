//! A new password: only against proof, and it puts everybody else out.

use crate::app::{Person, TestApp, post, put};
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const NEW: &str = "quite another secret";

async fn is_out(person: &Person) {
    assert_eq!(person.me().await, 401);
    person.refreshes().await.must(401);
}

#[tokio::test]
async fn p_10_a_change_gives_fresh_tokens_and_kills_all_others() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let other = app.again(&ada).await;
    let body = json!({"current_password": ada.password, "password": NEW});
    let reply = ada.post("/auth/password/change", body).await.must(200);
    let fresh = ada.with(&reply);
    is_out(&ada).await;
    is_out(&other).await;
    assert_eq!(fresh.me().await, 200);
    let fresh = fresh.with(&fresh.refreshes().await.must(200));
    assert_eq!(fresh.me().await, 200);
    app.login(&ada.email, &ada.password).await.must(401);
    app.login(&ada.email, NEW).await.must(200);
    assert_eq!(app.noted("password_changed").await, 1);
}

#[tokio::test]
async fn p_10_a_put_keeps_this_session_and_ends_the_others() {
    for path in ["/users/me", "/me", "/profile"] {
        let app = TestApp::start().await;
        let ada = app.signed_in("ada").await;
        let other = app.again(&ada).await;
        ada.put(path, json!({"password": NEW})).await.must(200);
        is_out(&other).await;
        assert_eq!(ada.me().await, 200);
        let ada = ada.with(&ada.refreshes().await.must(200));
        assert_eq!(ada.me().await, 200);
        app.login(&ada.email, &ada.password).await.must(401);
        app.login(&ada.email, NEW).await.must(200);
        // The kept one ends like every other with the next change, and with a logout from everywhere.
        let third = Person { password: NEW.into(), ..ada.clone() };
        let third = app.again(&third).await;
        third.put(path, json!({"password": "a third secret"})).await.must(200);
        is_out(&ada).await;
        third.post("/auth/logout", json!({"everywhere": true})).await.must(204);
        is_out(&third).await;
    }
}

#[tokio::test]
async fn p_04_an_old_session_needs_the_present_password() {
    let app = TestApp::start().await;
    let (ada, bob, admin) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    app.clock.advance(601 * SECOND);
    let me = "/users/me";
    let mine = format!("/profile/{}", ada.id);
    let change = "/auth/password/change";
    for (name, request, code) in [
        ("no proof", put(me).json(json!({"password": NEW})), "reauthentication_required"),
        ("no proof, by id", put(&mine).json(json!({"password": NEW})), "reauthentication_required"),
        (
            "a wrong one",
            put(me).json(json!({"password": NEW, "current_password": "wrong"})),
            "wrong_password",
        ),
        (
            "another's",
            put(me).json(json!({"password": NEW, "current_password": bob.password})),
            "wrong_password",
        ),
        ("the new one", put(me).json(json!({"password": NEW, "current_password": NEW})), "wrong_password"),
        (
            "a wrong one, by id",
            put(&mine).json(json!({"password": NEW, "current_password": ""})),
            "wrong_password",
        ),
        (
            "a wrong one to change",
            post(change).json(json!({"password": NEW, "current_password": "wrong"})),
            "wrong_password",
        ),
        (
            "another's to change",
            post(change).json(json!({"password": NEW, "current_password": bob.password})),
            "wrong_password",
        ),
    ] {
        app.refused_and_noted(name, &ada.by(request), 403, code, "password_proof_failed").await;
    }
    app.refused(
        "no proof to change",
        &ada.by(post(change).json(json!({"password": NEW}))),
        422,
        "invalid",
        "/current_password",
    )
    .await;
    // An address is no guess at a password: nothing is noted.
    let email = put(me).json(json!({"email": "new@example.com"}));
    app.refused("the address", &ada.by(email), 403, "reauthentication_required", "").await;

    let theirs = format!("/users/{}", bob.id);
    for body in [json!({"password": NEW}), json!({"password": NEW, "current_password": bob.password})] {
        app.refused("a user's of another", &ada.by(put(&theirs).json(body.clone())), 404, "not_found", "")
            .await;
        app.refused(
            "an administrator's of another",
            &admin.by(put(&theirs).json(body)),
            403,
            "forbidden",
            "",
        )
        .await;
    }
    for person in [&ada, &bob] {
        app.login(&person.email, &person.password).await.must(200);
        app.login(&person.email, NEW).await.must(401);
    }
    ada.put(me, json!({"password": NEW, "current_password": ada.password})).await.must(200);
    app.login(&ada.email, NEW).await.must(200);
}

#[tokio::test]
async fn p_04_how_long_a_sign_in_is_fresh() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    app.clock.advance(600 * SECOND);
    ada.put("/users/me", json!({"password": NEW})).await.must(200);
    // A refresh renews nothing.
    app.clock.advance(SECOND);
    let ada = ada.with(&ada.refreshes().await.must(200));
    assert_eq!(
        ada.put("/users/me", json!({"password": "a third secret"})).await.must(403).code(),
        "reauthentication_required"
    );

    let strict = TestApp::with(|setup| setup.set("policy.fresh_for", "0s")).await;
    let bob = strict.signed_in("bob").await;
    strict.clock.advance(Duration::from_micros(1));
    assert_eq!(
        bob.put("/users/me", json!({"password": NEW})).await.must(403).code(),
        "reauthentication_required"
    );
}

#[tokio::test]
async fn the_present_password_changes_nothing_and_is_proof() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let other = app.again(&ada).await;
    app.clock.advance(601 * SECOND);
    let before = app.everything().await;
    ada.put("/users/me", json!({"password": ada.password, "email": ada.email, "user": "ada"}))
        .await
        .must(200);
    assert_eq!(app.everything().await, before);
    assert_eq!(other.me().await, 200);
    // Being proof, it lets the address change in the same request.
    let reply =
        ada.put("/users/me", json!({"password": ada.password, "email": "new@example.com"})).await.must(200);
    assert_eq!(
        (reply.text("email"), reply.text("pending_email")),
        (ada.email.clone(), "new@example.com".into())
    );
    assert_eq!(app.events().await.last().unwrap(), "email_change_asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_changes_at_once_one_wins() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let replies = crate::app::all((0..10).map(|number| {
        let ada = ada.clone();
        async move {
            let new = format!("secret number {number}");
            let reply = ada
                .post("/auth/password/change", json!({"current_password": ada.password, "password": new}))
                .await;
            (reply.status, new, reply)
        }
    }))
    .await;
    let won: Vec<_> = replies.iter().filter(|(status, ..)| *status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", replies.iter().map(|(status, ..)| status).collect::<Vec<_>>());
    assert!(replies.iter().all(|(status, ..)| matches!(status, 200 | 401 | 403)));
    app.login(&ada.email, &won[0].1).await.must(200);
    assert_eq!(ada.with(&won[0].2).me().await, 200);
    is_out(&ada).await;
}
