//! `POST /auth/verify`: the code of a mail proves that its reader has the address.

use super::view;
use crate::Shared;
use crate::body::Json;
use crate::extract::Calling;
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use keyward_auth::flows::{Class, CodeError};
use keyward_auth::records::Unique;
use keyward_auth::values::Email;

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    uri: Uri,
    Json(mut body): Json,
) -> Result<Response, Problem> {
    body.synonym("code", "otp");
    let email = body.required("email", Email::parse);
    // Whatever is no six digits is a wrong code, and counts as one.
    let code = body.required("code", |text| Ok(text.to_owned()));
    let (email, code) = body.finish(email.zip(code))?;
    gate.admit(&[Class::Passwords]).await?;
    let user = web.keyward.verify_email(&email, &code, &caller).await?;
    let mut response = view::user(&user, &web, &uri);
    // For the log line: this request came without an access token.
    response.extensions_mut().insert(user.id);
    Ok(response)
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Refused => Self::invalid_code(),
            CodeError::Taken => Self::taken(Unique::Email),
            CodeError::Limited(limited) => limited.into(),
            CodeError::Busy(busy) => busy.into(),
            CodeError::Store(error) => error.into(),
        }
    }
}
