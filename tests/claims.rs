//! What access tokens say, that every claim is held to its type and its meaning, and how tokens are sent.

use crate::access_tokens::{SECRET, accepted, refused, signing_with};
use crate::app::{BASE64, Jwt, TestApp, get, hs};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, UnparsedPublicKey};
use base64::Engine;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The claims of a token with some replaced; `null` in `without` takes one away.
fn altered(claims: &Value, name: &str, value: Option<Value>) -> String {
    let mut claims = claims.clone();
    match value {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().unwrap().remove(name)),
    }
    claims.to_string()
}

#[tokio::test]
async fn t_05_and_t_06_every_claim_has_its_type_and_its_meaning() {
    let (app, ada) = signing_with("HS256").await;
    let bob = app.signed_in("bob").await;
    let (token, now) = (Jwt::of(&ada.access), app.clock.seconds());
    let (head, claims) = (token.head().to_string(), token.claims());
    let sign = |payload: &str| hs(hmac::HMAC_SHA256, SECRET.as_bytes(), &head, payload);
    let bobs = Jwt::of(&bob.access).claims();

    accepted(&app, "the control", &sign(&claims.to_string())).await;
    for (name, value) in [
        ("nbf", json!(now)),
        ("nbf", json!(now + 30)),
        ("iat", json!(now + 30)),
        ("iat", json!(0)),
        ("exp", json!(now + 1)),
        ("other", json!({"of": "an application"})),
        ("roles", json!(["admin"])),
        ("auth_time", json!(0)),
    ] {
        accepted(&app, name, &sign(&altered(&claims, name, Some(value)))).await;
    }
    for (name, value) in [
        ("exp", None),
        ("exp", Some(json!(now))),
        ("exp", Some(json!(now - 1))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!(null))),
        ("exp", Some(json!("9999999999"))),
        ("exp", Some(json!(9_999_999_999.5))),
        ("exp", Some(json!(1e300))),
        ("exp", Some(json!(u64::MAX))),
        ("exp", Some(json!(true))),
        ("exp", Some(json!([now + 60]))),
        ("exp", Some(json!({}))),
        ("nbf", Some(json!(now + 31))),
        ("nbf", Some(json!("0"))),
        ("nbf", Some(json!(null))),
        ("nbf", Some(json!(false))),
        ("nbf", Some(json!([0]))),
        ("nbf", Some(json!(0.5))),
        ("iat", None),
        ("iat", Some(json!(now + 31))),
        ("iat", Some(json!(now + 1_000_000_000))),
        ("iat", Some(json!(now.to_string()))),
        ("iat", Some(json!(null))),
        ("iss", None),
        ("iss", Some(json!("https://evil.test"))),
        ("iss", Some(json!(null))),
        ("iss", Some(json!([claims["iss"]]))),
        ("iss", Some(json!(""))),
        ("aud", Some(json!("keyward"))),
        ("aud", Some(json!(["keyward"]))),
        ("aud", Some(json!([]))),
        ("aud", Some(json!(null))),
        ("aud", Some(json!(""))),
        ("sub", None),
        ("sub", Some(bobs["sub"].clone())),
        ("sub", Some(json!(ada.id.to_uppercase()))),
        ("sub", Some(json!("ada"))),
        ("sub", Some(json!(1))),
        ("sub", Some(json!([ada.id]))),
        ("sid", None),
        ("sid", Some(bobs["sid"].clone())),
        ("sid", Some(json!("x"))),
        ("sid", Some(json!(null))),
        ("jti", None),
        ("jti", Some(json!(""))),
        ("jti", Some(json!(7))),
    ] {
        refused(&app, &format!("{name}: {value:?}"), &sign(&altered(&claims, name, value.clone()))).await;
    }
    let whole = claims.to_string();
    for twice in [
        format!(r#"{{"exp":{},{}"#, now + 60, &whole[1..]),
        format!(r#"{{"sub":"{}",{}"#, bob.id, &whole[1..]),
        format!(r#"{{"nbf":0,"nbf":{},{}"#, now + 9999, &whole[1..]),
        format!("{whole} {{}}"),
        format!("[{whole}]"),
        format!("\u{feff}{whole}"),
        whole[..whole.len() - 1].to_owned(),
        String::new(),
        "null".into(),
        "7".into(),
    ] {
        refused(&app, &twice, &sign(&twice)).await;
    }
    for (name, secret) in [
        ("another secret", "another-shared-secret-of-many-letters"),
        ("no secret", ""),
        ("cut", &SECRET[..38]),
    ] {
        refused(&app, name, &hs(hmac::HMAC_SHA256, secret.as_bytes(), &head, &whole)).await;
    }
    refused(&app, "HS512 under our header", &hs(hmac::HMAC_SHA512, SECRET.as_bytes(), &head, &whole)).await;
    for header in [
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg": "HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","alg":"none","typ":"JWT"}"#,
    ] {
        refused(&app, header, &hs(hmac::HMAC_SHA256, SECRET.as_bytes(), header, &whole)).await;
    }
}

#[tokio::test]
async fn t_05_a_token_ends_to_the_second() {
    let (app, ada) = signing_with("ES256").await;
    app.clock.advance(899 * SECOND);
    assert_eq!(ada.me().await, 200);
    app.clock.advance(SECOND);
    assert_eq!(ada.me().await, 401, "remembered or not, without leeway");
    ada.refreshes().await.must(200);
}

#[tokio::test]
async fn t_06_a_token_of_another_service_is_none_of_ours() {
    let (app, ada) = signing_with("HS256").await;
    let (other, eve) = signing_with("HS256").await;
    assert_eq!((ada.me().await, eve.me().await), (200, 200));
    refused(&app, "the same secret, another issuer", &eve.access).await;
    refused(&other, "the same secret, another issuer", &ada.access).await;
    let named = TestApp::with(|setup| setup.set("tokens.audience", "billing")).await;
    let bob = named.signed_in("bob").await;
    assert_eq!(Jwt::of(&bob.access).claims()["aud"], "billing");
    assert_eq!(bob.me().await, 200);
}

#[tokio::test]
async fn t_15_a_token_says_no_more_than_it_must() {
    for (algorithm, typ) in [("ES256", "at+jwt"), ("EdDSA", "at+jwt"), ("RS256", "at+jwt"), ("HS256", "JWT")]
    {
        let (app, ada) = signing_with(algorithm).await;
        let token = Jwt::of(&ada.access);
        let (head, claims) = (token.head(), token.claims());
        assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some(algorithm), Some(typ)));
        let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut expected =
            vec!["aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "roles", "sid", "sub"];
        expected.retain(|name| algorithm != "HS256" || !["aud", "client_id"].contains(name));
        assert_eq!(names, expected);
        let now = app.clock.seconds();
        assert_eq!(claims["sub"], ada.id.as_str());
        assert_eq!(
            (&claims["iat"], &claims["exp"], &claims["auth_time"]),
            (&json!(now), &json!(now + 900), &json!(now))
        );
        assert_eq!(claims["roles"], json!(["user"]));
        app.clock.advance(5 * SECOND);
        let later = Jwt::of(&ada.refreshes().await.must(200).text("access_token")).claims();
        assert_eq!(later["auth_time"], json!(now), "a refresh is no sign-in");
        assert_ne!(later["jti"], claims["jti"]);
    }
}

#[tokio::test]
async fn t_16_a_token_comes_in_one_header() {
    let (app, ada) = signing_with("ES256").await;
    let token = ada.access.as_str();
    for (name, request, status, code) in [
        ("in the query", get(&format!("/users/me?access_token={token}")), 401, "unauthenticated"),
        (
            "in a form",
            crate::app::post("/auth/logout").form(&[("access_token", token)]),
            401,
            "unauthenticated",
        ),
        (
            "in a cookie",
            get("/users/me").header("cookie", &format!("access_token={token}")),
            401,
            "unauthenticated",
        ),
        (
            "as Basic",
            get("/users/me").header("authorization", &format!("Basic {token}")),
            401,
            "unauthenticated",
        ),
        (
            "as DPoP",
            get("/users/me").header("authorization", &format!("DPoP {token}")),
            401,
            "unauthenticated",
        ),
        ("two headers", get("/users/me").bearer(token).bearer(token), 400, "malformed_request"),
        (
            "two blanks",
            get("/users/me").header("authorization", &format!("Bearer  {token}")),
            401,
            "invalid_token",
        ),
        ("no scheme", get("/users/me").header("authorization", token), 401, "invalid_token"),
        ("no token", get("/users/me").header("authorization", "Bearer"), 401, "invalid_token"),
        ("nothing", get("/users/me"), 401, "unauthenticated"),
    ] {
        let reply = app.refused(name, &request, status, code, "").await;
        let challenge = match code {
            "unauthenticated" => "Bearer",
            "invalid_token" => r#"Bearer error="invalid_token""#,
            _ => "",
        };
        assert_eq!(reply.header("www-authenticate"), challenge, "{name}");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.send(&get("/users/me").header("authorization", &format!("{scheme} {token}"))).await.must(200);
    }
}

#[tokio::test]
async fn others_verify_our_tokens_with_the_published_keys() {
    for algorithm in ["ES256", "EdDSA", "RS256", "HS256"] {
        let (app, ada) = signing_with(algorithm).await;
        let reply = app.anonymous().get("/.well-known/jwks.json").await.must(200);
        let keys = reply.json()["keys"].as_array().unwrap().clone();
        if algorithm == "HS256" {
            assert!(keys.is_empty(), "a shared secret is not published");
            continue;
        }
        let (token, key) = (Jwt::of(&ada.access), &keys[0]);
        assert_eq!((keys.len(), &key["kid"], &key["alg"]), (1, &token.head()["kid"], &json!(algorithm)));
        assert!(key["d"].is_null() && key["p"].is_null() && key["k"].is_null());
        let bytes = |name: &str| BASE64.decode(key[name].as_str().unwrap()).unwrap();
        let (message, signature) = (token.signed_part(), BASE64.decode(&token.signature).unwrap());
        let verified = match algorithm {
            "ES256" => UnparsedPublicKey::new(
                &signature::ECDSA_P256_SHA256_FIXED,
                [vec![4], bytes("x"), bytes("y")].concat(),
            )
            .verify(message.as_bytes(), &signature),
            "EdDSA" => {
                UnparsedPublicKey::new(&signature::ED25519, bytes("x")).verify(message.as_bytes(), &signature)
            }
            _ => signature::RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message.as_bytes(),
                &signature,
            ),
        };
        assert!(verified.is_ok(), "{algorithm}");
    }
}
