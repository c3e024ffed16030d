//! `keyward mail`: the outbox, by whoever may run commands beside the database. A running service sends what is retried
//! within a second or two; a test mail is sent by the command itself.

use super::out::Out;
use super::{Common, Failure, block_on, open, parsed, value};
use crate::config::Config;
use crate::wiring;
use clap::{Args, Subcommand, ValueEnum};
use keyward_auth::Keyward;
use keyward_auth::flows::{By, MailsError};
use keyward_auth::records::{Mail as Kept, MailSearch, MailState};
use keyward_auth::values::{Email, MailId};
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(super) enum Mail {
    /// List mails, newest first
    #[command(
        after_help = "Examples:\n  keyward mail list --state dead\n  keyward mail list --to ada@example.com --json"
    )]
    List(List),
    /// Show one mail: what it is about, and what became of it
    #[command(after_help = "Example:\n  keyward mail show 0192f0c1-7b1a-7000-8000-000000000001")]
    Show(One),
    /// Have a mail tried again at once that waits or was given up
    #[command(
        after_help = "Examples:\n  keyward mail retry 0192f0c1-7b1a-7000-8000-000000000001\n  keyward mail retry --dead"
    )]
    Retry(Retry),
    /// Send a test mail now, and say what the mail server says
    #[command(after_help = "Example:\n  keyward mail test --to you@example.com")]
    Test(Test),
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    Waiting,
    Sent,
    Dead,
}

#[derive(Args)]
pub(super) struct List {
    /// Only mails in this state
    #[arg(long)]
    state: Option<State>,
    /// Only mails to this address
    #[arg(long)]
    to: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

#[derive(Args)]
pub(super) struct One {
    /// The id of a mail, as `keyward mail list` shows it
    id: String,
}

#[derive(Args)]
pub(super) struct Retry {
    /// The id of a mail
    #[arg(required_unless_present = "dead")]
    id: Option<String>,
    /// All mails that were given up
    #[arg(long, conflicts_with = "id")]
    dead: bool,
}

#[derive(Args)]
pub(super) struct Test {
    /// The address to send it to
    #[arg(long)]
    to: String,
}

pub(super) fn run(common: &Common, out: Out, command: Mail) -> Result<(), Failure> {
    let config = common.load()?;
    block_on(async {
        let keyward = || open(&config, out);
        match command {
            Mail::List(list) => self::list(&*keyward().await?, out, &list).await,
            Mail::Show(one) => show(&*keyward().await?, out, &one).await,
            Mail::Retry(retry) => self::retry(&*keyward().await?, out, &retry).await,
            Mail::Test(test) => self::test(&config, out, &test).await,
        }
    })
}

/// How many are read at a time.
const PAGE: usize = 200;

async fn list(keyward: &Keyward, out: Out, list: &List) -> Result<(), Failure> {
    let state = list.state.map(|state| match state {
        State::Waiting => MailState::Waiting,
        State::Sent => MailState::Sent,
        State::Dead => MailState::Dead,
    });
    let search =
        MailSearch { state, to: parsed("--to", list.to.as_deref(), Email::parse)?, ..MailSearch::default() };
    each(keyward, search, list.limit, async |mail| {
        print(out, &mail);
        Ok(())
    })
    .await
}

/// Goes through what is found, newest first, a page at a time.
async fn each(
    keyward: &Keyward,
    mut search: MailSearch,
    most: usize,
    mut then: impl AsyncFnMut(Kept) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = most;
    while left > 0 {
        search.limit = left.min(PAGE);
        let page = keyward.list_mails(By::Operator, &search).await.map_err(Failure::refused)?;
        let is_last = page.len() < search.limit;
        left -= page.len();
        search.before = page.last().map(|mail| mail.id);
        for mail in page {
            then(mail).await?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

async fn show(keyward: &Keyward, out: Out, one: &One) -> Result<(), Failure> {
    let mail = match keyward.view_mail(By::Operator, id(&one.id)?).await {
        Err(MailsError::NotFound) => return Err(Failure::refused("there is no such mail, or not any more")),
        other => other.map_err(Failure::refused)?,
    };
    let line = |name: &str, text: Option<String>| text.map(|text| format!("  {name:9}  {text}"));
    let due = match mail.state {
        MailState::Waiting => "next try",
        MailState::Sent => "sent",
        MailState::Dead => "given up",
    };
    let lines = [
        Some(row(&mail)),
        line("asked", Some(mail.created_at.to_string())),
        line("from", mail.asked_from.map(|address| address.to_string())),
        line("user", mail.user.map(|user| user.to_string())),
        line("languages", mail.languages.as_ref().map(|languages| languages.as_str().to_owned())),
        line("attempts", Some(mail.attempts.to_string())),
        line(due, Some(mail.due_at.to_string())),
        line("reason", mail.reason.clone()),
    ];
    let text: Vec<String> = lines.into_iter().flatten().collect();
    out.answer(&text.join("\n"), &mail_json(&mail));
    Ok(())
}

async fn retry(keyward: &Keyward, out: Out, retry: &Retry) -> Result<(), Failure> {
    let mut retried = 0;
    if let Some(text) = &retry.id {
        keyward.retry_mail(By::Operator, id(text)?).await.map_err(Failure::refused)?;
        retried = 1;
    } else {
        let search = MailSearch { state: Some(MailState::Dead), ..MailSearch::default() };
        each(keyward, search, usize::MAX, async |mail| {
            match keyward.retry_mail(By::Operator, mail.id).await {
                Ok(()) => retried += 1,
                // Sent or gone meanwhile.
                Err(MailsError::NotFound) => {}
                Err(error) => return Err(Failure::refused(error)),
            }
            Ok(())
        })
        .await?;
    }
    out.answer(
        &format!("{retried} to be tried again; a running service sends within seconds"),
        &json!({ "retried": retried }),
    );
    Ok(())
}

async fn test(config: &Config, out: Out, test: &Test) -> Result<(), Failure> {
    let to = value("--to", Email::parse(&test.to))?;
    let said = wiring::send_test_mail(config, &to).await.map_err(Failure::refused)?;
    out.answer(&said, &json!({ "sent": true, "to": to.as_str(), "detail": said }));
    Ok(())
}

fn id(text: &str) -> Result<MailId, Failure> {
    text.parse().map_err(|_| {
        Failure::Refused(format!("{text} is not the id of a mail; `keyward mail list` shows them"))
    })
}

fn print(out: Out, mail: &Kept) {
    out.answer(&row(mail), &mail_json(mail));
}

fn row(mail: &Kept) -> String {
    let reason = mail.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!(
        "{}  {:7}  {:16}  {}  {}{reason}",
        mail.id,
        mail.state.as_str(),
        mail.topic.as_str(),
        mail.created_at,
        mail.to.as_str(),
    )
}

fn mail_json(mail: &Kept) -> Value {
    json!({
        "id": mail.id.to_string(), "state": mail.state.as_str(), "topic": mail.topic.as_str(), "to": mail.to.as_str(),
        "user": mail.user.map(|user| user.to_string()), "languages": mail.languages.as_ref().map(|languages| languages.as_str()), "asked_from": mail.asked_from,
        "created_at": mail.created_at.to_string(), "due_at": mail.due_at.to_string(), "attempts": mail.attempts,
        "reason": mail.reason,
    })
}
