//! `GET /dev/mail`: the list, and one mail with its code, its link, its text and its HTML. Works without a script; with it,
//! new mails appear by themselves.

use super::{InboxMail, mails, tag};
use crate::Shared;
use crate::extract::Query;
use crate::pages::{ALONE, escaped, style};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// The page's script; a file of its own, since the policy lets nothing run that stands in the page.
pub(super) const SCRIPT: &str = "/dev/mail.js";

/// The frame in which a mail's HTML is shown inherits this: it loads nothing, and being sandboxed it runs nothing. Styles
/// are as the mail has them, which is within its elements.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; \
     form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
);

pub(crate) async fn get(State(web): State<Shared>, query: Query) -> Result<Response, Problem> {
    let chosen = query.only("mail")?;
    let mails = mails(&web, None);
    let tag = tag(&mails);
    let mail = mails.iter().find(|mail| Some(mail.id.as_str()) == chosen).or(mails.first());
    let style = style(&web.settings.product) + include_str!("inbox.css");
    let html = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Mail - {product}</title><style>{style}</style><script src="{SCRIPT}" defer></script></head>
<body><header><h1>Mail of <bdi>{product}</bdi></h1>
<p id="live" role="status"><a href="/dev/mail">Look for new mails</a></p></header>
<main data-tag="{tag}">{list}{mail}</main></body></html>
"#,
        product = escaped(&web.settings.product.name),
        tag = escaped(tag.to_str().unwrap_or_default()),
        list = list(&mails, mail),
        mail = mail.map(one).unwrap_or_default(),
    );
    Ok((ALONE, [(header::CONTENT_SECURITY_POLICY, POLICY)], html).into_response())
}

fn list(mails: &[InboxMail], shown: Option<&InboxMail>) -> String {
    if mails.is_empty() {
        return "<p class=\"none\">No mail yet. What the service would send appears here, and goes nowhere else.</p>"
            .to_owned();
    }
    let line = |mail: &InboxMail| {
        let id: String = form_urlencoded::byte_serialize(mail.id.as_bytes()).collect();
        let current =
            if shown.is_some_and(|shown| shown.id == mail.id) { r#" aria-current="page""# } else { "" };
        format!(
            r#"<li><a href="/dev/mail?mail={id}"{current}><b dir="auto">{}</b> <span>{}</span> {}</a></li>"#,
            escaped(&mail.subject),
            escaped(&mail.to),
            time(mail),
        )
    };
    format!("<nav aria-label=\"Mails\"><ol>{}</ol></nav>", mails.iter().map(line).collect::<String>())
}

fn one(mail: &InboxMail) -> String {
    let code = mail.code.as_deref().map(|code| format!("<p class=\"code\">{}</p>", escaped(code)));
    let link = mail.link.as_deref().map(|link| {
        let shown = escaped(link);
        // Nothing but an address of the web is made into something to click.
        let is_web = link.starts_with("http://") || link.starts_with("https://");
        let link = if is_web { format!("<a href=\"{shown}\">{shown}</a>") } else { shown };
        format!("<p class=\"link\">{link}</p>")
    });
    format!(
        r#"<article><h2 dir="auto">{subject}</h2>
<p class="about">To <b>{to}</b>, {time}</p>{code}{link}
<h3>HTML</h3><iframe sandbox title="The mail as HTML" srcdoc="{html}"></iframe>
<p class="about">Links in this frame do nothing, and nothing is loaded in it.</p>
<h3>Text</h3><pre dir="auto">{text}</pre></article>"#,
        subject = escaped(&mail.subject),
        to = escaped(&mail.to),
        time = time(mail),
        code = code.unwrap_or_default(),
        link = link.unwrap_or_default(),
        // A link that would open a window does nothing in a sandbox, where another would leave an empty frame.
        html = escaped(&format!("{}<base target=\"_blank\">", mail.html)),
        text = escaped(&mail.text),
    )
}

/// To the second: `2026-11-21 09:40:00 UTC`.
fn time(mail: &InboxMail) -> String {
    let exact = escaped(&mail.sent_at.to_string());
    let short: String = exact.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect();
    format!(r#"<time datetime="{exact}">{short} UTC</time>"#)
}

pub(super) async fn script() -> Response {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], include_str!("inbox.js")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_auth::values::Timestamp;

    fn mail(text: &str) -> InboxMail {
        let text = || text.to_owned();
        let (code, link) = (Some(text()), Some(text()));
        let sent_at = Timestamp::from_micros(1_795_254_000_500_000);
        InboxMail { id: text(), to: text(), subject: text(), text: text(), html: text(), code, link, sent_at }
    }

    #[test]
    fn no_mail_gets_out_of_its_place() {
        let mail = mail("\"'><script>alert(1)</script><a href=javascript:alert(1)>&amp;");
        let html = list(std::slice::from_ref(&mail), Some(&mail)) + &one(&mail);
        assert!(!html.contains("<script") && !html.contains("<a href=java"));
        assert!(
            html.contains("<time datetime=\"2026-11-21T09:40:00.5Z\">2026-11-21 09:40:00 UTC</time>"),
            "{html}"
        );
        for quoted in html.split("=\"").skip(1) {
            let value = quoted.split('"').next().unwrap();
            assert!(!value.contains(['<', '>', '\'']), "{value}");
        }
    }

    #[test]
    fn only_an_address_of_the_web_can_be_clicked() {
        for (link, can) in [
            ("https://id.example.com/link/kwl_x", true),
            ("http://127.0.0.1:8000/link/kwl_x", true),
            ("javascript:alert(1)", false),
            (" https://id.example.com", false),
            ("data:text/html,x", false),
        ] {
            let mail = InboxMail { link: Some(link.to_owned()), ..mail("x") };
            assert_eq!(one(&mail).contains("<a href="), can, "{link}");
        }
    }
}
