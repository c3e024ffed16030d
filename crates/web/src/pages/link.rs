//! `/link/{token}`: the page behind the links in mails. `GET` shows what the link is good for and changes nothing, so
//! that scanners of mail and browsers that fetch ahead use nothing up; `POST`, which the page's one button sends, does it.
//!
//! Nothing guards the `POST` against being sent by another site, because there is nothing to forge: no cookie and no
//! session is involved, what it does rests on the token alone, and who has that needs no victim.

use super::{Ask, Reader, Words, password};
use crate::Shared;
use crate::body::Form;
use crate::extract::{Calling, PathName};
use crate::fields::Fields;
use crate::gate::Gate;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use keyward_auth::flows::{Caller, Class, CodeError, LinkView, ResetError};
use keyward_auth::records::{Purpose, Unique, User};
use keyward_auth::values::Invalid;

pub(crate) async fn get(
    State(web): State<Shared>,
    PathName(token): PathName,
    Calling(caller): Calling,
    headers: HeaderMap,
    reader: Reader,
) -> Response {
    let page = Page { web, caller, reader };
    match page.web.keyward.look_at_link(&token).await {
        Ok(Some(link)) => page.asks(&link),
        // Else a page with a hundred such pictures would use up the tries of whoever looks at it.
        Ok(None) if is_of_another_site(&headers) => page.leads_nowhere(),
        Ok(None) => page.counted().await,
        Err(error) => page.reader.put_off(error.into()),
    }
}

/// Whether a browser says that a page of another site has it ask (Fetch Metadata).
fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
}

pub(crate) async fn post(
    State(web): State<Shared>,
    PathName(token): PathName,
    Calling(caller): Calling,
    gate: Gate,
    reader: Reader,
    Form(mut form): Form,
) -> Response {
    let page = Page { web, caller, reader };
    let link = match page.web.keyward.look_at_link(&token).await {
        Ok(Some(link)) => link,
        Ok(None) => return page.counted().await,
        Err(error) => return page.reader.put_off(error.into()),
    };
    let keyward = &page.web.keyward;
    match link.purpose {
        Purpose::Verify | Purpose::Change => {
            page.confirm(&link, &gate, keyward.verify_by_link(&token, &page.caller)).await
        }
        Purpose::Undo => page.confirm(&link, &gate, keyward.undo_change(&token, &page.caller)).await,
        Purpose::Reset | Purpose::Invite => page.set_password(&link, &token, &gate, &mut form).await,
    }
}

/// A page for somebody.
struct Page {
    web: Shared,
    caller: Caller,
    reader: Reader,
}

impl Page {
    /// What takes no more than the button.
    async fn confirm(
        &self,
        link: &LinkView,
        gate: &Gate,
        confirmed: impl Future<Output = Result<User, CodeError>>,
    ) -> Response {
        if let Err(limited) = gate.admit(&[Class::Passwords]).await {
            return self.reader.put_off(limited.into());
        }
        match confirmed.await {
            Ok(_) => self.done(link),
            Err(error) => self.refused(link, error),
        }
    }

    async fn set_password(&self, link: &LinkView, token: &str, gate: &Gate, form: &mut Fields) -> Response {
        let password = match password::typed(form) {
            Ok(password) => password,
            Err(invalid) => return self.asks_again(link, invalid),
        };
        if let Err(limited) = gate.admit(&[Class::Passwords]).await {
            return self.reader.put_off(limited.into());
        }
        match self.web.keyward.reset_by_link(token, &password, &self.caller).await {
            Ok(()) => self.done(link),
            Err(ResetError::Password(invalid)) => self.asks_again(link, invalid),
            Err(ResetError::Code(error)) => self.refused(link, error),
        }
    }

    fn asks(&self, link: &LinkView) -> Response {
        self.reader.page(self.ask(link).title, &self.form(link, None))
    }

    /// The link is as good as before.
    fn asks_again(&self, link: &LinkView, invalid: Invalid) -> Response {
        let content = self.form(link, Some(invalid.code));
        self.reader.refuse(Problem::field("password", invalid), self.ask(link).title, &content)
    }

    fn done(&self, link: &LinkView) -> Response {
        let ask = self.ask(link);
        self.reader
            .page(ask.done_title, &format!(r#"<p role="status">{}</p>"#, self.about(ask.done_text, link)))
    }

    fn refused(&self, link: &LinkView, error: CodeError) -> Response {
        match error {
            CodeError::Refused => self.leads_nowhere(),
            CodeError::Taken => self.taken(link),
            CodeError::Limited(_) | CodeError::Busy(_) | CodeError::Store(_) => {
                self.reader.put_off(error.into())
            }
        }
    }

    fn taken(&self, link: &LinkView) -> Response {
        let [title, text] = self.reader.words.taken;
        let content = format!(r#"<p role="alert">{}</p>"#, self.about(text, link));
        self.reader.refuse(Problem::taken(Unique::Email), title, &content)
    }

    /// Nothing was found, so no flow has counted it: whoever tries many has to wait.
    async fn counted(&self) -> Response {
        match self.web.keyward.count_failure(&self.caller).await {
            Ok(()) => self.leads_nowhere(),
            Err(limited) => self.reader.put_off(limited.into()),
        }
    }

    /// The same for a link that was used, is over, was replaced, or never was one.
    fn leads_nowhere(&self) -> Response {
        let Words { nowhere: [title, text], .. } = self.reader.words;
        self.reader.refuse(Problem::not_found(), title, &format!("<p>{text}</p>"))
    }

    fn ask(&self, link: &LinkView) -> &'static Ask {
        let words = self.reader.words;
        match link.purpose {
            Purpose::Verify => &words.verify,
            Purpose::Change => &words.change,
            Purpose::Undo => &words.undo,
            Purpose::Reset => &words.reset,
            Purpose::Invite => &words.invite,
        }
    }

    fn about(&self, text: &str, link: &LinkView) -> String {
        self.reader.filled(text, &[("{email}", link.email.as_str())])
    }

    /// What the link is good for, and the button that does it. The form goes to where the page is, so that the token
    /// stands nowhere in it.
    fn form(&self, link: &LinkView, fault: Option<&str>) -> String {
        let (ask, shortest) = (self.ask(link), self.web.keyward.policy.password_min_length);
        let inputs = match link.purpose {
            Purpose::Verify | Purpose::Change | Purpose::Undo => String::new(),
            Purpose::Reset | Purpose::Invite => {
                self.reader.account_input(link.email.as_str()) + &self.reader.password_inputs(shortest)
            }
        };
        format!(
            r#"<p>{}</p>
{}<form method="post">
{inputs}<button>{}</button>
</form>"#,
            self.about(ask.text, link),
            self.reader.fault(fault, shortest),
            ask.button
        )
    }
}
