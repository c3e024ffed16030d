//! `/setup/{token}`: the page behind the link that the first start prints. It makes the first administrator, works
//! once, and needs no script.

use crate::Shared;
use crate::body::Form;
use crate::extract::{Calling, PathName};
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_auth::flows::{Class, NewUserError, SetupError};
use keyward_auth::records::Unique;
use keyward_auth::values::{Email, Invalid, Password};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

pub(crate) async fn get(
    State(web): State<Shared>,
    PathName(secret): PathName,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !web.keyward.setup_is_open(&secret).await? {
        return gone(&headers);
    }
    Ok(page(StatusCode::OK, &form("", "", web.keyward.policy.password_min_length)))
}

pub(crate) async fn post(
    State(web): State<Shared>,
    PathName(secret): PathName,
    Calling(caller): Calling,
    gate: Gate,
    headers: HeaderMap,
    Form(mut body): Form,
) -> Result<Response, Problem> {
    if !web.keyward.setup_is_open(&secret).await? {
        return gone(&headers);
    }
    let mut typed = String::new();
    let email = body.text("email", |text| {
        typed = text.to_owned();
        Ok(text.to_owned())
    });
    let password = body.text("password", |text| Ok(text.to_owned()));
    let values = values(email.as_deref(), password.as_deref());
    let shortest = web.keyward.policy.password_min_length;
    let again = |fault: &str| page(StatusCode::UNPROCESSABLE_ENTITY, &form(&typed, fault, shortest));
    let (email, password) = match values {
        Ok(values) => values,
        Err(invalid) => return Ok(again(&invalid.detail)),
    };
    gate.admit(&[Class::Passwords]).await?;
    match web.keyward.set_up(&secret, email, password, &caller).await {
        Ok(_) => Ok(page(StatusCode::OK, DONE)),
        Err(SetupError::Gone) => gone(&headers),
        Err(SetupError::New(NewUserError::Password(invalid))) => Ok(again(&invalid.detail)),
        Err(SetupError::New(NewUserError::Taken(Unique::Email))) => Ok(again(
            "a user with this e-mail address exists; choose another, or make that user an administrator on the command line",
        )),
        Err(SetupError::New(error)) => Err(error.into()),
    }
}

fn values(email: Option<&str>, password: Option<&str>) -> Result<(Email, Password), Invalid> {
    Ok((Email::parse(email.unwrap_or_default())?, Password::parse(password.unwrap_or_default())?))
}

/// A person sees a page, a program a problem.
fn gone(headers: &HeaderMap) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        Ok(page(StatusCode::NOT_FOUND, GONE))
    } else {
        Err(Problem::not_found())
    }
}

const GONE: &str = r#"<h1>This link leads nowhere</h1>
<p>It was used already, or it is of an earlier start. While there is no administrator, every start prints a new link.</p>"#;

const DONE: &str = r#"<h1>You are the administrator</h1>
<p>The account is made, and this link leads nowhere any more.</p>
<p><a href="/docs">Sign in at the API's pages</a> with the Authorize button.</p>"#;

fn form(email: &str, fault: &str, shortest: usize) -> String {
    let fault = match fault {
        "" => String::new(),
        text => format!(r#"<p class="fault" role="alert">{}</p>"#, escaped(text)),
    };
    format!(
        r#"<h1>Set up Keyward</h1>
<p>This makes the first administrator. The link works once.</p>
{fault}<form method="post">
<label>E-mail <input type="email" name="email" value="{}" required autofocus autocomplete="username"></label>
<label>Password <input type="password" name="password" required minlength="{shortest}" autocomplete="new-password"></label>
<p class="hint">At least {shortest} characters. A few words are better than a few symbols.</p>
<button>Make the administrator</button>
</form>"#,
        escaped(email)
    )
}

fn page(status: StatusCode, content: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Keyward</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.4rem; }}
label {{ display: block; margin: 1rem 0; }}
input {{ box-sizing: border-box; display: block; width: 100%; font: inherit; padding: .55rem .7rem; margin-top: .3rem; }}
button {{ font: inherit; font-weight: 600; padding: .6rem 1.1rem; margin-top: .5rem; }}
.hint {{ opacity: .75; font-size: .9rem; margin-top: -.5rem; }}
.fault {{ border-left: .25rem solid #c0392b; padding-left: .75rem; }}
</style></head><body><main>{content}</main></body></html>"#
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (status, headers, html).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
