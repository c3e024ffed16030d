//! `/setup/{token}`: the page behind the link that the first start prints. It makes the first administrator, works
//! once, and needs no script.

use super::{Reader, Words, escaped, password};
use crate::Shared;
use crate::body::Form;
use crate::extract::{Calling, PathName};
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::{Class, NewUserError, SetupError};
use keyward_auth::records::Unique;
use keyward_auth::values::{Email, Invalid};

pub(crate) async fn get(
    State(web): State<Shared>,
    PathName(secret): PathName,
    reader: Reader,
) -> Result<Response, Problem> {
    if !web.keyward.setup_is_open(&secret).await? {
        return Ok(gone(&reader));
    }
    Ok(reader.page(&title(&reader), &form(&web, &reader, "", None)))
}

pub(crate) async fn post(
    State(web): State<Shared>,
    PathName(secret): PathName,
    Calling(caller): Calling,
    gate: Gate,
    reader: Reader,
    Form(mut body): Form,
) -> Result<Response, Problem> {
    if !web.keyward.setup_is_open(&secret).await? {
        return Ok(gone(&reader));
    }
    let mut typed = String::new();
    let email = body.text("email", |text| {
        typed = text.to_owned();
        Ok(text.to_owned())
    });
    let again = |field: &str, invalid: Invalid| {
        let content = form(&web, &reader, &typed, Some(invalid.code));
        reader.refuse(Problem::field(field, invalid), &title(&reader), &content)
    };
    let email = match Email::parse(email.as_deref().unwrap_or_default()) {
        Ok(email) => email,
        Err(invalid) => return Ok(again("email", invalid)),
    };
    let password = match password::typed(&mut body) {
        Ok(password) => password,
        Err(invalid) => return Ok(again("password", invalid)),
    };
    if let Err(limited) = gate.admit(&[Class::Passwords]).await {
        return Ok(reader.put_off(limited.into()));
    }
    match web.keyward.set_up(&secret, email, password, &caller).await {
        Ok(_) => Ok(done(&reader)),
        Err(SetupError::Gone) => Ok(gone(&reader)),
        Err(SetupError::New(NewUserError::Password(invalid))) => Ok(again("password", invalid)),
        Err(SetupError::New(NewUserError::Taken(taken @ Unique::Email))) => {
            Ok(again("email", Invalid::new("taken", taken.to_string())))
        }
        Err(SetupError::New(NewUserError::Busy(busy))) => Ok(reader.put_off(busy.into())),
        Err(SetupError::New(error)) => Err(error.into()),
    }
}

fn gone(reader: &Reader) -> Response {
    let Words { nowhere: [title, _], setup_nowhere, .. } = reader.words;
    reader.refuse(Problem::not_found(), title, &format!("<p>{}</p>", reader.filled(setup_nowhere, &[])))
}

fn done(reader: &Reader) -> Response {
    let Words { set_up, api_pages, .. } = reader.words;
    let text = reader.filled(set_up.done_text, &[]);
    let content =
        format!(r#"<p role="status">{text}</p><p><a href="/docs">{}</a></p>"#, reader.filled(api_pages, &[]));
    reader.page(set_up.done_title, &content)
}

fn title(reader: &Reader) -> String {
    reader.filled(reader.words.set_up.title, &[])
}

fn form(web: &Shared, reader: &Reader, typed: &str, fault: Option<&str>) -> String {
    let Words { set_up, email, .. } = reader.words;
    let shortest = web.keyward.policy.password_min_length;
    format!(
        r#"<p>{}</p>
{}<form method="post">
<label>{email} <input type="email" name="email" value="{}" required autofocus autocomplete="username"></label>
{}<button>{}</button>
</form>"#,
        reader.filled(set_up.text, &[]),
        reader.fault(fault, shortest),
        escaped(typed),
        reader.password_inputs(shortest),
        set_up.button,
    )
}
