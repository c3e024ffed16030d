//! The pages that people see without an application: what all of them share. One shell, one style with the product's name
//! and colour, one strict policy, and no script. Which page is shown when is the handlers' to know.

pub(crate) mod link;
mod password;
mod reader;
pub(crate) mod setup;
mod words;

use reader::Reader;
use words::{Ask, Words};

use aws_lc_rs::digest;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;

/// How people know the service.
#[derive(Debug, Clone)]
pub struct Product {
    pub name: String,
    /// Red, green and blue of buttons and borders.
    pub colour: [u8; 3],
    /// What can be read on that colour.
    pub ink: [u8; 3],
}

/// What is the same on every page.
pub(crate) struct Pages {
    product: String,
    style: String,
    policy: Option<HeaderValue>,
}

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a page says to browsers and search engines beyond the headers of every reply. Every page is somebody's alone.
pub(crate) const ALONE: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (X_ROBOTS_TAG, HeaderValue::from_static("noindex, nofollow")),
    (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

impl Pages {
    pub(crate) fn new(product: &Product) -> Self {
        let style = style(product);
        // This one style and nothing else: what might be smuggled into a page is neither run nor shown nor loaded.
        let hash = BASE64.encode(digest::digest(&digest::SHA256, style.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        Self { product: escaped(&product.name), style, policy: HeaderValue::try_from(policy).ok() }
    }

    /// A whole page. `title` and `content` are HTML already; what comes from outside in them is [`escaped`].
    pub(crate) fn page(&self, status: StatusCode, words: &Words, title: &str, content: &str) -> Response {
        let Self { product, style, policy } = self;
        let Words { language, direction, .. } = words;
        let html = format!(
            r#"<!doctype html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow"><title>{title} - {product}</title><style>{style}</style></head>
<body><main><p class="product"><bdi>{product}</bdi></p>
<h1>{title}</h1>
{content}
</main></body></html>
"#
        );
        let mut response = (status, ALONE, html).into_response();
        if let Some(policy) = policy {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    }

    /// A text of [`Words`] as HTML, with the product's name and these values where it has places for them.
    pub(crate) fn filled(&self, text: &str, values: &[(&str, &str)]) -> String {
        let text = escaped(text).replace("{product}", &self.product);
        values.iter().fold(text, |text, (place, value)| {
            // Of its own direction, so that an address stays whole within words that run the other way.
            text.replace(place, &format!("<bdi>{}</bdi>", escaped(value)))
        })
    }
}

/// What a person typed, or a store kept, as text of an HTML element or a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// The style with the product's colours.
pub(crate) fn style(product: &Product) -> String {
    let hex = |[red, green, blue]: [u8; 3]| format!("#{red:02x}{green:02x}{blue:02x}");
    let (accent, ink) = (hex(product.colour), hex(product.ink));
    format!(":root{{--accent:{accent};--on-accent:{ink}}}\n{}", include_str!("style.css"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_style_that_is_in_the_page() {
        let pages =
            Pages::new(&Product { name: "A <b> & 'c'".into(), colour: [0x12, 0xab, 0xff], ink: [0, 0, 0] });
        let page = pages.page(StatusCode::OK, Words::chosen(None), "Title", "content");
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let style = pages.style.clone();
        let hash = BASE64.encode(digest::digest(&digest::SHA256, style.as_bytes()));
        assert!(policy.contains(&hash) && !policy.contains("unsafe") && !style.contains('<'), "{policy}");
        assert!(style.starts_with(":root{--accent:#12abff;--on-accent:#000000}"));
        assert_eq!(pages.product, "A &lt;b&gt; &amp; &#39;c&#39;");
    }

    #[test]
    fn what_is_filled_in_is_escaped_and_stands_by_itself() {
        let pages = Pages::new(&Product { name: "Acme".into(), colour: [0, 0, 0], ink: [255, 255, 255] });
        let filled = pages.filled("{product}: {email}", &[("{email}", "<a&b>\"{product}")]);
        assert_eq!(filled, "Acme: <bdi>&lt;a&amp;b&gt;&quot;{product}</bdi>");
    }
}
