//! `POST /auth/refresh`: a refresh token for new tokens, as JSON or as OAuth2's form (RFC 6749, section 6).

use super::tokens;
use crate::Shared;
use crate::body::JsonOrForm;
use crate::extract::Calling;
use crate::problem::{self, Problem};
use axum::extract::State;
use axum::response::Response;
use keyward_auth::flows::RefreshError;
use keyward_auth::values::Invalid;

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    JsonOrForm(mut body): JsonOrForm,
) -> Result<Response, Problem> {
    let token = body.required("refresh_token", |text| Ok(text.to_owned()));
    body.text("grant_type", |grant| match grant {
        "refresh_token" => Ok(()),
        _ => Err(Invalid::new("unsupported_grant_type", "the grant here is refresh_token")),
    });
    let token = body.finish(token)?;
    Ok(tokens::reply(&web.keyward.refresh(&token, &caller).await?))
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused => {
                let detail = "the refresh token is not valid: wrong, used before, or its session is over";
                Self::new(&problem::INVALID_GRANT, detail).oauth("invalid_grant")
            }
            RefreshError::Key(error) => error.into(),
            RefreshError::Store(error) => error.into(),
        }
    }
}
