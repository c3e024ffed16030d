//! The record of security events: who, what, when, from where; and never a secret.

use crate::app::{TestApp, delete, patch, post, put};
use serde_json::json;

#[tokio::test]
async fn g_02_every_event_says_who_what_when_and_from_where() {
    let app = TestApp::start().await;
    let (admin, ada) = (app.admin().await, app.signed_in("ada").await);
    app.execute("DELETE FROM keyward_events").await;
    let path = format!("/users/{}", ada.id);
    let me = "/users/me";
    let change = json!({"current_password": ada.password, "password": "quite another secret"});
    let wrong = json!({"email": ada.email, "password": "not the password"});
    let unknown = json!({"email": "unknown@example.com", "password": "not the password"});
    let new = json!({"email": "bob@example.com", "password": "a long enough one"});
    let mut step = 0;
    for (request, by, kind) in [
        (post("/auth/register").json(new), None, "registered"),
        (post("/auth/login").json(wrong), None, "sign_in_failed"),
        (post("/auth/login").json(unknown), None, "sign_in_failed"),
        (put(me).json(json!({"username": "augusta"})), Some(&ada), "username_changed"),
        (put(me).json(json!({"email": "new@example.com"})), Some(&ada), "email_change_asked"),
        (patch(&path).json(json!({"email": "third@example.com"})), Some(&admin), "email_changed"),
        (patch(&path).json(json!({"email_verified": true})), Some(&admin), "email_verified"),
        (patch(&path).json(json!({"roles": ["admin", "user"]})), Some(&admin), "roles_changed"),
        (delete(me).json(json!({"password": "wrong"})), Some(&ada), "password_proof_failed"),
        (post("/auth/password/change").json(change), Some(&ada), "password_changed"),
        (patch(&path).json(json!({"status": "disabled"})), Some(&admin), "user_disabled"),
        (patch(&path).json(json!({"status": "active"})), Some(&admin), "user_enabled"),
        (post(&format!("{path}/logout")), Some(&admin), "signed_out_everywhere"),
        (delete(&path), Some(&admin), "user_deleted"),
        (
            post("/users").json(json!({"username": "carol", "password": "a long enough one"})),
            Some(&admin),
            "user_created",
        ),
        (post("/auth/logout"), Some(&admin), "signed_out"),
    ] {
        step += 1;
        let id = format!("request-number-{step}");
        let request = request.header("x-request-id", &id).header("user-agent", "tests");
        let request = by.map_or(request.clone(), |by| by.by(request));
        app.send(&request).await;
        let noted = app.rows(&format!(
            "SELECT kind, happened_at, address, agent, actor, coalesce(user_id, '-') FROM keyward_events WHERE request_id = '{id}'"
        )).await;
        assert_eq!(noted.len(), 1, "{kind}: {noted:?}");
        let parts: Vec<&str> = noted[0].split('|').collect();
        assert_eq!(parts[..4], [kind, "1795255200000000", "127.0.0.1", "tests"], "{noted:?}");
        let is_self = matches!(kind, "registered");
        match by {
            Some(by) => assert_eq!(parts[4], by.id, "{kind}"),
            None if is_self => assert_eq!(parts[4], parts[5]),
            None => assert_eq!(parts[4], "anonymous"),
        }
        let is_on_ada = by.is_some() && !matches!(kind, "user_created" | "signed_out");
        assert!(!is_on_ada || parts[5] == ada.id, "{kind}: {noted:?}");
    }
    assert_eq!(app.events().await.len(), 16, "one each");
}

#[tokio::test]
async fn g_03_a_password_typed_as_a_name_is_kept_nowhere() {
    let app = TestApp::start().await;
    let ada = app.signed_in("ada").await;
    let slip = "mysecretslip77";
    for name in ["email", "username", "login"] {
        for text in [slip.to_owned(), format!("{slip}@example.com")] {
            let reply =
                app.anonymous().post("/auth/login", json!({name: text, "password": "x"})).await.must(401);
            assert!(!String::from_utf8(reply.body).unwrap().contains(slip));
        }
    }
    app.login(&ada.email, slip).await.must(401);
    ada.put("/users/me", json!({"password": "long enough one", "current_password": slip})).await.must(403);
    let stolen = app.stolen().await;
    assert!(!stolen.windows(slip.len()).any(|window| window == slip.as_bytes()));
}

#[tokio::test]
async fn l_01_and_l_02_the_address_is_the_peers_unless_a_trusted_proxy_says_otherwise() {
    let login = |headers: &[(&str, &str)]| {
        let body = json!({"email": "unknown@example.com", "password": "x"});
        headers
            .iter()
            .fold(post("/auth/login").json(body), |request, (name, value)| request.header(name, value))
    };
    let app = TestApp::start().await;
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"] {
        app.send(&login(&[(name, "203.0.113.9")])).await.must(401);
        assert_eq!(app.events_with("address").await.last().unwrap(), "127.0.0.1", "{name}");
    }
    let behind = TestApp::with(|setup| setup.behind("127.0.0.1,10.0.0.0/8")).await;
    for (headers, address) in [
        (vec![("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
        (vec![("x-forwarded-for", "198.51.100.7, 203.0.113.9")], "203.0.113.9"),
        (
            vec![("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "203.0.113.9, 10.1.1.1")],
            "203.0.113.9",
        ),
        (vec![("forwarded", "for=198.51.100.7, for=\"[2001:db8::9]:1\"")], "2001:db8::9"),
        (vec![("x-real-ip", "203.0.113.9")], "127.0.0.1"),
        (vec![("x-forwarded-for", "evil\u{e9}")], "127.0.0.1"),
        (vec![], "127.0.0.1"),
    ] {
        behind.send(&login(&headers)).await.must(401);
        assert_eq!(behind.events_with("address").await.last().unwrap(), address, "{headers:?}");
    }
    // A session remembers it, too.
    let ada = behind.signed_in("ada").await;
    let body = json!({"email": ada.email, "password": ada.password});
    behind.send(&post("/auth/login").json(body).header("x-forwarded-for", "203.0.113.77")).await.must(200);
    let listed = ada.get("/users/me/sessions").await.must(200).json().to_string();
    assert!(listed.contains("203.0.113.77"), "{listed}");
}

#[tokio::test]
async fn old_events_are_swept_and_young_ones_stay() {
    let app = TestApp::with(|setup| setup.set("audit.keep", "10d")).await;
    app.signed_in("ada").await;
    app.clock.advance(std::time::Duration::from_secs(9 * 86_400));
    app.signed_in("bob").await;
    app.keyward.sweep("test").await.unwrap();
    assert_eq!(app.events().await.len(), 4);
    app.clock.advance(std::time::Duration::from_secs(2 * 86_400));
    app.keyward.sweep("test").await.unwrap();
    assert_eq!(app.events().await, ["registered", "signed_in"], "bob's");
}
