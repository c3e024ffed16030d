//! `POST /auth/password/reset`: a new password, against the token of a mail's link or the code beside it. Signs nobody in.

use crate::Shared;
use crate::body::Json;
use crate::extract::Calling;
use crate::fields::Fields;
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use keyward_auth::flows::{Class, ResetError};
use keyward_auth::values::{Email, Invalid, Password};

/// What came by mail.
enum Proof {
    Token(String),
    Code(Email, String),
}

pub(crate) async fn post(
    State(web): State<Shared>,
    Calling(caller): Calling,
    gate: Gate,
    Json(mut body): Json,
) -> Result<StatusCode, Problem> {
    let proof = proof(&mut body);
    let password = body.required("password", Password::parse);
    let (proof, password) = body.finish(proof.zip(password))?;
    gate.admit(&[Class::Passwords]).await?;
    match proof {
        Proof::Token(token) => web.keyward.reset_by_link(&token, &password, &caller).await?,
        Proof::Code(email, code) => web.keyward.reset_password(&email, &code, &password, &caller).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// One of two ways, never half of each.
fn proof(body: &mut Fields) -> Option<Proof> {
    let text = |text: &str| Ok(text.to_owned());
    let has_code = body.is_given("email") || body.is_given("code");
    match (body.is_given("token"), has_code) {
        (true, true) => {
            body.refuse(
                "token",
                Invalid::new("contradiction", "send the token, or the address and the code"),
            );
            body.ignore(&["token", "email", "code"]);
            None
        }
        (false, true) => {
            body.ignore(&["token"]);
            let email = body.required("email", Email::parse);
            let code = body.required("code", text);
            email.zip(code).map(|(email, code)| Proof::Code(email, code))
        }
        (_, false) => {
            body.ignore(&["email", "code"]);
            body.required("token", text).map(Proof::Token)
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::Password(invalid) => Self::field("password", invalid),
            ResetError::Code(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Unknown;
    use serde_json::{Value, json};

    fn read(body: Value) -> &'static str {
        let Value::Object(members) = body else { panic!("an object") };
        let mut body = Fields::new(members, Unknown::Refuse);
        let proof = proof(&mut body);
        match body.finish(proof) {
            Ok(Proof::Token(_)) => "token",
            Ok(Proof::Code(..)) => "code",
            Err(_) => "refused",
        }
    }

    #[test]
    fn one_way_and_not_both() {
        for (body, way) in [
            (json!({"token": "t"}), "token"),
            (json!({"token": ""}), "token"),
            (json!({"token": "t", "email": null, "code": null}), "token"),
            (json!({"email": "a@x.test", "code": "123456"}), "code"),
            (json!({"email": "a@x.test", "code": " 1 ", "token": null}), "code"),
            (json!({}), "refused"),
            (json!({"token": null}), "refused"),
            (json!({"token": []}), "refused"),
            (json!({"token": 1}), "refused"),
            (json!({"email": "a@x.test"}), "refused"),
            (json!({"code": "123456"}), "refused"),
            (json!({"email": "a@x.test", "code": 123_456}), "refused"),
            (json!({"email": "a@x.test", "code": null}), "refused"),
            (json!({"email": "a@x.test", "code": ["123456"]}), "refused"),
            (json!({"email": "x", "code": "123456"}), "refused"),
            (json!({"token": "t", "email": "a@x.test"}), "refused"),
            (json!({"token": "t", "code": "123456"}), "refused"),
            (json!({"token": "t", "email": "a@x.test", "code": "123456"}), "refused"),
            (json!({"token": "t", "otp": "123456"}), "refused"),
        ] {
            assert_eq!(read(body.clone()), way, "{body}");
        }
    }
}
