//! Access tokens: whatever is not exactly what we wrote is nobody's.

use crate::app::{BASE64, Jwt, Person, TestApp, exchange, get, hs};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, RsaKeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::json;

pub(crate) const SECRET: &str = "a-shared-secret-of-thirty-nine-letters!";

pub(crate) async fn signing_with(algorithm: &str) -> (TestApp, Person) {
    let app = TestApp::with(|setup| {
        let setup = setup.set("tokens.algorithm", algorithm);
        if algorithm == "HS256" { setup.set("secrets.key", SECRET) } else { setup }
    })
    .await;
    let ada = app.signed_in("ada").await;
    (app, ada)
}

/// Nobody is let in with this token, and nothing else happens.
pub(crate) async fn refused(app: &TestApp, name: &str, token: &str) {
    app.refused(name, &get("/users/me").bearer(token), 401, "invalid_token", "").await;
}

pub(crate) async fn accepted(app: &TestApp, name: &str, token: &str) {
    let reply = app.send(&get("/users/me").bearer(token)).await;
    assert_eq!(reply.status, 200, "{name}: {reply}");
}

#[tokio::test]
async fn t_01_no_algorithm_but_ours() {
    for algorithm in ["ES256", "EdDSA", "RS256", "HS256"] {
        let (app, ada) = signing_with(algorithm).await;
        let token = Jwt::of(&ada.access);
        for alg in [
            json!("none"),
            json!("None"),
            json!("nOnE"),
            json!("NONE"),
            json!(""),
            json!(null),
            json!(["none"]),
        ] {
            let mut header = token.head();
            header["alg"] = alg.clone();
            let forged = token.with_header(&header);
            refused(&app, &format!("{alg} and the old signature"), &forged.to_string()).await;
            refused(&app, &format!("{alg} unsigned"), &(forged.signed_part() + ".")).await;
            refused(&app, &format!("{alg} in two parts"), &forged.signed_part()).await;
        }
        for header in [json!({}), json!({"typ": "at+jwt"}), json!([]), json!(null), json!("ES256")] {
            refused(&app, &header.to_string(), &token.with_header(&header).to_string()).await;
        }
        accepted(&app, algorithm, &ada.access).await;
    }
}

#[tokio::test]
async fn t_01_unsigned_tokens_open_no_route() {
    let (app, ada) = signing_with("ES256").await;
    let token = Jwt::of(&ada.access).with_header(&json!({"alg": "none", "typ": "at+jwt"}));
    let open = [
        "register",
        "login",
        "refresh",
        "jwks",
        "live",
        "ready",
        "openapi",
        "docs",
        "redoc",
        "setup",
        "setup_page",
        "show_picture",
        "verify",
        "resend",
        "forgot_password",
        "reset_password",
        "link",
        "link_page",
        "inbox",
        "inbox_mails",
    ];
    for route in keyward_web::table().iter().filter(|route| !open.contains(&route.operation)) {
        let path = route.path.replace("{session}", "x").replace("{user}", "ada").replace("{id}", &ada.id);
        let request = crate::app::request(route.method, &path).bearer(&(token.signed_part() + "."));
        app.refused(route.path, &request, 401, "invalid_token", "").await;
    }
}

