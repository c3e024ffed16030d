//! `POST /auth/introspect` (RFC 7662): whether an access token is good now, for those who may ask.

use super::view::json;
use crate::Shared;
use crate::body::Form;
use crate::extract::{Calling, Person, basic};
use crate::gate;
use crate::problem::{self, Problem};
use aws_lc_rs::{constant_time, digest};
use axum::extract::{FromRequestParts, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use keyward_auth::flows::By;
use keyward_auth::values::{Role, Username};
use serde::Serialize;

#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    token_type: &'static str,
    sub: String,
    sid: String,
    username: Option<&'a str>,
    client_id: &'a str,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    exp: i64,
    roles: Vec<&'a str>,
}

#[derive(Serialize)]
struct Inactive {
    active: bool,
}

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    request: Request<axum::body::Body>,
) -> Result<Response, Problem> {
    use axum::extract::FromRequest;
    let (mut parts, body) = request.into_parts();
    if let Some((name, secret)) = basic(&parts.headers) {
        if !is_known(&web, &name, &secret) {
            let limited = |limited| Problem::from(limited).oauth(gate::TO_OAUTH);
            web.keyward.count_failure(&caller).await.map_err(limited)?;
            return Err(unknown_service());
        }
    } else {
        let Person(person) = Person::from_request_parts(&mut parts, &web).await?;
        web.keyward.may_introspect(By::Person(&person))?;
    }
    let Form(mut form) = Form::from_request(Request::from_parts(parts, body), &web).await?;
    let token = form.required("token", |text| Ok(text.to_owned()));
    let token = form.finish(token)?;

    let Some((claims, person)) = web.keyward.introspect(&token).await? else {
        return Ok(json(StatusCode::OK, &Inactive { active: false }));
    };
    let issuer = web.keyward.tokens.access.issuer();
    let active = Active {
        active: true,
        token_type: "Bearer",
        sub: claims.user.to_string(),
        sid: claims.session.to_string(),
        username: person.user.username.as_ref().map(Username::as_str),
        client_id: &issuer.client_id,
        iss: &issuer.issuer,
        aud: (!web.keyward.tokens.algorithm.is_symmetric()).then_some(&issuer.audience),
        iat: claims.issued_at,
        exp: claims.expires_at,
        roles: person.user.roles.iter().map(Role::as_str).collect(),
    };
    Ok(json(StatusCode::OK, &active))
}

/// Every configured secret is compared, and at one length, so that time tells neither the name nor the secret. A right
/// one is never refused: these are secrets of machines, and no service is to suffer from others at its address.
fn is_known(web: &Shared, name: &str, secret: &str) -> bool {
    let whole =
        |name: &str, secret: &str| digest::digest(&digest::SHA256, format!("{name}\0{secret}").as_bytes());
    let given = whole(name, secret);
    web.settings.introspection_callers.iter().fold(false, |known, (name, secret)| {
        known | constant_time::verify_slices_are_equal(whole(name, secret).as_ref(), given.as_ref()).is_ok()
    })
}

fn unknown_service() -> Problem {
    Problem::new(&problem::INVALID_CREDENTIALS, "this service is not known, or its secret is wrong")
        .oauth("invalid_client")
        .challenge("Basic realm=\"keyward\"")
}
