//! Who reads a page: a person, in a language, or a program, which gets problems instead of pages. Owns how an answer is
//! put into words for either.

use super::Words;
use crate::Shared;
use crate::extract::languages;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) struct Reader {
    web: Shared,
    pub(crate) words: &'static Words,
    is_person: bool,
}

impl FromRequestParts<Shared> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, Problem> {
        let accepts = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        Ok(Self {
            web: web.clone(),
            words: Words::chosen(languages(&parts.headers).as_ref()),
            is_person: accepts.unwrap_or_default().contains("text/html"),
        })
    }
}

impl Reader {
    /// A page of ours; `title` and `content` are HTML already.
    pub(crate) fn page(&self, title: &str, content: &str) -> Response {
        self.web.pages.page(StatusCode::OK, self.words, title, content)
    }

    /// A text of the words as HTML, with these values in their places.
    pub(crate) fn filled(&self, text: &str, values: &[(&str, &str)]) -> String {
        self.web.pages.filled(text, values)
    }

    /// A refusal: the problem for a program; for a person a page with the same status and headers.
    pub(crate) fn refuse(&self, problem: Problem, title: &str, content: &str) -> Response {
        let mut response = problem.into_response();
        if self.is_person {
            let page = self.web.pages.page(response.status(), self.words, title, content);
            let (parts, body) = page.into_parts();
            response.headers_mut().extend(parts.headers);
            *response.body_mut() = body;
        }
        response
    }

    /// A refusal that says nothing about what was asked for: too often, or not right now.
    pub(crate) fn put_off(&self, problem: Problem) -> Response {
        let Words { limited, unavailable, again, .. } = self.words;
        let wait = problem.wait().to_string();
        let [title, text] = if problem.is(&crate::problem::RATE_LIMITED) { limited } else { unavailable };
        let text = self.filled(text, &[("{n}", &wait)]);
        // The page itself once more: nothing was used up.
        let content = format!(r#"<p role="alert">{text}</p><p><a href="">{again}</a></p>"#);
        self.refuse(problem, title, &content)
    }
}