#[tokio::test]
async fn t_02_a_public_key_is_no_secret() {
    for algorithm in ["ES256", "EdDSA", "RS256"] {
        let (app, ada) = signing_with(algorithm).await;
        let key = app.anonymous().get("/.well-known/jwks.json").await.json()["keys"][0].clone();
        let bytes = |name: &str| BASE64.decode(key[name].as_str().unwrap_or_default()).unwrap();
        let raw = match algorithm {
            "ES256" => [vec![4], bytes("x"), bytes("y")].concat(),
            "EdDSA" => bytes("x"),
            _ => bytes("n"),
        };
        // SubjectPublicKeyInfo (RFC 5480, RFC 8410), as PEM files hold it.
        let prefix: &[u8] = match algorithm {
            "ES256" => &[
                0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48,
                0xce, 0x3d, 3, 1, 7, 3, 0x42, 0,
            ],
            _ => &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0],
        };
        let der = [prefix, &raw].concat();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", BASE64_STANDARD.encode(&der));
        let secrets = [
            raw,
            der,
            pem.clone().into_bytes(),
            (pem + "\n").into_bytes(),
            key.to_string().into_bytes(),
            key["x"].as_str().unwrap_or_default().into(),
            key["kid"].as_str().unwrap().into(),
            Vec::new(),
        ];
        let token = Jwt::of(&ada.access);
        let payload = token.claims().to_string();
        for secret in secrets {
            for (name, hash) in
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
            {
                let mut header = token.head();
                let as_is = header.to_string();
                header["alg"] = name.into();
                for header in [as_is, header.to_string(), json!({"alg": name, "typ": "JWT"}).to_string()] {
                    refused(&app, name, &hs(hash, &secret, &header, &payload)).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn t_02_a_foreign_key_does_not_sign_for_a_shared_secret() {
    let (app, ada) = signing_with("HS256").await;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let jwk = json!({"kty": "RSA", "e": "AQAB", "n": BASE64.encode(pair.public_key().modulus().big_endian_without_leading_zero())});
    use aws_lc_rs::signature::KeyPair;
    let token = Jwt::of(&ada.access);
    for alg in ["RS256", "HS256"] {
        let forged = token.with_header(&json!({"alg": alg, "typ": "JWT", "jwk": jwk}));
        let mut signature = vec![0; pair.public_modulus_len()];
        let (random, message) = (SystemRandom::new(), forged.signed_part());
        pair.sign(&signature::RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
        let forged = Jwt { signature: BASE64.encode(signature), ..forged };
        refused(&app, alg, &forged.to_string()).await;
    }
}

#[tokio::test]
async fn t_03_and_t_04_no_header_chooses_a_key() {
    for algorithm in ["ES256", "HS256"] {
        let (app, ada) = signing_with(algorithm).await;
        let (token, host) = (Jwt::of(&ada.access), format!("http://{}/.well-known/jwks.json", app.address));
        for (name, value) in [
            ("kid", json!("../../dev/null")),
            ("kid", json!("/proc/self/environ")),
            ("kid", json!("' OR 1=1--")),
            ("kid", json!("x".repeat(5_000))),
            ("kid", json!(["a"])),
            ("kid", json!(null)),
            ("kid", json!("")),
            ("kid", json!("unknown")),
            ("jku", json!(host)),
            ("x5u", json!(host)),
            ("x5c", json!(["MIIB"])),
            ("jwk", json!({"kty": "oct", "k": "AA"})),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("typ", json!("at+JWT")),
            ("typ", json!("dpop+jwt")),
            ("cty", json!("JWT")),
        ] {
            let mut header = token.head();
            header[name] = value;
            let forged = token.with_header(&header);
            refused(&app, name, &forged.to_string()).await;
            // Also with a signature that is right for the altered header, where we can make one.
            let payload = token.claims().to_string();
            refused(&app, name, &hs(hmac::HMAC_SHA256, SECRET.as_bytes(), &header.to_string(), &payload))
                .await;
        }
        let long = token.with_header(&json!({"alg": algorithm, "kid": "x".repeat(100_000)})).to_string();
        // Longer than any head of a request may be.
        let request = format!("GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {long}\r\n\r\n");
        assert_eq!(exchange(&app, request.as_bytes()).await.status(), 431);
    }
}

#[tokio::test]
async fn t_07_one_form_only() {
    for algorithm in ["ES256", "EdDSA", "RS256", "HS256"] {
        let (app, ada) = signing_with(algorithm).await;
        let (token, whole) = (Jwt::of(&ada.access), ada.access.as_str());
        let mut hostile = vec![
            format!("{whole}="),
            format!("{whole}=="),
            format!("{whole}."),
            format!("{whole}.x"),
            format!(".{whole}"),
            format!("{whole}.{}", token.signature),
            format!("{}..{}", token.header, token.signature),
            "..".into(),
            ".".into(),
            "x".into(),
            format!("{whole} x"),
            whole.replacen('.', " .", 1),
            whole.replacen('.', ". ", 1),
            whole.to_uppercase(),
            whole.to_lowercase(),
            format!("{whole},{whole}"),
            format!("\"{whole}\""),
        ];
        // Standard base64, padded and not: another alphabet where it differs, another length where it is padded.
        let bytes = |part: &str| BASE64.decode(part).unwrap();
        for engine in [&BASE64_STANDARD, &BASE64_STANDARD_NO_PAD] {
            let parts =
                [&token.header, &token.payload, &token.signature].map(|part| engine.encode(bytes(part)));
            hostile.push(parts.join("."));
        }
        hostile.retain(|forged| forged != whole);
        let cut = token.signature.len();
        hostile.extend((1..=cut).step_by(7).map(|cut| whole[..whole.len() - cut].to_owned()));
        // Every other last letter, those that decode to the same bytes too.
        let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
        hostile.extend(letters.iter().map(|letter| format!("{}{letter}", &whole[..whole.len() - 1])));
        // One bit of every place, some left out where there are many.
        for place in (0..whole.len()).step_by(5) {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            hostile.push(String::from_utf8(bytes).unwrap());
        }
        for forged in hostile.iter().filter(|forged| *forged != whole) {
            let reply = app.send(&get("/users/me").bearer(forged)).await;
            assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_token"), "{algorithm} {forged}");
        }
        accepted(&app, algorithm, whole).await;
    }
}
